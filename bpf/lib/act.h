/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a decision does to the packet and to the counters. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/decide.h"
#include "bpf/lib/tell.h"
#include "maps/maps.bpf.h"

/* Not TC_ACT_OK, which would end the chain of programs: those of others still have their turn. */
#define WGS_ACT_PASS TC_ACT_UNSPEC

/* An accelerated tag may come on top of those in the frame. */
#define WGS_MAX_TAGS_TO_POP 3

static __always_inline void wgs_add(struct wgs_counter* counter, __u64 bytes) {
    counter->packets++;
    counter->bytes += bytes;
}

/* Returns how many packets of the peer this reason has met on this CPU; 0: not known. */
static __always_inline __u64 wgs_count(enum wgs_hook hook, const struct wgs_decision* decision,
                                       enum wgs_verdict verdict, __u64 bytes) {
    __u32 reason = decision->reason;
    if (reason >= WGS_REASON_COUNT) return 0; /* for the verifier */
    __u32 index = WGS_VERDICT_INDEX(hook, reason);
    struct wgs_counter* total = bpf_map_lookup_elem(&wgs_verdict_v1, &index);
    if (total) wgs_add(total, bytes);
    if (!wgs_is_peer(decision->peer)) return 0;
    struct wgs_peer_stats* stats = bpf_map_lookup_elem(&wgs_stats_v1, &decision->peer);
    if (!stats) return 0;
    wgs_add(&stats->by_reason[reason], bytes);
    if (verdict == WGS_VERDICT_DROP) wgs_add(&stats->dropped, bytes);
    return stats->by_reason[reason].packets;
}

static __always_inline bool wgs_is_probe(const struct __sk_buff* skb) {
    return skb->cb[3] == WGS_PROBE_CB3 && skb->cb[4] == WGS_PROBE_CB4;
}

static __always_inline void wgs_answer_probe(struct __sk_buff* skb,
                                             const struct wgs_decision* decision) {
    skb->cb[0] = decision->reason;
    skb->cb[1] = decision->peer;
    skb->cb[2] = decision->tunnel;
}

/* Counts the packet, once in its life at this hook, and tells those who listen. Returns what
 * wgs_count() does; for a probe 0. */
static __always_inline __u64 wgs_account(struct __sk_buff* skb, enum wgs_hook hook,
                                         const struct wgs_decision* decision,
                                         enum wgs_verdict verdict, struct wgs_packet* packet) {
    if (wgs_is_probe(skb)) {
        wgs_answer_probe(skb, decision);
        return 0;
    }
    const __u64 nth = wgs_count(hook, decision, verdict, skb->len - packet->l3_offset);
    if (!wgs_is_asked_about(decision->reason)) return nth;
    struct wgs_told told = {.decision = *decision, .hook = hook, .verdict = verdict};
    wgs_tell_of_skb(skb, packet, &told);
    return nth;
}

/* WireGuard refuses a packet whose protocol is not its IP version, and an accelerated tag would be
 * written into a packet that has no Ethernet header any more. */
static __always_inline int wgs_pop_vlan_tags(struct __sk_buff* skb, __u32 tags_in_frame) {
    __u32 tags = tags_in_frame + (skb->vlan_present ? 1 : 0);
    for (__u32 i = 0; i < WGS_MAX_TAGS_TO_POP && i < tags; i++) {
        if (bpf_skb_vlan_pop(skb)) return -1;
    }
    return 0;
}

/* Of the packets that a device will make of this one, the largest. */
static __always_inline struct wgs_size wgs_size_of(const struct __sk_buff* skb,
                                                   const struct wgs_packet* packet) {
    if (skb->gso_size)
        return (struct wgs_size){
            .bytes = packet->payload_offset - packet->l3_offset + skb->gso_size, .segmented = true};
    return (struct wgs_size){.bytes = skb->len - packet->l3_offset};
}

/* Gives a bare IP packet the Ethernet header of a frame that came in by the underlay device. */
static __always_inline int wgs_push_ethernet(struct __sk_buff* skb,
                                             const struct wgs_underlay* underlay, __u16 ethertype) {
    struct ethhdr ethernet = {.h_source = WGS_REINJECT_SOURCE_MAC,
                              .h_proto = WGS_SWAP16(ethertype)};
    __builtin_memcpy(ethernet.h_dest, underlay->mac, ETH_ALEN);
    if (bpf_skb_change_head(skb, ETH_HLEN, 0)) return -1;
    return bpf_skb_store_bytes(skb, 0, &ethernet, sizeof(ethernet), 0);
}
