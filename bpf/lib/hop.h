/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What forwarding does to an IP header, where the host's stack does not get to do it. */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/packet.h"

static __always_inline struct iphdr* wgs_ipv4_at(struct __sk_buff* skb, __u32 l3_offset) {
    struct iphdr* ip = (struct iphdr*)((__u8*)(long)skb->data + l3_offset);
    asm volatile("" : "+r"(ip)); /* or the verifier is shown another pointer than the one used */
    return (void*)(ip + 1) > (void*)(long)skb->data_end ? 0 : ip;
}

/* The IPv4 header in memory; null: the packet is cut short. */
static __always_inline struct iphdr* wgs_ipv4_header(struct __sk_buff* skb, __u32 l3_offset) {
    if (l3_offset > 64) return 0; /* for the verifier */
    struct iphdr* ip = wgs_ipv4_at(skb, l3_offset);
    if (ip || bpf_skb_pull_data(skb, l3_offset + sizeof(*ip))) return ip;
    return wgs_ipv4_at(skb, l3_offset);
}

/* The TTL is the high byte of a word: what that loses the checksum gains, and its carry too; one of
 * all ones is written as 0 (RFC 1624, 3). */
static __always_inline int wgs_spend_ttl(struct __sk_buff* skb, __u32 l3_offset) {
    struct iphdr* ip = wgs_ipv4_header(skb, l3_offset);
    if (!ip) return -1;
    __u32 check = bpf_ntohs(ip->check) + 0x100;
    ip->check = bpf_htons((__u16)(check + (check >= 0xffff)));
    ip->ttl--;
    return 0;
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
