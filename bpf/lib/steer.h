/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Into the tunnel, or back to the sender: what becomes of a leaving packet for a ready peer. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/inner_mss.h"
#include "bpf/lib/mss.h"
#include "bpf/lib/pieces.h"
#include "bpf/lib/too_big.h"

/* Hands the packet to the tunnel's device, which has no layer 2: the redirect takes the header off.
 */
static __always_inline int wgs_steer(struct __sk_buff* skb, const struct wgs_packet* packet,
                                     enum wgs_reason reason, const struct wgs_way* way) {
    wgs_fit_mss(skb, packet, way->mtu);
    wgs_fit_inner_mss(skb, packet, way->mtu);
    if (wgs_pop_vlan_tags(skb, packet->vlan_tags)) return TC_ACT_SHOT;
    if (reason == WGS_REASON_in_pieces && !wgs_is_probe(skb))
        return wgs_steer_in_pieces(skb, way->mtu, way->ifindex);
    return (int)bpf_redirect(way->ifindex, 0);
}

/* The answer carries the mark of decrypted packets: it comes from here, whatever it looks like. */
static __always_inline int wgs_answer_too_big(struct __sk_buff* skb,
                                              const struct wgs_packet* packet, __u32 mtu,
                                              __u32 decrypted_mark, __u32 mark_mask) {
    if (wgs_is_probe(skb) || !wgs_may_be_answered(packet) || wgs_told_just_now(packet))
        return TC_ACT_SHOT;
    skb->mark = (skb->mark & ~mark_mask) | decrypted_mark;
    if (packet->kind == WGS_PACKET_IPV4) return wgs_answer_too_big4(skb, packet->l3_offset, mtu);
    if (mtu < WGS_IPV6_MIN_MTU) mtu = WGS_IPV6_MIN_MTU;
    return wgs_answer_too_big6(skb, packet->l3_offset, mtu);
}
