// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc egress of an underlay device, after wgs_nic_out: counts and samples what leaves in clear
// between protected prefixes. It passes everything.
//
// It checks wgs_nic_out, so it shares nothing with it: the parsing, the tables and the judgement
// are its own, and the simplest that will do.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/event.h"
#include "bpf/lib/leak_packet.h"
#include "maps/maps.bpf.h"

const volatile __u32 fwmark = 0x1000;
const volatile __u32 mark_mask = 0x3000;

/* How the packet may be one of our own encrypted ones. A mark alone proves nothing. */
enum wgs_outer {
    WGS_OUTER_NO,
    WGS_OUTER_PIECE, /* shows no port: it is, if it goes from node to node */
    WGS_OUTER_YES,
};

static __always_inline bool wgs_is_tunnel_port(__u16 port) {
    for (__u32 i = 0; i < WGS_MAX_TUNNELS; i++) {
        __u32 index = i; /* Linux 6.1 loses track of a counter on the stack */
        const struct wgs_tunnel* tunnel = bpf_map_lookup_elem(&wgs_tunnels_v1, &index);
        if (tunnel && tunnel->port && tunnel->port == port) return true;
    }
    return false;
}

static __always_inline enum wgs_outer wgs_outer_of(const struct __sk_buff* skb,
                                                   const struct wgs_leak_packet* packet) {
    if ((skb->mark & mark_mask) != fwmark || packet->flow.protocol != IPPROTO_UDP)
        return WGS_OUTER_NO;
    if (packet->later_fragment) return WGS_OUTER_PIECE;
    return wgs_is_tunnel_port(packet->flow.source_port) ? WGS_OUTER_YES : WGS_OUTER_NO;
}

/* False: no table has a prefix that holds this address (maps/regions.h). */
static __always_inline bool wgs_may_be_watched(__u8 family, const __u8* address) {
    __be32 top;
    __builtin_memcpy(&top, address, sizeof(top));
    __u32 index = family == 4 ? WGS_REGIONS_IPV4 : WGS_REGIONS_IPV6;
    const struct wgs_regions* regions = bpf_map_lookup_elem(&wgs_regions_v1, &index);
    if (!regions) return true; /* for the verifier */
    return wgs_has_region(regions,
                          family == 4 ? wgs_region4(bpf_ntohl(top)) : wgs_region6(bpf_ntohl(top)));
}

/* enum wgs_watch; 0: nobody watches this address. */
static __always_inline __u32 wgs_watch_of(__u8 family, const __u8* address) {
    const struct wgs_watched* watched;
    if (!wgs_may_be_watched(family, address)) return 0;
    if (family == 4) {
        struct wgs_prefix4 key = {.length = 32};
        __builtin_memcpy(key.address, address, sizeof(key.address));
        watched = bpf_map_lookup_elem(&wgs_watch4_v1, &key);
    } else {
        struct wgs_prefix6 key = {.length = 128};
        __builtin_memcpy(key.address, address, sizeof(key.address));
        watched = bpf_map_lookup_elem(&wgs_watch6_v1, &key);
    }
    return watched ? watched->flags : 0;
}

static __always_inline bool wgs_is_bypassed(const struct wgs_leak_flow* flow) {
    struct wgs_service to = {.protocol = flow->protocol, .port = flow->destination_port};
    struct wgs_service from = {.protocol = flow->protocol, .port = flow->source_port};
    return bpf_map_lookup_elem(&wgs_bypass_v1, &to) || bpf_map_lookup_elem(&wgs_bypass_v1, &from);
}

/* `both`: what is watched of the two nodes alike. */
static __always_inline bool wgs_is_leak_between_nodes(const struct wgs_leak_packet* packet,
                                                      __u32 both) {
    bool watched =
        (both & WGS_WATCH_HOSTS) || ((both & WGS_WATCH_OVERLAY) && wgs_carries_others(packet));
    return watched && !wgs_is_dhcp(&packet->flow) && !wgs_is_bypassed(&packet->flow);
}

