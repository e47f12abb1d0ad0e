/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of the programs that judge packets. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/decide.h"
#include "bpf/lib/event.h"

/* A judgement in one piece, so that it is made only for those who ask. */
struct wgs_told {
    struct wgs_decision decision;
    enum wgs_hook hook;
    enum wgs_verdict verdict;
};

static __always_inline __u8 wgs_protocol_number(const struct wgs_packet* packet) {
    return packet->protocol < 0 ? 255 : (__u8)packet->protocol;
}

/* Copied whatever the kind: what is not set is 0. */
static __always_inline void wgs_describe(const struct wgs_packet* packet, struct wgs_event* event) {
    __builtin_memcpy(event->source, packet->source, sizeof(event->source));
    __builtin_memcpy(event->destination, packet->destination, sizeof(event->destination));
    event->source_port = packet->source_port;
    event->destination_port = packet->destination_port;
    event->family = packet->kind == WGS_PACKET_IPV4 ? 4 : packet->kind == WGS_PACKET_IPV6 ? 6 : 0;
    event->protocol = event->family ? wgs_protocol_number(packet) : 255;
}

static __always_inline void wgs_repeat(const struct wgs_told* told, struct wgs_event* event) {
    event->hook = (__u8)told->hook;
    event->verdict = (__u8)told->verdict;
    event->reason = told->decision.reason;
    event->peer = told->decision.peer;
    event->tunnel = told->decision.tunnel;
}

/* Not every hook has read them. */
static __always_inline void wgs_fill_in_ports(void* context, wgs_copier copy,
                                              const struct wgs_packet* packet,
                                              struct wgs_event* event) {
    __be16 ports[2];
    if (event->source_port || event->destination_port || packet->later_fragment) return;
    if (event->protocol != WGS_PROTOCOL_UDP && event->protocol != WGS_PROTOCOL_TCP) return;
    if (copy(context, packet->l4_offset, ports, sizeof(ports))) return;
    event->source_port = bpf_ntohs(ports[0]);
    event->destination_port = bpf_ntohs(ports[1]);
}

/* Not static: see wgs_parse_head. */
__noinline int wgs_tell_of_skb(struct __sk_buff* skb, struct wgs_packet* packet,
                               struct wgs_told* told) {
    __u32 dice;
    if (!packet || !told) return 0; /* for the verifier */
    if (!wgs_is_drawn(told->verdict, &dice)) return 0;
    struct wgs_event event = {.ifindex = skb->ifindex,
                              .length = skb->len - packet->l3_offset,
                              .mark = skb->mark,
                              .flow_hash = bpf_get_hash_recalc(skb)};
    wgs_describe(packet, &event);
    wgs_repeat(told, &event);
    wgs_fill_in_ports(skb, wgs_copy_of_skb, packet, &event);
    if (wgs_address(&event, dice)) wgs_send(skb, wgs_copy_of_skb, &event, packet->l3_offset);
    return 0;
}
