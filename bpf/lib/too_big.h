/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells the sender of a packet that does not fit: ICMP "fragmentation needed" (RFC 792, RFC 1191)
 * and ICMPv6 "packet too big" (RFC 4443, 3.2). The packet itself becomes the answer; it comes in by
 * the device by which it wanted to leave, from the address to which it wanted to go. That is where
 * a strict reverse path filter expects this address, and firewalls find the connection by the
 * quote.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/packet.h"
#include "bpf/lib/scratch.h"

#define WGS_TOLD_PAIRS 4096
#define WGS_TOLD_INTERVAL_NS                                                                       \
    10000000ull /* at most 100 answers a second for a pair of addresses                            \
                 */

#define WGS_TOO_BIG4_BYTES 576  /* RFC 1812, 4.3.2.3 */
#define WGS_TOO_BIG6_BYTES 1280 /* RFC 4443, 2.4 */
#define WGS_ANSWER_HOP_LIMIT 64
#define WGS_ANSWER_TOS 0xc0 /* internetwork control: RFC 1812, 4.3.2.5 */
#define WGS_DONT_FRAGMENT4_BIT 0x4000

struct wgs_icmp_too_big {
    __u8 type;
    __u8 code;
    __u16 checksum;
    __u32 mtu; /* network byte order; of ICMP the lower half only */
};

struct wgs_told_pair {
    __u32 source[4];
    __u32 destination[4];
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, WGS_TOLD_PAIRS);
    __type(key, struct wgs_told_pair);
    __type(value, __u64); /* when, in ns since boot */
} wgs_told SEC(".maps");

static __always_inline bool wgs_told_just_now(const struct wgs_packet* packet) {
    struct wgs_told_pair pair;
    __builtin_memcpy(pair.source, packet->source, sizeof(pair.source));
    __builtin_memcpy(pair.destination, packet->destination, sizeof(pair.destination));
    __u64 now = bpf_ktime_get_ns();
    const __u64* before = bpf_map_lookup_elem(&wgs_told, &pair);
    if (before && now - *before < WGS_TOLD_INTERVAL_NS) return true;
    bpf_map_update_elem(&wgs_told, &pair, &now, BPF_ANY);
    return false;
}

/* Checksum over `length` bytes from `offset`, which may be before the packet, on. */
static __always_inline __u32 wgs_sum_of_answer(const __u8* start, __u32 length, __u32 seed) {
    for (__u32 done = 0; done < length; done += WGS_SUM_BYTES) {
        __u32 left = length - done;
        if (left > WGS_SUM_BYTES) left = WGS_SUM_BYTES;
        seed = (__u32)bpf_csum_diff(0, 0, (__be32*)(start + done), left, seed);
    }
    return seed;
}

static __always_inline void wgs_write_too_big4(struct wgs_scratch* scratch, __u32 mtu) {
    const struct iphdr* quoted = (const struct iphdr*)scratch->packet;
    struct wgs_icmp_too_big* icmp = (struct wgs_icmp_too_big*)scratch->packet - 1;
    struct iphdr* ip = (struct iphdr*)icmp - 1;
    *icmp = (struct wgs_icmp_too_big){.type = 3, .code = 4, .mtu = WGS_SWAP32(mtu)};
    icmp->checksum =
        (__u16)~wgs_fold(wgs_sum_of_answer((const __u8*)icmp, WGS_TOO_BIG4_BYTES - sizeof(*ip), 0));
    *ip = (struct iphdr){.version = 4,
                         .ihl = 5,
                         .tos = WGS_ANSWER_TOS,
                         .tot_len = WGS_SWAP16(WGS_TOO_BIG4_BYTES),
                         .frag_off = WGS_SWAP16(WGS_DONT_FRAGMENT4_BIT),
                         .ttl = WGS_ANSWER_HOP_LIMIT,
                         .protocol = WGS_PROTOCOL_ICMP,
                         .saddr = quoted->daddr,
                         .daddr = quoted->saddr};
    ip->check = (__u16)~wgs_fold(wgs_sum_of_answer((const __u8*)ip, sizeof(*ip), 0));
}

