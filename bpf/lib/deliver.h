/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decrypted packets, straight into the pod's end of its veth. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/decide.h"
#include "bpf/lib/hop.h"
#include "bpf/lib/lookup.h"
#include "bpf/lib/pods.h"

/* The pod that a packet from this peer goes straight to; null: it goes the transparent way. Towards
 * a peer that is not ready pods' packets leave through the stack. The host answers for a hop limit
 * that ends here. */
static __always_inline const struct wgs_pod* wgs_direct_pod(struct __sk_buff* skb,
                                                            const struct wgs_packet* packet,
                                                            const struct wgs_peer* peer) {
    if (packet->hop_limit <= 1 || peer->state != WGS_STATE_READY) return 0;
    const struct wgs_pod* pod = wgs_pod_at(packet->kind, packet->destination);
    return pod && wgs_is_fast_flow(skb, packet, pod) ? pod : 0;
}

/* As forwarding would have done it. The mark goes, as it does when a packet crosses a veth. */
static __always_inline int wgs_deliver(struct __sk_buff* skb, const struct wgs_packet* packet,
                                       const struct wgs_pod* pod) {
    __u16 ethertype = packet->kind == WGS_PACKET_IPV4 ? ETH_P_IP : ETH_P_IPV6;
    struct ethhdr ethernet = {.h_proto = bpf_htons(ethertype)};
    __u32 ifindex = pod->ifindex;
    __builtin_memcpy(ethernet.h_dest, pod->mac, ETH_ALEN);
    __builtin_memcpy(ethernet.h_source, pod->gateway_mac, ETH_ALEN);
    if (wgs_spend_hop(skb, packet, 0)) return TC_ACT_SHOT;
    if (bpf_skb_change_head(skb, ETH_HLEN, 0)) return TC_ACT_SHOT;
    if (bpf_skb_store_bytes(skb, 0, &ethernet, sizeof(ethernet), 0)) return TC_ACT_SHOT;
    skb->mark = 0;
    return (int)bpf_redirect_peer(ifindex, 0);
}
