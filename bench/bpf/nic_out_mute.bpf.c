// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// wgs_nic_out that tells nobody: its very source, but for the question whether anybody listens.
#include "bpf/lib/event.h"
#define wgs_is_asked_about(reason) false
#include "bpf/nic_out.bpf.c"
