/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a stream of packets stands. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/destinations.h"
#include "bench/bpf/lib/layout.h"

#define WGS_TTL 64

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct wgs_feed);
} wgs_feed SEC(".maps");

static __always_inline struct wgs_feed* wgs_feed_state(void) {
    __u32 first = 0;
    return bpf_map_lookup_elem(&wgs_feed, &first);
}

static __always_inline const __u32* wgs_next_ipv4(struct wgs_feed* feed) {
    return wgs_destination_ipv4(feed->at++ & feed->mask);
}

static __always_inline const struct wgs_destination6* wgs_next_ipv6(struct wgs_feed* feed) {
    return wgs_destination_ipv6(feed->at++ & feed->mask);
}
