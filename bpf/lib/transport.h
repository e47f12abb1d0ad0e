/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The transport header, as far as the fast path asks for it. */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/parse.h"

#define WGS_IPV4_FRAGMENT 0x3fff /* RFC 791: more fragments, or an offset */
#define WGS_TCP_ACK 0x10
#define WGS_ICMP_HEADER_BYTES 8

struct wgs_transport {
    __u32 offset;           /* in the packet; 0: it shows no transport header */
    __u16 source_port;      /* network byte order; 0: none */
    __u16 destination_port; /* likewise */
    __u8 protocol;
    bool opens; /* begins a conversation: TCP SYN alone, echo request */
    bool error; /* ICMP error, which quotes the packet that it is about */
};

/* Fragments show none, the first one neither: all pieces must go one way. */
static __always_inline void wgs_find_transport4(struct __sk_buff* skb, __u32 l3_offset,
                                                struct wgs_transport* transport) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, l3_offset, &ip, sizeof(ip))) return;
    transport->protocol = ip.protocol;
    if (ip.frag_off & bpf_htons(WGS_IPV4_FRAGMENT)) return;
    transport->offset = l3_offset + ip.ihl * 4;
}

/* Nor does one with extension headers: the protocol is then that of the first of them. */
static __always_inline void wgs_find_transport6(struct __sk_buff* skb, __u32 l3_offset,
                                                struct wgs_transport* transport) {
    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, l3_offset, &ip, sizeof(ip))) return;
    transport->protocol = ip.nexthdr;
    transport->offset = l3_offset + sizeof(ip);
}

static __always_inline void wgs_read_ports(struct __sk_buff* skb, struct wgs_transport* transport) {
    __u16 ports[2];
    if (bpf_skb_load_bytes(skb, transport->offset, ports, sizeof(ports))) return;
    transport->source_port = ports[0];
    transport->destination_port = ports[1];
}

/* An ICMP error may quote less of a TCP header. */
static __always_inline void wgs_read_tcp(struct __sk_buff* skb, struct wgs_transport* transport) {
    __u8 flags = 0;
    wgs_read_ports(skb, transport);
    bpf_skb_load_bytes(skb, transport->offset + offsetof(struct wgs_tcp_header, flags), &flags,
                       sizeof(flags));
    transport->opens = (flags & (WGS_TCP_SYN | WGS_TCP_ACK)) == WGS_TCP_SYN;
}

/* RFC 792 */
static __always_inline void wgs_read_icmp(struct __sk_buff* skb, struct wgs_transport* transport) {
    __u8 type = 0;
    bpf_skb_load_bytes(skb, transport->offset, &type, sizeof(type));
    transport->opens = type == 8;
    transport->error = type == 3 || type == 11 || type == 12;
}

/* RFC 4443, 2.1: errors are those below 128. */
static __always_inline void wgs_read_icmp6(struct __sk_buff* skb, struct wgs_transport* transport) {
    __u8 type = 128;
    bpf_skb_load_bytes(skb, transport->offset, &type, sizeof(type));
    transport->opens = type == 128;
    transport->error = type < 128;
}

/* Reads what stands behind the IP header at `l3_offset`. Not static: see wgs_parse_head. */
__noinline int wgs_read_transport(struct __sk_buff* skb, __u32 l3_offset, __u32 kind,
                                  struct wgs_transport* transport) {
    if (!transport) return 0; /* for the verifier */
    *transport = (struct wgs_transport){};
    if (kind == WGS_PACKET_IPV4)
        wgs_find_transport4(skb, l3_offset, transport);
    else
        wgs_find_transport6(skb, l3_offset, transport);
    if (!transport->offset) return 0;
    switch (transport->protocol) {
        case WGS_PROTOCOL_TCP:
            wgs_read_tcp(skb, transport);
            break;
        case WGS_PROTOCOL_UDP:
            wgs_read_ports(skb, transport);
            break;
        case WGS_PROTOCOL_ICMP:
            wgs_read_icmp(skb, transport);
            break;
        case WGS_PROTOCOL_ICMPV6:
            wgs_read_icmp6(skb, transport);
            break;
        default:
            break;
    }
    return 0;
}
