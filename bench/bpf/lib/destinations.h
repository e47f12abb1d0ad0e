/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses to look up or to send to; filled once, and shared by all programs of the bench. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/layout.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_DESTINATIONS);
    __type(key, __u32);
    __type(value, __u32);
} wgs_dest4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_DESTINATIONS);
    __type(key, __u32);
    __type(value, struct wgs_destination6);
} wgs_dest6 SEC(".maps");

/* Never null: the verifier does not know. */
static __always_inline const __u32* wgs_destination_ipv4(__u32 at) {
    __u32 row = at & (WGS_DESTINATIONS - 1);
    return bpf_map_lookup_elem(&wgs_dest4, &row);
}

static __always_inline const struct wgs_destination6* wgs_destination_ipv6(__u32 at) {
    __u32 row = at & (WGS_DESTINATIONS - 1);
    return bpf_map_lookup_elem(&wgs_dest6, &row);
}
