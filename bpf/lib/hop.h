/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What forwarding does to an IP header, where the host's stack does not get to do it. */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/packet.h"

static __always_inline int wgs_spend_ttl(struct __sk_buff* skb, __u32 l3_offset) {
    __u32 at = l3_offset + offsetof(struct iphdr, ttl);
    __u8 before[2]; /* the TTL and its neighbour: a word of the checksum */
    if (bpf_skb_load_bytes(skb, at, before, sizeof(before))) return -1;
    __u8 after[2] = {before[0] - 1, before[1]};
    __u16 from, to;
    __builtin_memcpy(&from, before, sizeof(from));
    __builtin_memcpy(&to, after, sizeof(to));
    if (bpf_l3_csum_replace(skb, l3_offset + offsetof(struct iphdr, check), from, to, sizeof(to)))
        return -1;
    return bpf_skb_store_bytes(skb, at, after, sizeof(after), 0);
}

static __always_inline int wgs_spend_hop_limit(struct __sk_buff* skb, __u32 l3_offset,
                                               __u8 hop_limit) {
    __u8 left = hop_limit - 1;
    return bpf_skb_store_bytes(skb, l3_offset + offsetof(struct ipv6hdr, hop_limit), &left,
                               sizeof(left), BPF_F_RECOMPUTE_CSUM);
}

/* Counts one hop. Only for packets that may take another: hop_limit > 1. */
static __always_inline int wgs_spend_hop(struct __sk_buff* skb, const struct wgs_packet* packet,
                                         __u32 l3_offset) {
    if (packet->kind == WGS_PACKET_IPV4) return wgs_spend_ttl(skb, l3_offset);
    return wgs_spend_hop_limit(skb, l3_offset, packet->hop_limit);
}
