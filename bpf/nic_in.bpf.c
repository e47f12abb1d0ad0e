// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc ingress of an underlay device: lets decrypted packets through and counts clear text from the
// mesh.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/lookup.h"

const volatile bool hosts = false;
const volatile __u32 mark_mask = 0x3000;
const volatile __u32 decrypted_mark = 0x2000;
const volatile __u32 tunnel_id = 0; /* whose port receives outer packets */

static __always_inline void wgs_decide(const struct wgs_packet* packet, bool decrypted,
                                       struct wgs_decision* decision) {
    decision->reason = wgs_in_by_headers(packet, decrypted, wgs_port_of(tunnel_id));
    if (decision->reason != WGS_REASON_none) return;
    struct wgs_owners owners = {.destination = wgs_owner_of(packet, packet->destination)};
    if (owners.destination) owners.source = wgs_owner_of(packet, packet->source);
    decision->peer = WGS_OWNER_PEER(owners.source);
    decision->reason = wgs_in_by_owners(&owners, wgs_is_udp_piece(packet), hosts);
}

SEC("tc")
int wgs_nic_in(struct __sk_buff* skb) {
    struct wgs_packet packet;
    struct wgs_decision decision = {};

    wgs_parse_skb(skb, &packet);
    wgs_decide(&packet, (skb->mark & mark_mask) == decrypted_mark, &decision);
    wgs_account(skb, WGS_HOOK_NIC_IN, &decision, WGS_VERDICT_PASS, packet.l3_offset);
    if (decision.reason == WGS_REASON_decrypted) skb->mark &= ~mark_mask;
    return WGS_ACT_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
