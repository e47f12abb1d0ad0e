/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The chase: lookups of which each one waits for the answer to the last, as a packet does. Whoever
 * includes this has defined wgs_owner_of_ipv4() and wgs_owner_of_ipv6(), or what takes their place,
 * and WGS_STEPS if a run makes fewer steps.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/destinations.h"

#ifndef WGS_STEPS
#define WGS_STEPS WGS_CHASE_STEPS
#endif

#ifndef WGS_FIND4
#define WGS_FIND4(skb, address) ((void)(skb), wgs_owner_of_ipv4(address))
#define WGS_FIND6(skb, address) ((void)(skb), wgs_owner_of_ipv6(address))
#endif

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct wgs_chase);
} wgs_chase SEC(".maps");

static __always_inline struct wgs_chase* wgs_chase_state(void) {
    __u32 first = 0;
    return bpf_map_lookup_elem(&wgs_chase, &first);
}

/* No owner has its top bit set, which neither compiler nor processor knows. */
static __always_inline void wgs_step(struct wgs_chase* chase, __u32 owner) {
    chase->hits += owner != 0;
    chase->sum = chase->sum * 31 + owner;
    chase->at += 1 + (owner >> 31);
}

SEC("tc")
int wgs_chase4(struct __sk_buff* skb) {
    struct wgs_chase* state = wgs_chase_state();
    if (!state) return TC_ACT_OK;
    struct wgs_chase chase = *state;
    for (int i = 0; i < WGS_STEPS; i++) {
        const __u32* destination = wgs_destination_ipv4(chase.at);
        if (!destination) return TC_ACT_SHOT;
        wgs_step(&chase, WGS_FIND4(skb, destination));
    }
    *state = chase;
    return TC_ACT_OK;
}

SEC("tc")
int wgs_chase6(struct __sk_buff* skb) {
    struct wgs_chase* state = wgs_chase_state();
    if (!state) return TC_ACT_OK;
    struct wgs_chase chase = *state;
    for (int i = 0; i < WGS_STEPS; i++) {
        const struct wgs_destination6* destination = wgs_destination_ipv6(chase.at);
        if (!destination) return TC_ACT_SHOT;
        wgs_step(&chase, WGS_FIND6(skb, destination->address));
    }
    *state = chase;
    return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
