// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// wgs_nic_out over LPM_TRIE: its very source, compiled with bench/bpf/lpm first on the include
// path.
#include "bpf/nic_out.bpf.c"
