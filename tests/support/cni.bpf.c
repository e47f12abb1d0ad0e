// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What another network plugin may have on a device: counts the packets between pods, and writes
// into those that leave.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define WRITTEN_CLASS 0x28 /* into the byte of traffic class */
#define TUNNEL_PORT 51820

enum kind { KIND_POD, KIND_WRITTEN, KIND_OUTER, KINDS };

struct counts {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, KINDS);
    __type(key, __u32);
    __type(value, __u64);
};
struct counts cni_left SEC(".maps");
struct counts cni_came SEC(".maps");

static __always_inline void count(void* map, __u32 kind) {
    __u64* packets = bpf_map_lookup_elem(map, &kind);
    if (packets) __sync_fetch_and_add(packets, 1);
}

static __always_inline bool is_pod4(__be32 address) {
    return (bpf_ntohl(address) >> 24) == 10;
}

static __always_inline bool is_pod6(const struct in6_addr* address) {
    return address->s6_addr16[0] == bpf_htons(0xfd10);
}

static __always_inline void write_class4(struct __sk_buff* skb, __u8 old) {
    __u8 class = WRITTEN_CLASS;
    bpf_l3_csum_replace(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, check), bpf_htons(old),
                        bpf_htons(class), sizeof(__u16));
    bpf_skb_store_bytes(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, tos), &class, 1, 0);
}

static __always_inline void write_class6(struct __sk_buff* skb) {
    __be16 word = bpf_htons(6 << 12 | WRITTEN_CLASS << 4);
    bpf_skb_store_bytes(skb, ETH_HLEN, &word, sizeof(word), 0);
}

static __always_inline int see4(struct __sk_buff* skb, void* map, bool write) {
    struct iphdr ip;
    struct udphdr udp;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip))) return TC_ACT_UNSPEC;
    if (is_pod4(ip.saddr) && is_pod4(ip.daddr)) {
        count(map, KIND_POD);
        if (ip.tos == WRITTEN_CLASS) count(map, KIND_WRITTEN);
        if (write) write_class4(skb, ip.tos);
    } else if (ip.protocol == IPPROTO_UDP &&
               !bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(ip), &udp, sizeof(udp)) &&
               udp.source == bpf_htons(TUNNEL_PORT)) {
        count(map, KIND_OUTER);
    }
    return TC_ACT_UNSPEC;
}

static __always_inline int see6(struct __sk_buff* skb, void* map, bool write) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip))) return TC_ACT_UNSPEC;
    if (!is_pod6(&ip.saddr) || !is_pod6(&ip.daddr)) return TC_ACT_UNSPEC;
    count(map, KIND_POD);
    if ((ip.priority << 4 | ip.flow_lbl[0] >> 4) == WRITTEN_CLASS) count(map, KIND_WRITTEN);
    if (write) write_class6(skb);
    return TC_ACT_UNSPEC;
}

static __always_inline int see(struct __sk_buff* skb, void* map, bool write) {
    if (skb->protocol == bpf_htons(ETH_P_IP)) return see4(skb, map, write);
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) return see6(skb, map, write);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int cni_out(struct __sk_buff* skb) {
    return see(skb, &cni_left, true);
}

SEC("tc")
int cni_in(struct __sk_buff* skb) {
    return see(skb, &cni_came, false);
}

/* Lets everything pass, and no other program see it. */
SEC("tc")
int cni_end(struct __sk_buff* skb __attribute__((unused))) {
    return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
