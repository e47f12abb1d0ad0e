// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc ingress of a tunnel: sends decrypted packets back to the underlay device, as if they came from
// its wire in clear, or with `path: fast` into the pods that they are for.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/deliver.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/lookup.h"
#include "bpf/lib/mss.h"

const volatile bool fast = false;
const volatile __u32 mark_mask = 0x3000;
const volatile __u32 decrypted_mark = 0x2000;

static __always_inline int wgs_reinject(struct __sk_buff* skb, const struct wgs_packet* packet,
                                        const struct wgs_underlay* underlay) {
    __u16 ethertype = packet->kind == WGS_PACKET_IPV4 ? ETH_P_IP : ETH_P_IPV6;
    if (wgs_push_ethernet(skb, underlay, ethertype)) return TC_ACT_SHOT;
    skb->mark = (skb->mark & ~mark_mask) | decrypted_mark;
    return (int)bpf_redirect(underlay->ifindex, BPF_F_INGRESS);
}

SEC("tc")
int wgs_wg_in(struct __sk_buff* skb) {
    struct wgs_decision decision = {};
    struct wgs_packet packet;

    wgs_parse_bare_skb(skb, &packet);
    __u32 owner = wgs_is_ip(&packet) ? wgs_owner_of(&packet, packet.source) : 0;
    decision.peer = WGS_OWNER_PEER(owner);
    const struct wgs_peer peer = wgs_peer_of(decision.peer);
    decision.tunnel = peer.tunnel;
    const struct wgs_underlay* underlay = wgs_underlay_of(peer.underlay);
    decision.reason = wgs_decrypted_by_owner(owner, underlay != 0);
    bool accepted = underlay && decision.reason == WGS_REASON_decrypted;
    const struct wgs_pod* pod = fast && accepted ? wgs_direct_pod(skb, &packet, &peer) : 0;
    if (pod) decision.reason = WGS_REASON_delivered;
    wgs_account(skb, WGS_HOOK_WG_IN, &decision, accepted ? WGS_VERDICT_STEER : WGS_VERDICT_DROP,
                &packet);
    if (!accepted) return TC_ACT_SHOT;
    wgs_fit_mss(skb, &packet, peer.mtu);
    if (pod) return wgs_deliver(skb, &packet, pod);
    return wgs_reinject(skb, &packet, underlay);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
