/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Local pods, and the flows of theirs that go past the host's stack.
 *
 * Both directions of a flow go past it or neither does: whoever saw half of a connection
 * (conntrack) would call the rest invalid, and answers to what the stack has translated (a
 * Service's address) must be translated back there. So an answer goes straight to the pod when
 * wgs_pod_out has taken the flow; what opens a conversation does when wgs_pod_out has heard the
 * pod, because then the answer will be taken.
 */
#pragma once

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/packet.h"
#include "bpf/lib/transport.h"
#include "maps/maps.bpf.h"

static __always_inline struct wgs_pod* wgs_pod_at(enum wgs_packet_kind kind, const __u32* address) {
    struct wgs_pod_key key = {};
    if (kind == WGS_PACKET_IPV6) {
        __builtin_memcpy(key.address, address, sizeof(key.address));
    } else {
        key.address[2] = bpf_htonl(0xffff);
        key.address[3] = address[0];
    }
    return bpf_map_lookup_elem(&wgs_pods_v1, &key);
}

static __always_inline void wgs_flow_ends(struct wgs_flow* flow, enum wgs_packet_kind kind,
                                          const __u32* pod, const __u32* other) {
    *flow = (struct wgs_flow){.family = kind == WGS_PACKET_IPV4 ? 4 : 6};
    __builtin_memcpy(flow->pod, pod, sizeof(flow->pod));
    __builtin_memcpy(flow->other, other, sizeof(flow->other));
}

static __always_inline void wgs_flow_from_pod(struct __sk_buff* skb, struct wgs_flow* flow,
                                              const struct wgs_packet* packet) {
    struct wgs_transport transport;
    wgs_read_transport(skb, packet->l3_offset, packet->kind, &transport);
    wgs_flow_ends(flow, packet->kind, packet->source, packet->destination);
    flow->pod_port = transport.source_port;
    flow->other_port = transport.destination_port;
    flow->protocol = transport.protocol;
}

static __always_inline void wgs_flow_to_pod(struct wgs_flow* flow, const struct wgs_packet* packet,
                                            const struct wgs_transport* transport) {
    wgs_flow_ends(flow, packet->kind, packet->destination, packet->source);
    flow->pod_port = transport->destination_port;
    flow->other_port = transport->source_port;
    flow->protocol = transport->protocol;
}

/* The flow of the packet that an ICMP error to a pod quotes, which that pod has sent. */
static __always_inline void wgs_flow_quoted(struct __sk_buff* skb, struct wgs_flow* flow,
                                            enum wgs_packet_kind kind,
                                            const struct wgs_transport* error) {
    struct wgs_transport quoted;
    __u32 at = error->offset + WGS_ICMP_HEADER_BYTES;
    *flow = (struct wgs_flow){.family = kind == WGS_PACKET_IPV4 ? 4 : 6};
    if (kind == WGS_PACKET_IPV4) {
        bpf_skb_load_bytes(skb, at + 12, flow->pod, 4);
        bpf_skb_load_bytes(skb, at + 16, flow->other, 4);
    } else {
        bpf_skb_load_bytes(skb, at + 8, flow->pod, 16);
        bpf_skb_load_bytes(skb, at + 24, flow->other, 16);
    }
    wgs_read_transport(skb, at, kind, &quoted);
    flow->pod_port = quoted.source_port;
    flow->other_port = quoted.destination_port;
    flow->protocol = quoted.protocol;
}

/* Of the flow; 0: there is no table. */
static __always_inline __u64 wgs_hash_flow(const struct wgs_flow* flow) {
    const __u32 row = WGS_FLOW_SEED_ROW;
    const struct wgs_flow_line* seed = bpf_map_lookup_elem(&wgs_flows_v2, &row);
    return seed ? wgs_flow_hash(flow, seed->places[0]) : 0;
}

static __always_inline __u64 wgs_flow_time(void) {
    return bpf_jiffies64() >> WGS_FLOW_TICK_SHIFT & WGS_FLOW_AGE;
}

enum wgs_flow_change { WGS_FLOW_KEEP, WGS_FLOW_ENTER, WGS_FLOW_FORGET };

/* Whether the flow was there. One that is has then been seen now, unless it is to go. Not static:
 * see wgs_parse_head. */
__noinline __u32 wgs_see_flow(__u64 hash, __u32 change) {
    const __u32 row = wgs_flow_row(hash);
    struct wgs_flow_line* line = bpf_map_lookup_elem(&wgs_flows_v2, &row);
    if (!line) return 0;
    const __u64 tag = wgs_flow_tag(hash);
    const __u64 seen = tag | wgs_flow_time();
    __u32 place = wgs_flow_find(line, tag);
    const bool known = place < WGS_FLOW_PLACES;
    if (!known) {
        if (change != WGS_FLOW_ENTER) return 0;
        place = wgs_flow_oldest(line, wgs_flow_time());
    }
    place &= WGS_FLOW_PLACES - 1;
    if (change == WGS_FLOW_FORGET)
        line->places[place] = 0;
    else if (line->places[place] != seen)
        line->places[place] = seen;
    return known;
}

static __always_inline void wgs_remember_flow(const struct wgs_flow* flow) {
    wgs_see_flow(wgs_hash_flow(flow), WGS_FLOW_ENTER);
}

/* A packet that the stack has let out: what it has done to this one it must undo in the answers. */
static __always_inline void wgs_forget_flow(struct __sk_buff* skb,
                                            const struct wgs_packet* packet) {
    struct wgs_flow flow;
    wgs_flow_from_pod(skb, &flow, packet);
    wgs_see_flow(wgs_hash_flow(&flow), WGS_FLOW_FORGET);
}

/* Whether the pod's side of this conversation goes, or will go, past the stack. `packet` is on its
 * way to the pod and begins with its IP header. */
static __always_inline bool wgs_is_fast_flow(struct __sk_buff* skb, const struct wgs_packet* packet,
                                             const struct wgs_pod* pod) {
    struct wgs_transport transport;
    struct wgs_flow flow;
    wgs_read_transport(skb, 0, packet->kind, &transport);
    if (transport.opens) return pod->heard;
    if (transport.error)
        wgs_flow_quoted(skb, &flow, packet->kind, &transport);
    else
        wgs_flow_to_pod(&flow, packet, &transport);
    return wgs_see_flow(wgs_hash_flow(&flow), WGS_FLOW_KEEP);
}
