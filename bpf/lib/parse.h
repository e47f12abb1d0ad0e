/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to struct wgs_packet: one function a header, which returns what follows it. Uses no
 * BPF helper, so it compiles natively too. Total lengths are not checked: they say nothing about
 * where a packet belongs, and segmentation offload leaves them zero.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "bpf/lib/cursor.h"
#include "bpf/lib/packet.h"

#define WGS_MAX_VLAN_TAGS 2
#define WGS_MAX_EXTENSION_HEADERS 6
#define WGS_DONT_FRAGMENT4 0x4000   /* RFC 791 */
#define WGS_MORE_FRAGMENTS4 0x2000  /* likewise */
#define WGS_FRAGMENT_OFFSET4 0x1fff /* likewise */
#define WGS_FRAGMENT_OFFSET6 0xfff8 /* RFC 8200, 4.5 */

enum wgs_ethertype {
    WGS_ETHERTYPE_CUT = -1,
    WGS_ETHERTYPE_IPV4 = ETH_P_IP,
    WGS_ETHERTYPE_IPV6 = ETH_P_IPV6,
    WGS_ETHERTYPE_VLAN = ETH_P_8021Q,
    WGS_ETHERTYPE_SERVICE_VLAN = ETH_P_8021AD,
};

struct wgs_vlan_header {
    __u16 tag;
    __u16 ethertype;
};

struct wgs_extension_header {
    __u8 next;
    __u8 length; /* in units that depend on the type */
    __u16 fragment_offset;
    __u8 rest[4];
};

/* Of RFC 9293, 3.1. */
struct wgs_tcp_header {
    __u16 source;
    __u16 destination;
    __u32 sequence;
    __u32 acknowledgement;
    __u8 data_offset; /* in 32-bit words, in the upper half */
    __u8 flags;
    __u16 window;
    __u16 checksum;
    __u16 urgent;
};
#define WGS_TCP_SYN 0x02

/* What ICMP and ICMPv6 have in common. */
struct wgs_icmp_header {
    __u8 type;
    __u8 code;
    __u16 checksum;
};

WGS_INLINE bool wgs_is_vlan(enum wgs_ethertype type) {
    return type == WGS_ETHERTYPE_VLAN || type == WGS_ETHERTYPE_SERVICE_VLAN;
}

WGS_INLINE enum wgs_ethertype wgs_parse_ethernet(struct wgs_cursor* cursor,
                                                 struct wgs_packet* packet) {
    const struct ethhdr* ethernet = WGS_TAKE(cursor, struct ethhdr);
    if (!ethernet) return WGS_ETHERTYPE_CUT;
    enum wgs_ethertype type = (enum wgs_ethertype)WGS_SWAP16(ethernet->h_proto);
    for (__u8 tags = 1; wgs_is_vlan(type) && tags <= WGS_MAX_VLAN_TAGS; tags++) {
        const struct wgs_vlan_header* vlan = WGS_TAKE(cursor, struct wgs_vlan_header);
        if (!vlan) return WGS_ETHERTYPE_CUT;
        packet->vlan_tags = tags;
        type = (enum wgs_ethertype)WGS_SWAP16(vlan->ethertype);
    }
    return type;
}

WGS_INLINE enum wgs_protocol wgs_parse_ipv4(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const struct iphdr* ip = WGS_TAKE(cursor, struct iphdr);
    if (!ip || ip->version != 4) return WGS_PROTOCOL_CUT;
    const __u32 length = ip->ihl * 4u;
    if (length < sizeof(*ip)) return WGS_PROTOCOL_CUT;
    const enum wgs_protocol protocol = (enum wgs_protocol)ip->protocol;
    packet->kind = WGS_PACKET_IPV4;
    packet->source[0] = ip->saddr;
    packet->destination[0] = ip->daddr;
    packet->hop_limit = ip->ttl;
    __u16 fragment = WGS_SWAP16(ip->frag_off);
    packet->dont_fragment = (fragment & WGS_DONT_FRAGMENT4) != 0;
    packet->fragment = (fragment & (WGS_MORE_FRAGMENTS4 | WGS_FRAGMENT_OFFSET4)) != 0;
    packet->later_fragment = (fragment & WGS_FRAGMENT_OFFSET4) != 0;
    return wgs_take(cursor, length - sizeof(*ip)) ? protocol : WGS_PROTOCOL_CUT;
}

