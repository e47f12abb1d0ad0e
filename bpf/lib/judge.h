/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tables and decide.h say of a leaving packet, at whichever hook. */
#pragma once

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/lookup.h"

static __always_inline void wgs_look_up(const struct wgs_packet* packet,
                                        const struct wgs_scope* scope, struct wgs_owners* owners) {
    owners->destination = wgs_owner_of(packet, packet->destination);
    if (!owners->destination) return;
    owners->source = wgs_owner_of(packet, packet->source);
    if (wgs_is_node_to_node(owners) && wgs_is_in_scope(packet, scope))
        owners->bypassed = wgs_is_bypassed(packet);
}

/* `marked`: the packet carries the tunnels' fwmark. `tunnels`: how many there are.
 * `decision` and `way` are all zero before. */
static __always_inline void wgs_judge(struct __sk_buff* skb, const struct wgs_packet* packet,
                                      bool marked, __u32 tunnels, const struct wgs_scope* scope,
                                      struct wgs_decision* decision, struct wgs_way* way) {
    struct wgs_owners owners = {};

    bool from_tunnel = marked && wgs_is_tunnel_port(packet->source_port, tunnels);
    decision->reason = wgs_out_by_headers(packet, marked, from_tunnel);
    if (decision->reason != WGS_REASON_none) return;
    wgs_look_up(packet, scope, &owners);
    decision->peer = WGS_OWNER_PEER(owners.destination);
    decision->tunnel = wgs_way_to(decision->peer, way);
    decision->reason = wgs_out_by_owners(packet, marked, &owners, way, scope);
    if (decision->reason != WGS_REASON_steered) return;
    const struct wgs_size size = wgs_size_of(skb, packet);
    decision->reason = wgs_out_by_size(packet, &owners, &size, way->mtu);
}