/* RFC 8200, 8.1: the checksum of ICMPv6 covers a pseudo header: addresses, length, protocol. */
static __always_inline void wgs_write_too_big6(struct wgs_scratch* scratch, __u32 mtu) {
    const struct ipv6hdr* quoted = (const struct ipv6hdr*)scratch->packet;
    struct wgs_icmp_too_big* icmp = (struct wgs_icmp_too_big*)scratch->packet - 1;
    struct ipv6hdr* ip = (struct ipv6hdr*)icmp - 1;
    const __u16 length = WGS_TOO_BIG6_BYTES - sizeof(*ip);
    *ip = (struct ipv6hdr){.version = 6,
                           .payload_len = WGS_SWAP16(length),
                           .nexthdr = WGS_PROTOCOL_ICMPV6,
                           .hop_limit = WGS_ANSWER_HOP_LIMIT,
                           .saddr = quoted->daddr,
                           .daddr = quoted->saddr};
    *icmp = (struct wgs_icmp_too_big){.type = 2, .code = 0, .mtu = WGS_SWAP32(mtu)};
    __u32 sum = wgs_sum_of_answer((const __u8*)&ip->saddr, 2 * sizeof(ip->saddr), 0);
    sum = wgs_sum_of_answer((const __u8*)icmp, length, sum);
    icmp->checksum =
        (__u16)~wgs_fold((__u64)sum + WGS_SWAP16(length) + WGS_SWAP16(WGS_PROTOCOL_ICMPV6));
}

/* The frame goes back to where it came from. */
static __always_inline int wgs_swap_macs(struct __sk_buff* skb) {
    __u8 macs[3 * ETH_ALEN]; /* destination, source, destination again */
    if (bpf_skb_load_bytes(skb, 0, macs, 2 * ETH_ALEN)) return -1;
    __builtin_memcpy(macs + 2 * ETH_ALEN, macs, ETH_ALEN);
    return (int)bpf_skb_store_bytes(skb, 0, macs + ETH_ALEN, 2 * ETH_ALEN, 0);
}

static __always_inline int wgs_send_back(struct __sk_buff* skb, __u32 l3_offset, const __u8* answer,
                                         __u32 length) {
    if (wgs_make_room(skb, l3_offset, length)) return TC_ACT_SHOT;
    if (bpf_skb_store_bytes(skb, l3_offset, answer, length, 0)) return TC_ACT_SHOT;
    if (wgs_swap_macs(skb)) return TC_ACT_SHOT;
    return (int)bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* Each returns what the program is to return. Not static: see wgs_parse_head. */
__noinline int wgs_answer_too_big4(struct __sk_buff* skb, __u32 l3_offset, __u32 mtu) {
    const __u32 headers = sizeof(struct iphdr) + sizeof(struct wgs_icmp_too_big);
    struct wgs_scratch* scratch = wgs_scratch_of_this_cpu();
    if (!scratch) return TC_ACT_SHOT;
    if (bpf_skb_load_bytes(skb, l3_offset, scratch->packet, WGS_TOO_BIG4_BYTES - headers))
        return TC_ACT_SHOT;
    wgs_write_too_big4(scratch, mtu);
    return wgs_send_back(skb, l3_offset, scratch->packet - headers, WGS_TOO_BIG4_BYTES);
}

__noinline int wgs_answer_too_big6(struct __sk_buff* skb, __u32 l3_offset, __u32 mtu) {
    const __u32 headers = sizeof(struct ipv6hdr) + sizeof(struct wgs_icmp_too_big);
    struct wgs_scratch* scratch = wgs_scratch_of_this_cpu();
    if (!scratch) return TC_ACT_SHOT;
    if (bpf_skb_load_bytes(skb, l3_offset, scratch->packet, WGS_TOO_BIG6_BYTES - headers))
        return TC_ACT_SHOT;
    wgs_write_too_big6(scratch, mtu);
    return wgs_send_back(skb, l3_offset, scratch->packet - headers, WGS_TOO_BIG6_BYTES);
}