WGS_INLINE enum wgs_protocol wgs_parse_ipv6(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const struct ipv6hdr* ip = WGS_TAKE(cursor, struct ipv6hdr);
    if (!ip || ip->version != 6) return WGS_PROTOCOL_CUT;
    packet->kind = WGS_PACKET_IPV6;
    __builtin_memcpy(packet->source, &ip->saddr, sizeof(packet->source));
    __builtin_memcpy(packet->destination, &ip->daddr, sizeof(packet->destination));
    packet->hop_limit = ip->hop_limit;
    packet->dont_fragment = true;
    return (enum wgs_protocol)ip->nexthdr;
}

/* Sets of protocol numbers below 64, as bits: where a chain of comparisons decides, the verifier
 * walks each of its branches for each header anew. */
#define WGS_LENGTH_IN_EIGHTS                                                                       \
    (1ull << WGS_PROTOCOL_HOP_BY_HOP | 1ull << WGS_PROTOCOL_ROUTING |                              \
     1ull << WGS_PROTOCOL_DESTINATION_OPTIONS)
#define WGS_LENGTH_IN_FOURS (WGS_LENGTH_IN_EIGHTS | 1ull << WGS_PROTOCOL_AH)
#define WGS_EXTENSIONS (WGS_LENGTH_IN_FOURS | 1ull << WGS_PROTOCOL_FRAGMENT)

WGS_INLINE __u32 wgs_is_in(__u64 set, enum wgs_protocol protocol) {
    return set >> protocol & 1;
}

WGS_INLINE bool wgs_is_extension(enum wgs_protocol protocol) {
    return (__u32)protocol < 64 && wgs_is_in(WGS_EXTENSIONS, protocol);
}

#define WGS_LONGEST_TAIL 0x7ff /* 255 * 8 bytes, as a mask */

/* Bytes after the first eight: RFC 8200, 4 and RFC 4302, 2.2; a fragment header has none. */
WGS_INLINE __u32 wgs_extension_tail(enum wgs_protocol type, __u32 length) {
    __u32 fours = wgs_is_in(WGS_LENGTH_IN_FOURS, type) + wgs_is_in(WGS_LENGTH_IN_EIGHTS, type);
    __u32 tail = length * 4 * fours;
    /* The verifier of 6.1 knows nothing of a product, and the compiler too much: without the
     * barrier it would leave the mask out. */
    asm volatile("" : "+r"(tail));
    return tail & WGS_LONGEST_TAIL;
}

WGS_INLINE enum wgs_protocol wgs_parse_extension(struct wgs_cursor* cursor, enum wgs_protocol type,
                                                 struct wgs_packet* packet) {
    const struct wgs_extension_header* header = WGS_TAKE(cursor, struct wgs_extension_header);
    if (!header || !wgs_take(cursor, wgs_extension_tail(type, header->length)))
        return WGS_PROTOCOL_CUT;
    if (type == WGS_PROTOCOL_FRAGMENT) {
        packet->fragment = true;
        packet->later_fragment = (WGS_SWAP16(header->fragment_offset) & WGS_FRAGMENT_OFFSET6) != 0;
    }
    return (enum wgs_protocol)header->next;
}

WGS_INLINE enum wgs_protocol wgs_parse_extensions(struct wgs_cursor* cursor, enum wgs_protocol type,
                                                  struct wgs_packet* packet) {
    for (int i = 0; i < WGS_MAX_EXTENSION_HEADERS; i++) {
        if (!wgs_is_extension(type) || packet->later_fragment) return type;
        type = wgs_parse_extension(cursor, type, packet);
    }
    return wgs_is_extension(type) ? WGS_PROTOCOL_UNKNOWN : type;
}

