/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maximum segment size that a TCP SYN announces (RFC 9293, 3.7.1), lowered to what fits a
 * tunnel.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/parse.h"

#define WGS_TCP_MAX_OPTIONS 16 /* looked at; the MSS comes first as a rule */
#define WGS_TCP_CHECKSUM_OFFSET 16

enum wgs_tcp_option {
    WGS_TCP_OPTION_END = 0,
    WGS_TCP_OPTION_NOTHING = 1,
    WGS_TCP_OPTION_MSS = 2,
};

struct wgs_mss_option {
    __u8 kind;
    __u8 length;
    __u8 value[2]; /* at no particular alignment */
};

/* A checksum adds 16-bit words: a value at an odd offset lies across two of them, swapped. */
static __always_inline __u64 wgs_checksum_word(__u16 value, __u32 offset) {
    return offset & 1 ? WGS_SWAP16(value) : value;
}

static __always_inline int wgs_lower_mss(struct __sk_buff* skb, __u32 tcp, __u32 offset,
                                         const struct wgs_mss_option* option, __u16 limit) {
    __u16 old, wanted = WGS_SWAP16(limit);
    __builtin_memcpy(&old, option->value, sizeof(old));
    if (WGS_SWAP16(old) <= limit) return 0;
    if (bpf_l4_csum_replace(skb, tcp + WGS_TCP_CHECKSUM_OFFSET, wgs_checksum_word(old, offset),
                            wgs_checksum_word(wanted, offset), sizeof(wanted)))
        return -1;
    return bpf_skb_store_bytes(skb, tcp + offset + 2, &wanted, sizeof(wanted), 0);
}

/* `tcp`: where the TCP header is. A SYN without the option is left alone: it asks for 536 or 1220
 * bytes (RFC 9293). Not static: see wgs_parse_head. */
__noinline int wgs_clamp_mss(struct __sk_buff* skb, __u32 tcp, __u32 limit) {
    struct wgs_mss_option option;
    __u32 offset = sizeof(struct wgs_tcp_header);
    __u8 data_offset;

    if (bpf_skb_load_bytes(skb, tcp + 12, &data_offset, sizeof(data_offset))) return -1;
    __u32 end = (data_offset >> 4) * 4;
    for (int i = 0; i < WGS_TCP_MAX_OPTIONS && offset + sizeof(option) <= end; i++) {
        if (bpf_skb_load_bytes(skb, tcp + offset, &option, sizeof(option))) return -1;
        if (option.kind == WGS_TCP_OPTION_MSS && option.length == sizeof(option))
            return wgs_lower_mss(skb, tcp, offset, &option, (__u16)limit);
        if (option.kind == WGS_TCP_OPTION_END) return 0;
        if (option.kind != WGS_TCP_OPTION_NOTHING && option.length < 2) return 0;
        offset += option.kind == WGS_TCP_OPTION_NOTHING ? 1 : option.length;
    }
    return 0;
}

/* Of a TCP SYN whose packets must fit `mtu`. What cannot be read is left to the receiver. */
static __always_inline void wgs_fit_mss(struct __sk_buff* skb, const struct wgs_packet* packet,
                                        __u32 mtu) {
    __u32 headers =
        (packet->kind == WGS_PACKET_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
        sizeof(struct wgs_tcp_header);
    if (packet->tcp_syn && mtu > headers) wgs_clamp_mss(skb, packet->l4_offset, mtu - headers);
}
