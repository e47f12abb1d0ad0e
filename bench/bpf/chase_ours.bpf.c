// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The chase through the tables of wgsteer, which the user side lends.
#include <linux/bpf.h>

#include "bpf/lib/owner.h"

#include "bench/bpf/lib/chase.h"
