// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Feeds packets to a program in a test run: each run gives the packet its next destination, makes
// good what the program did to the one before, and goes on into the program.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/destinations.h"
#include "bench/bpf/lib/feed.h"

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} wgs_subject SEC(".maps");

SEC("tc")
int wgs_feed4(struct __sk_buff* skb) {
    struct wgs_feed* feed = wgs_feed_state();
    if (!feed) return TC_ACT_SHOT;
    const __u32* destination = wgs_next_ipv4(feed);
    struct iphdr* ip = (void*)(long)skb->data + ETH_HLEN;
    if (!destination || (void*)(ip + 1) > (void*)(long)skb->data_end) return TC_ACT_SHOT;
    ip->daddr = *destination;
    ip->ttl = WGS_TTL;
    skb->mark = feed->mark;
    bpf_tail_call(skb, &wgs_subject, 0);
    return TC_ACT_SHOT;
}

SEC("tc")
int wgs_feed6(struct __sk_buff* skb) {
    struct wgs_feed* feed = wgs_feed_state();
    if (!feed) return TC_ACT_SHOT;
    const struct wgs_destination6* destination = wgs_next_ipv6(feed);
    struct ipv6hdr* ip = (void*)(long)skb->data + ETH_HLEN;
    if (!destination || (void*)(ip + 1) > (void*)(long)skb->data_end) return TC_ACT_SHOT;
    __builtin_memcpy(&ip->daddr, destination, sizeof(ip->daddr));
    ip->hop_limit = WGS_TTL;
    skb->mark = feed->mark;
    bpf_tail_call(skb, &wgs_subject, 0);
    return TC_ACT_SHOT;
}

/* The packet as it is: without an Ethernet header, say. */
SEC("tc")
int wgs_same(struct __sk_buff* skb) {
    struct wgs_feed* feed = wgs_feed_state();
    if (!feed) return TC_ACT_SHOT;
    skb->mark = feed->mark;
    bpf_tail_call(skb, &wgs_subject, 0);
    return TC_ACT_SHOT;
}

SEC("tc")
int wgs_empty(struct __sk_buff* skb) {
    (void)skb;
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
