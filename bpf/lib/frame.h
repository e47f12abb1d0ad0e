/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parsing of an skb, wherever its bytes are: its head may hold less than the headers, and the rest
 * be in pages.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/parse.h"

#define WGS_HEADER_BYTES 512 /* headers that reach further are cut */

static __always_inline struct wgs_cursor wgs_cursor_of(const struct __sk_buff* skb) {
    return (struct wgs_cursor){
        .position = (const __u8*)(long)skb->data,
        .end = (const __u8*)(long)skb->data_end,
    };
}

/* Brings headers into the head; false when they are there already, or cannot come. */
static __always_inline bool wgs_pull_headers(struct __sk_buff* skb) {
    if (skb->data_end - skb->data >= skb->len) return false;
    __u32 wanted = skb->len < WGS_HEADER_BYTES ? skb->len : WGS_HEADER_BYTES;
    return bpf_skb_pull_data(skb, wanted) == 0;
}

/* Not static: the verifier checks a global function once and by itself, so the many ways through
 * the headers do not multiply with those of the callers. `packet` is all zero before. */
__noinline int wgs_parse_head(struct __sk_buff* skb, struct wgs_packet* packet) {
    if (!packet) return WGS_PACKET_TRUNCATED; /* for the verifier */
    struct wgs_cursor cursor = wgs_cursor_of(skb);
    wgs_parse_frame(&cursor, packet);
    return packet->kind;
}

/* An Ethernet frame, at either hook of a NIC. */
static __always_inline void wgs_parse_skb(struct __sk_buff* skb, struct wgs_packet* packet) {
    *packet = (struct wgs_packet){};
    if (wgs_parse_head(skb, packet) != WGS_PACKET_TRUNCATED || !wgs_pull_headers(skb)) return;
    *packet = (struct wgs_packet){};
    wgs_parse_head(skb, packet);
}

/* Like wgs_parse_head, for a packet without an Ethernet header. */
__noinline int wgs_parse_bare_head(struct __sk_buff* skb, struct wgs_packet* packet) {
    if (!packet) return WGS_PACKET_TRUNCATED; /* for the verifier */
    struct wgs_cursor cursor = wgs_cursor_of(skb);
    wgs_parse_bare(&cursor, packet);
    return packet->kind;
}

/* Only the addresses of a packet without an Ethernet header, at the ingress of a tunnel. */
static __always_inline void wgs_parse_bare_skb(struct __sk_buff* skb, struct wgs_packet* packet) {
    *packet = (struct wgs_packet){};
    if (wgs_parse_bare_head(skb, packet) != WGS_PACKET_TRUNCATED || !wgs_pull_headers(skb)) return;
    *packet = (struct wgs_packet){};
    wgs_parse_bare_head(skb, packet);
}
