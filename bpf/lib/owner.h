/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who owns an address: the longest prefix of the tables that holds it. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "maps/maps.bpf.h"

static __always_inline __u32 wgs_owner_of_ipv4(const __u32* address) {
    struct wgs_prefix4 key = {.length = 32};
    __builtin_memcpy(key.address, address, sizeof(key.address));
    const struct wgs_owner* owner = bpf_map_lookup_elem(&wgs_prefix4_v1, &key);
    return owner ? owner->peer_and_class : 0;
}

static __always_inline __u32 wgs_owner_of_ipv6(const __u32* address) {
    struct wgs_prefix6 key = {.length = 128};
    __builtin_memcpy(key.address, address, sizeof(key.address));
    const struct wgs_owner* owner = bpf_map_lookup_elem(&wgs_prefix6_v1, &key);
    return owner ? owner->peer_and_class : 0;
}
