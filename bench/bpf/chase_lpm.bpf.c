// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The chase through LPM_TRIE, which is what Cilium's ipcache is.
#include <linux/bpf.h>

#include "bench/bpf/lpm/bpf/lib/owner.h"

#include "bench/bpf/lib/chase.h"