static __always_inline bool wgs_is_leak(const struct __sk_buff* skb,
                                        const struct wgs_leak_packet* packet) {
    enum wgs_outer outer = wgs_outer_of(skb, packet);
    if (outer == WGS_OUTER_YES || wgs_stays_on_link(packet)) return false;
    __u32 to = wgs_watch_of(packet->flow.family, packet->flow.destination);
    if (!(to & WGS_WATCH_TO)) return false;
    __u32 from = wgs_watch_of(packet->flow.family, packet->flow.source);
    if (!(from & WGS_WATCH_FROM)) return false;
    if ((from | to) & WGS_WATCH_POD) return true;
    return outer != WGS_OUTER_PIECE && wgs_is_leak_between_nodes(packet, from & to);
}

static __always_inline void wgs_count_leak(__u64 bytes) {
    __u32 index = WGS_VERDICT_INDEX(WGS_HOOK_LEAK_WATCH, WGS_REASON_leak);
    struct wgs_counter* total = bpf_map_lookup_elem(&wgs_verdict_v1, &index);
    if (!total) return;
    total->packets++;
    total->bytes += bytes;
}

static __always_inline void wgs_sample_leak(const struct wgs_leak_flow* flow, __u64 bytes) {
    __u64 now = bpf_ktime_get_boot_ns();
    struct wgs_leak first = {.packets = 1, .bytes = bytes, .first = now, .last = now};
    if (!bpf_map_update_elem(&wgs_leaks_v1, flow, &first, BPF_NOEXIST)) return;
    struct wgs_leak* known = bpf_map_lookup_elem(&wgs_leaks_v1, flow);
    if (!known) return;
    __sync_fetch_and_add(&known->packets, 1);
    __sync_fetch_and_add(&known->bytes, bytes);
    known->last = now;
}

/* Not static: see wgs_concerns. */
__noinline int wgs_tell_of_leak(struct __sk_buff* skb, struct wgs_leak_flow* flow,
                                __u32 l3_offset) {
    __u32 dice;
    if (!flow || !wgs_is_drawn(0, &dice)) return 0;
    struct wgs_event event = {.source_port = flow->source_port,
                              .destination_port = flow->destination_port,
                              .family = flow->family,
                              .protocol = flow->protocol,
                              .hook = WGS_HOOK_LEAK_WATCH,
                              .reason = WGS_REASON_leak,
                              .ifindex = skb->ifindex,
                              .length = skb->len - l3_offset,
                              .mark = skb->mark,
                              .flow_hash = bpf_get_hash_recalc(skb)};
    __builtin_memcpy(event.source, flow->source, sizeof(event.source));
    __builtin_memcpy(event.destination, flow->destination, sizeof(event.destination));
    if (wgs_address(&event, dice)) wgs_send(skb, wgs_copy_of_skb, &event, l3_offset);
    return 0;
}

static __always_inline bool wgs_is_probe(const struct __sk_buff* skb) {
    return skb->cb[3] == WGS_PROBE_CB3 && skb->cb[4] == WGS_PROBE_CB4;
}

SEC("tc")
int wgs_leak_watch(struct __sk_buff* skb) {
    struct wgs_leak_packet packet = {.flow.ifindex = skb->ifindex};
    bool leak = wgs_read_packet(skb, &packet) && wgs_is_leak(skb, &packet);
    if (wgs_is_probe(skb)) {
        skb->cb[0] = leak ? WGS_REASON_leak : WGS_REASON_none;
    } else if (leak) {
        wgs_count_leak(skb->len - packet.l3_offset);
        wgs_sample_leak(&packet.flow, skb->len - packet.l3_offset);
        if (wgs_is_asked_about(WGS_REASON_leak))
            wgs_tell_of_leak(skb, &packet.flow, packet.l3_offset);
    }
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
