/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flows of pods that leave past the host's stack: a set that forgets by itself.
 *
 * A flow is remembered by 47 bits of its hash, in one of eight places of a cache line which other
 * bits choose; the lowest 16 bits of a place say when it was last seen. What comes into a full line
 * takes the place of the one seen longest ago. Two flows of one line look the same once in 2^47
 * pairs, and nobody can bring it about: the hash has a seed, which the agent chooses.
 *
 * All CPUs store into it, a whole entry at once. When two change a line at the same moment one may
 * be lost, and is entered again with its next packet.
 */
#pragma once

#include <linux/types.h>

#include "maps/inline.h"
#include "maps/layout.h"

#define WGS_FLOW_PLACES 8
#define WGS_FLOW_LINES 16384u /* a power of two: 1 MiB, for 2^17 flows */
#define WGS_FLOW_ROWS (WGS_FLOW_LINES + 1)
#define WGS_FLOW_SEED_ROW 0u /* whose first word is the seed; 0: not chosen yet */
#define WGS_FLOW_AGE 0xffffull
#define WGS_FLOW_TICK_SHIFT 8 /* of jiffies: 0.26 to 2.6 s */

struct wgs_flow_line {
    __u64 places[WGS_FLOW_PLACES]; /* 0: free */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_flow_line) == 64, "one cache line");

WGS_INLINE __u64 wgs_flow_mix(__u64 hash, __u64 word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 32;
}

WGS_INLINE __u64 wgs_flow_word(__u32 high, __u32 low) {
    __u64 word = high;
    return word << 32 | low;
}

WGS_INLINE __u64 wgs_flow_hash(const struct wgs_flow* flow, __u64 seed) {
    __u64 hash = wgs_flow_mix(seed, wgs_flow_word(flow->pod[0], flow->other[0]));
    if (flow->family == 6) {
        for (int i = 1; i < 4; i++)
            hash = wgs_flow_mix(hash, wgs_flow_word(flow->pod[i], flow->other[i]));
    }
    const __u32 kind = flow->family * 0x100u + flow->protocol;
    hash = wgs_flow_mix(hash, wgs_flow_word(flow->pod_port, flow->other_port + (kind << 16)));
    return (hash ^ seed) * 0xd6e8feb86659fd93ull;
}

WGS_INLINE __u32 wgs_flow_row(__u64 hash) {
    return WGS_LOW32(hash >> 50) % WGS_FLOW_LINES + 1;
}

/* What a place says of a flow, without the age: never 0. */
WGS_INLINE __u64 wgs_flow_tag(__u64 hash) {
    return (hash << 14 | WGS_FLOW_AGE + 1) & ~WGS_FLOW_AGE;
}

/* Where a tag is; WGS_FLOW_PLACES: nowhere. */
WGS_INLINE __u32 wgs_flow_find(const struct wgs_flow_line* line, __u64 tag) {
    __u32 i = 0;
    for (; i < WGS_FLOW_PLACES; i++) {
        if ((line->places[i] & ~WGS_FLOW_AGE) == tag) break;
    }
    return i;
}

/* The place whose turn it is to be overwritten: a free one, or the one not seen for longest. */
WGS_INLINE __u32 wgs_flow_oldest(const struct wgs_flow_line* line, __u64 now) {
    __u64 oldest = 0; /* its age above its place */
    for (__u32 i = 0; i < WGS_FLOW_PLACES; i++) {
        const __u64 place = line->places[i];
        __u64 age = place ? (now - place) & WGS_FLOW_AGE : WGS_FLOW_AGE + 1;
        age = age << 3 | i;
        if (age > oldest) oldest = age;
    }
    return WGS_LOW32(oldest) % WGS_FLOW_PLACES;
}