WGS_INLINE bool wgs_parse_udp(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const struct udphdr* udp = WGS_TAKE(cursor, struct udphdr);
    if (!udp) return false;
    packet->source_port = WGS_SWAP16(udp->source);
    packet->destination_port = WGS_SWAP16(udp->dest);
    packet->payload_offset = packet->l4_offset + sizeof(*udp);
    return true;
}

WGS_INLINE bool wgs_parse_tcp(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const struct wgs_tcp_header* tcp = WGS_TAKE(cursor, struct wgs_tcp_header);
    if (!tcp) return false;
    packet->source_port = WGS_SWAP16(tcp->source);
    packet->destination_port = WGS_SWAP16(tcp->destination);
    packet->tcp_syn = (tcp->flags & WGS_TCP_SYN) != 0;
    packet->payload_offset = packet->l4_offset + (tcp->data_offset >> 4) * 4;
    return true;
}

WGS_INLINE bool wgs_parse_icmp(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const struct wgs_icmp_header* icmp = WGS_TAKE(cursor, struct wgs_icmp_header);
    if (!icmp) return false;
    packet->icmp_type = icmp->type;
    return true;
}

WGS_INLINE bool wgs_parse_transport(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    if (packet->protocol == WGS_PROTOCOL_CUT) return false;
    if (packet->later_fragment) return true;
    switch (packet->protocol) {
        case WGS_PROTOCOL_UDP:
            return wgs_parse_udp(cursor, packet);
        case WGS_PROTOCOL_TCP:
            return wgs_parse_tcp(cursor, packet);
        case WGS_PROTOCOL_ICMP:
        case WGS_PROTOCOL_ICMPV6:
            return wgs_parse_icmp(cursor, packet);
        default:
            return true;
    }
}

/* Where the transport header is, counted from `start`, which is where the packet begins. */
WGS_INLINE void wgs_note_transport(const struct wgs_cursor* cursor, const __u8* start,
                                   struct wgs_packet* packet) {
    packet->l4_offset = (__u16)(cursor->position - start);
    packet->payload_offset = packet->l4_offset;
}

/* Parses from the IP header on; `type` says which one it must be. */
WGS_INLINE void wgs_parse_ip(struct wgs_cursor* cursor, const __u8* start, enum wgs_ethertype type,
                             struct wgs_packet* packet) {
    packet->kind = WGS_PACKET_TRUNCATED;
    switch (type) {
        case WGS_ETHERTYPE_CUT:
            packet->protocol = WGS_PROTOCOL_CUT;
            break;
        case WGS_ETHERTYPE_IPV4:
            packet->protocol = wgs_parse_ipv4(cursor, packet);
            break;
        case WGS_ETHERTYPE_IPV6:
            packet->protocol = wgs_parse_extensions(cursor, wgs_parse_ipv6(cursor, packet), packet);
            break;
        default:
            packet->kind = WGS_PACKET_NOT_IP;
            return;
    }
    wgs_note_transport(cursor, start, packet);
    packet->cut = !wgs_parse_transport(cursor, packet);
}

/* Parses an Ethernet frame into `packet`, which is all zero before. */
WGS_INLINE void wgs_parse_frame(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const __u8* start = cursor->position;
    enum wgs_ethertype type = wgs_parse_ethernet(cursor, packet);
    packet->l3_offset = (__u16)(cursor->position - start);
    wgs_parse_ip(cursor, start, type, packet);
}

/* Parses a bare IP packet: the version nibble says which one it is. Of what follows the IP header,
 * only TCP that follows at once is read. `packet` is all zero before. */
WGS_INLINE void wgs_parse_bare(struct wgs_cursor* cursor, struct wgs_packet* packet) {
    const __u8* start = cursor->position;
    packet->kind = WGS_PACKET_TRUNCATED;
    packet->cut = true;
    if (start + 1 > cursor->end) return;
    packet->protocol =
        *start >> 4 == 6 ? wgs_parse_ipv6(cursor, packet) : wgs_parse_ipv4(cursor, packet);
    wgs_note_transport(cursor, start, packet);
    packet->cut = packet->protocol == WGS_PROTOCOL_CUT;
    if (packet->protocol == WGS_PROTOCOL_TCP && !packet->later_fragment)
        packet->cut = !wgs_parse_tcp(cursor, packet);
}
