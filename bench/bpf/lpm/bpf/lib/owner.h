/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bpf/lib/owner.h promises, by the kernel's LPM_TRIE. On the include path before the project's
 * own, it takes that one's place in any program.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps/maps.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct wgs_prefix4);
    __type(value, __u32);
} wgs_lpm4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct wgs_prefix6);
    __type(value, __u32);
} wgs_lpm6 SEC(".maps");

static __always_inline __u32 wgs_owner_of_ipv4(const __u32* address) {
    struct wgs_prefix4 key = {.length = 32};
    __builtin_memcpy(key.address, address, sizeof(key.address));
    const __u32* owner = bpf_map_lookup_elem(&wgs_lpm4, &key);
    return owner ? *owner : 0;
}

static __always_inline __u32 wgs_owner_of_ipv6(const __u32* address) {
    struct wgs_prefix6 key = {.length = 128};
    __builtin_memcpy(key.address, address, sizeof(key.address));
    const __u32* owner = bpf_map_lookup_elem(&wgs_lpm6, &key);
    return owner ? *owner : 0;
}
