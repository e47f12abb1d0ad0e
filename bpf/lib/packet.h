/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's headers as values: what parse.h makes and decide.h reads. */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

enum wgs_packet_kind {
    WGS_PACKET_NOT_IP,
    WGS_PACKET_TRUNCATED, /* the IP header is cut short or malformed */
    WGS_PACKET_IPV4,
    WGS_PACKET_IPV6,
};

/* IP protocol numbers; the negative ones are ours. */
enum wgs_protocol {
    WGS_PROTOCOL_UNKNOWN = -2, /* behind more IPv6 extension headers than we follow */
    WGS_PROTOCOL_CUT = -1,
    WGS_PROTOCOL_HOP_BY_HOP = 0,
    WGS_PROTOCOL_ICMP = 1,
    WGS_PROTOCOL_IPIP = 4,
    WGS_PROTOCOL_TCP = 6,
    WGS_PROTOCOL_UDP = 17,
    WGS_PROTOCOL_IPV6 = 41,
    WGS_PROTOCOL_ROUTING = 43,
    WGS_PROTOCOL_FRAGMENT = 44,
    WGS_PROTOCOL_AH = 51,
    WGS_PROTOCOL_ICMPV6 = 58,
    WGS_PROTOCOL_DESTINATION_OPTIONS = 60,
};

struct wgs_packet {
    enum wgs_packet_kind kind;
    enum wgs_protocol protocol; /* of the transport header */
    __u32 source[4];            /* network byte order; IPv4 uses the first word */
    __u32 destination[4];
    __u16 l3_offset;        /* of the IP header, or of what stands in its place */
    __u16 l4_offset;        /* of the transport header */
    __u16 payload_offset;   /* behind the headers of TCP and UDP, else of the transport header */
    __u16 source_port;      /* UDP and TCP, host byte order; 0 when there is none */
    __u16 destination_port; /* likewise */
    __u8 icmp_type;         /* of ICMP and ICMPv6 */
    __u8 hop_limit;         /* or time to live */
    __u8 vlan_tags;         /* inside the frame */
    bool cut;               /* something behind the IP header is cut short: the rest is unknown */
    bool tcp_syn;           /* opens or accepts a connection: has an MSS, or should */
    bool dont_fragment;     /* always so with IPv6 */
    bool fragment;          /* of a larger packet */
    bool later_fragment;    /* not the first one: no transport header */
};
