/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables, behind functions: what kind of map answers is known only here. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "bpf/lib/decide.h"
#include "bpf/lib/owner.h"
#include "maps/maps.bpf.h"

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

/* Null when there is no such device. */
static __always_inline const struct wgs_underlay* wgs_underlay_of(__u32 index) {
    const struct wgs_underlay* underlay = bpf_map_lookup_elem(&wgs_underlay_v1, &index);
    return underlay && underlay->ifindex ? underlay : 0;
}

static __always_inline bool wgs_bypass_has(__u8 protocol, __u16 port) {
    struct wgs_service service = {.protocol = protocol, .port = port};
    return bpf_map_lookup_elem(&wgs_bypass_v1, &service) != 0;
}

/* Whether the bypass table has the service at either side. */
static __always_inline bool wgs_is_bypassed(const struct wgs_packet* packet) {
    return wgs_bypass_has(packet->protocol, packet->destination_port) ||
           wgs_bypass_has(packet->protocol, packet->source_port);
}

/* Whether it is the UDP port of one of the first `tunnels`, be their devices there or not. */
static __always_inline bool wgs_is_tunnel_port(__u16 port, __u32 tunnels) {
    for (__u32 i = 0; i < WGS_MAX_TUNNELS && i < tunnels; i++) {
        __u32 index = i; /* Linux 6.1 loses track of a counter on the stack */
        const struct wgs_tunnel* tunnel = bpf_map_lookup_elem(&wgs_tunnels_v1, &index);
        if (tunnel && tunnel->port && tunnel->port == port) return true;
    }
    return false;
}

/* All zero for an id outside the table. */
static __always_inline struct wgs_peer wgs_peer_of(__u32 id) {
    const struct wgs_peer* peer = bpf_map_lookup_elem(&wgs_peers_v1, &id);
    return peer ? *peer : (struct wgs_peer){};
}

/* Returns the index of the tunnel. */
static __always_inline __u32 wgs_way_to(__u32 id, struct wgs_way* way) {
    const struct wgs_peer peer = wgs_peer_of(id);
    const struct wgs_tunnel* tunnel = wgs_tunnel_of(peer.tunnel);
    way->peer_state = peer.state;
    way->mtu = peer.mtu;
    way->ifindex = tunnel ? tunnel->ifindex : 0;
    return peer.tunnel;
}
