// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc egress of an underlay device: the last moment before the wire. Sends packets for ready peers
// into their tunnel.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/lookup.h"

const volatile bool policy_require = false;
const volatile bool hosts = false;
const volatile __u32 fwmark = 0x1000;
const volatile __u32 mark_mask = 0x3000;
const volatile __u32 tunnel_id = 0; /* whose outer packets these may be */

static __always_inline struct wgs_way wgs_way_to(struct wgs_decision* decision, __u32* ifindex) {
    struct wgs_peer peer = wgs_peer_of(decision->peer);
    const struct wgs_tunnel* tunnel = wgs_tunnel_of(peer.tunnel);
    decision->tunnel = peer.tunnel;
    *ifindex = tunnel ? tunnel->ifindex : 0;
    return (struct wgs_way){.peer_state = peer.state, .tunnel_up = tunnel != 0};
}

static __always_inline void wgs_decide(const struct wgs_packet* packet, bool marked,
                                       struct wgs_decision* decision, __u32* ifindex) {
    decision->reason = wgs_out_by_headers(packet, marked, wgs_port_of(tunnel_id));
    if (decision->reason != WGS_REASON_none) return;
    struct wgs_owners owners = {.destination = wgs_owner_of(packet, packet->destination)};
    if (owners.destination) owners.source = wgs_owner_of(packet, packet->source);
    decision->peer = WGS_OWNER_PEER(owners.destination);
    struct wgs_way way = wgs_way_to(decision, ifindex);
    bool outer_piece = marked && wgs_is_udp_piece(packet);
    decision->reason = wgs_out_by_owners(&owners, &way, outer_piece, hosts);
}

SEC("tc")
int wgs_nic_out(struct __sk_buff* skb) {
    struct wgs_packet packet;
    struct wgs_decision decision = {};
    enum wgs_verdict verdict;
    __u32 ifindex = 0;

    wgs_parse_skb(skb, &packet);
    wgs_decide(&packet, (skb->mark & mark_mask) == fwmark, &decision, &ifindex);
    verdict =
        wgs_out_verdict(decision.reason, policy_require ? WGS_POLICY_REQUIRE : WGS_POLICY_PREFER);
    wgs_account(skb, WGS_HOOK_NIC_OUT, &decision, verdict, packet.l3_offset);
    switch (verdict) {
        case WGS_VERDICT_STEER:
            return wgs_steer(skb, &packet, ifindex);
        case WGS_VERDICT_DROP:
            return TC_ACT_SHOT;
        default:
            return WGS_ACT_PASS;
    }
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
