/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A leaving packet as the watcher sees it: addresses, protocol and ports, copied out of the skb,
 * and what they say without any table.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "maps/layout.h"

#define WGS_LEAK_MAX_TAGS 2
#define WGS_NEXT_HEADER_FRAGMENT 44 /* RFC 8200, 4.5 */
#define WGS_NEXT_HEADER_ICMPV6 58   /* RFC 4443 */

struct wgs_leak_packet {
    struct wgs_leak_flow flow;
    __u32 l3_offset;
    __u8 icmp6_type;
    __u8 hop_limit;
    bool later_fragment; /* shows no ports */
};

struct wgs_fragment_header {
    __u8 next;
    __u8 reserved;
    __be16 offset_and_more;
    __be32 id;
};

#define WGS_LEAK_NEAR 128 /* bytes; what lies further is worth a call */

/* Bytes of the packet, from its head if they are there. Not 0: it is too short. */
static __always_inline long wgs_copy(struct __sk_buff* skb, __u32 offset, void* to, __u32 size) {
    const __u8* start = (const __u8*)(long)skb->data;
    const __u8* end = (const __u8*)(long)skb->data_end;
    if (offset <= WGS_LEAK_NEAR && start + offset + size <= end) {
        __builtin_memcpy(to, start + offset, size);
        return 0;
    }
    return bpf_skb_load_bytes(skb, offset, to, size);
}

static __always_inline __u16 wgs_ethertype_at(struct __sk_buff* skb, __u32 offset) {
    __be16 type = 0;
    wgs_copy(skb, offset, &type, sizeof(type));
    return bpf_ntohs(type);
}

/* The ethertype behind the tags of the frame; 0: the frame is cut short. */
static __always_inline __u16 wgs_find_ip(struct __sk_buff* skb, __u32* l3_offset) {
    __u32 offset = ETH_HLEN;
    __u16 type = wgs_ethertype_at(skb, offset - 2);
    for (int tags = 0; tags < WGS_LEAK_MAX_TAGS; tags++) {
        if (type != ETH_P_8021Q && type != ETH_P_8021AD) break;
        offset += 4;
        type = wgs_ethertype_at(skb, offset - 2);
    }
    *l3_offset = offset;
    return type;
}

/* Whatever is missing of the transport header reads as zero. */
static __always_inline void wgs_read_transport(struct __sk_buff* skb, __u32 offset,
                                               struct wgs_leak_packet* packet) {
    __u8 protocol = packet->flow.protocol;
    if (packet->later_fragment) return;
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
        __be16 ports[2] = {};
        wgs_copy(skb, offset, ports, sizeof(ports));
        packet->flow.source_port = bpf_ntohs(ports[0]);
        packet->flow.destination_port = bpf_ntohs(ports[1]);
    } else if (protocol == WGS_NEXT_HEADER_ICMPV6) {
        wgs_copy(skb, offset, &packet->icmp6_type, sizeof(packet->icmp6_type));
    }
}

static __always_inline bool wgs_read_ipv4(struct __sk_buff* skb, struct wgs_leak_packet* packet) {
    struct iphdr ip;
    if (wgs_copy(skb, packet->l3_offset, &ip, sizeof(ip)) || ip.version != 4) return false;
    packet->flow.family = 4;
    packet->flow.protocol = ip.protocol;
    __builtin_memcpy(packet->flow.source, &ip.saddr, sizeof(ip.saddr));
    __builtin_memcpy(packet->flow.destination, &ip.daddr, sizeof(ip.daddr));
    packet->hop_limit = ip.ttl;
    packet->later_fragment = (bpf_ntohs(ip.frag_off) & 0x1fff) != 0;
    wgs_read_transport(skb, packet->l3_offset + ip.ihl * 4, packet);
    return true;
}

/* Of extension headers only the fragment header is followed, for it may stand before one of our own
 * packets. */
static __always_inline bool wgs_read_ipv6(struct __sk_buff* skb, struct wgs_leak_packet* packet) {
    struct ipv6hdr ip;
    if (wgs_copy(skb, packet->l3_offset, &ip, sizeof(ip)) || ip.version != 6) return false;
    packet->flow.family = 6;
    packet->flow.protocol = ip.nexthdr;
    __builtin_memcpy(packet->flow.source, &ip.saddr, sizeof(ip.saddr));
    __builtin_memcpy(packet->flow.destination, &ip.daddr, sizeof(ip.daddr));
    packet->hop_limit = ip.hop_limit;
    __u32 offset = packet->l3_offset + sizeof(ip);
    struct wgs_fragment_header fragment;
    if (ip.nexthdr == WGS_NEXT_HEADER_FRAGMENT &&
        !wgs_copy(skb, offset, &fragment, sizeof(fragment))) {
        packet->flow.protocol = fragment.next;
        packet->later_fragment = (bpf_ntohs(fragment.offset_and_more) & 0xfff8) != 0;
        offset += sizeof(fragment);
    }
    wgs_read_transport(skb, offset, packet);
    return true;
}

/* False: no IP packet with both its addresses. `packet` is all zero before, but for the device. */
static __always_inline bool wgs_read_packet(struct __sk_buff* skb, struct wgs_leak_packet* packet) {
    switch (wgs_find_ip(skb, &packet->l3_offset)) {
        case ETH_P_IP:
            return wgs_read_ipv4(skb, packet);
        case ETH_P_IPV6:
            return wgs_read_ipv6(skb, packet);
        default:
            return false;
    }
}

static __always_inline bool wgs_goes_between(const struct wgs_leak_flow* flow, __u16 one,
                                             __u16 other) {
    return (flow->source_port == one && flow->destination_port == other) ||
           (flow->source_port == other && flow->destination_port == one);
}

static __always_inline bool wgs_is_dhcp(const struct wgs_leak_flow* flow) {
    if (flow->protocol != IPPROTO_UDP) return false;
    return wgs_goes_between(flow, 67, 68) || wgs_goes_between(flow, 546, 547);
}

/* RFC 4861: only with hop limit 255, that is from the same link. */
static __always_inline bool wgs_is_discovery(const struct wgs_leak_packet* packet) {
    return packet->flow.family == 6 && packet->flow.protocol == WGS_NEXT_HEADER_ICMPV6 &&
           packet->icmp6_type >= 133 && packet->icmp6_type <= 137 && packet->hop_limit == 255;
}

/* Multicast, broadcast and link-local. */
static __always_inline bool wgs_is_link_scope4(const __u8* address) {
    return address[0] >= 224 || (address[0] == 169 && address[1] == 254);
}

static __always_inline bool wgs_is_link_scope6(const __u8* address) {
    return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

/* No router forwards it, so it is nothing that the mesh carries. */
static __always_inline bool wgs_stays_on_link(const struct wgs_leak_packet* packet) {
    if (wgs_is_discovery(packet)) return true;
    return packet->flow.family == 4 ? wgs_is_link_scope4(packet->flow.destination)
                                    : wgs_is_link_scope6(packet->flow.destination);
}

/* An overlay's packet, which brings those of pods: IP in IP, VXLAN (with Linux' old port) and
 * Geneve. A later piece of a UDP datagram may be one. */
static __always_inline bool wgs_carries_others(const struct wgs_leak_packet* packet) {
    __u8 protocol = packet->flow.protocol;
    __u16 port = packet->flow.destination_port;
    if (protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6) return true;
    return protocol == IPPROTO_UDP &&
           (packet->later_fragment || port == 4789 || port == 8472 || port == 6081);
}
