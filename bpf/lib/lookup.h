/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables, behind functions: what kind of map answers is known only here. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "bpf/lib/decide.h"
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

/* The owner word of an address of the packet's family; 0: nobody. */
static __always_inline __u32 wgs_owner_of(const struct wgs_packet* packet, const __u32* address) {
    return packet->kind == WGS_PACKET_IPV4 ? wgs_owner_of_ipv4(address)
                                           : wgs_owner_of_ipv6(address);
}

/* Null when there is no such tunnel or its device is missing. */
static __always_inline const struct wgs_tunnel* wgs_tunnel_of(__u32 index) {
    const struct wgs_tunnel* tunnel = bpf_map_lookup_elem(&wgs_tunnels_v1, &index);
    return tunnel && tunnel->ifindex ? tunnel : 0;
}

/* UDP port of a tunnel, whether its device is there or not; 0: none. */
static __always_inline __u16 wgs_port_of(__u32 index) {
    const struct wgs_tunnel* tunnel = bpf_map_lookup_elem(&wgs_tunnels_v1, &index);
    return tunnel ? tunnel->port : 0;
}

/* All zero for an id outside the table. */
static __always_inline struct wgs_peer wgs_peer_of(__u32 id) {
    const struct wgs_peer* peer = bpf_map_lookup_elem(&wgs_peers_v1, &id);
    return peer ? *peer : (struct wgs_peer){};
}
