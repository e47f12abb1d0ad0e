/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maximum segment size of connections inside an overlay: pods behind it believe in an MTU that
 * leaves room for the overlay's headers, but not for the tunnel's.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/mss.h"

#define WGS_GENEVE_PORT 6081
#define WGS_GENEVE_OPTION_WORDS 0x3f /* RFC 8926, 3.4: of the first byte */
#define WGS_OVERLAY_HEADER 8         /* VXLAN's, and Geneve's without options */

/* Where TCP begins in the IP packet at `ip`; 0: not there, or not at once. */
static __always_inline __u32 wgs_inner_tcp(struct __sk_buff* skb, __u32 ip) {
    union {
        struct iphdr v4;
        struct ipv6hdr v6;
    } header;
    if (bpf_skb_load_bytes(skb, ip, &header, sizeof(header.v4))) return 0;
    if (header.v4.version == 4) {
        const bool first = !(WGS_SWAP16(header.v4.frag_off) & WGS_FRAGMENT_OFFSET4);
        return first && header.v4.protocol == WGS_PROTOCOL_TCP ? ip + header.v4.ihl * 4u : 0;
    }
    if (header.v4.version != 6 || header.v6.nexthdr != WGS_PROTOCOL_TCP) return 0;
    return ip + sizeof(header.v6);
}

/* `ip`: where the inner packet begins. `end`: where the outer one has to end. Not static: see
 * wgs_parse_head. */
__noinline int wgs_clamp_inner_mss(struct __sk_buff* skb, __u32 ip, __u32 end) {
    struct wgs_tcp_header tcp;
    __u32 offset = wgs_inner_tcp(skb, ip);
    if (!offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp))) return 0;
    if (!(tcp.flags & WGS_TCP_SYN) || end <= offset + sizeof(tcp)) return 0;
    return wgs_clamp_mss(skb, offset, end - offset - sizeof(tcp));
}

/* Where the packet inside begins; 0: this is no overlay, or it carries something else than IP. */
static __always_inline __u32 wgs_inner_packet(struct __sk_buff* skb,
                                              const struct wgs_packet* packet) {
    __u32 ethernet = packet->payload_offset + WGS_OVERLAY_HEADER;
    __u16 type;
    __u8 first;

    if (packet->protocol != WGS_PROTOCOL_UDP) return packet->l4_offset;
    if (packet->destination_port == WGS_GENEVE_PORT) {
        if (bpf_skb_load_bytes(skb, packet->payload_offset, &first, sizeof(first))) return 0;
        ethernet += (first & WGS_GENEVE_OPTION_WORDS) * 4u;
    }
    if (bpf_skb_load_bytes(skb, ethernet + 2 * ETH_ALEN, &type, sizeof(type))) return 0;
    type = WGS_SWAP16(type);
    return type == ETH_P_IP || type == ETH_P_IPV6 ? ethernet + ETH_HLEN : 0;
}

/* Of a TCP SYN inside an overlay's packet, whose own packets must fit `mtu`. An outer checksum
 * stays right: what changes below the inner one adds up to the same. */
static __always_inline void wgs_fit_inner_mss(struct __sk_buff* skb,
                                              const struct wgs_packet* packet, __u32 mtu) {
    if (!mtu || packet->cut || packet->fragment || !wgs_is_overlay(packet)) return;
    __u32 inner = wgs_inner_packet(skb, packet);
    if (inner) wgs_clamp_inner_mss(skb, inner, packet->l3_offset + mtu);
}
