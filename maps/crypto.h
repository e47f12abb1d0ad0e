/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long packets are in WireGuard on their way out. Part of the contract of maps/layout.h.
 *
 * One of many packets is timed: where it is steered it gets a flow hash of its own, which WireGuard
 * carries over to the packet that it makes of it. The bits by which queues are chosen stay those of
 * the flow, the upper ones for devices and fq_codel, the lower ones for fq; between them stands the
 * number of the lap.
 */
#pragma once

#include <linux/types.h>

#include "maps/inline.h"
#include "maps/layout.h"

#define WGS_LAPS 256      /* under way at once; a power of two */
#define WGS_LAP_EVERY 128 /* packets of a peer on a CPU; a power of two */
#define WGS_LAP_SHIFT 10
#define WGS_LAP_BITS 0x003ffc00u

/* The hash of lap `number` in a flow. */
WGS_INLINE __u32 wgs_lap_hash(__u32 flow, __u32 number) {
    return (flow & ~WGS_LAP_BITS) | ((number << WGS_LAP_SHIFT) & WGS_LAP_BITS);
}

/* Where the lap with this hash is noted. */
WGS_INLINE __u32 wgs_lap_slot(__u32 hash) {
    return (hash >> WGS_LAP_SHIFT) & (WGS_LAPS - 1);
}

/* How it is noted there: so that a packet without a hash does not look like a free place, which is
 * 0. */
WGS_INLINE __u32 wgs_lap_key(__u32 hash) {
    return ~hash;
}

struct wgs_lap {
    __u64 since; /* CLOCK_MONOTONIC, ns */
    __u32 peer;  /* id */
    __u32 reserved;
};

/* A lap that nobody ends makes room for a later one. */
struct wgs_laps {
    __u32 next; /* number of the next lap */
    __u32 reserved[15];
    __u32 keys[WGS_LAPS]; /* of the packets under way; 0: none. All that other packets read */
    struct wgs_lap laps[WGS_LAPS];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_laps) == 64 + WGS_LAPS * 20, "keys start a cache line");

/* Bucket i counts laps of at most 2^i microseconds, the last one all that are longer. */
#define WGS_CRYPTO_BUCKETS 22

/* The laps of one peer; in the row of WGS_PEER_NONE, of all that there ever were. */
struct wgs_crypto {
    __u64 buckets[WGS_CRYPTO_BUCKETS];
    __u64 nanoseconds; /* of all laps together */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_crypto) == 184, "counters only");

WGS_INLINE __u32 wgs_crypto_bucket(__u64 nanoseconds) {
    __u64 microseconds = nanoseconds ? (nanoseconds - 1) / 1000 : 0;
    __u32 bucket = 0;
    for (__u32 step = 16; step; step /= 2) {
        if (microseconds >> step) {
            microseconds >>= step;
            bucket += step;
        }
        if (bucket >= WGS_CRYPTO_BUCKETS) return WGS_CRYPTO_BUCKETS - 1;
    }
    bucket += microseconds != 0;
    return bucket < WGS_CRYPTO_BUCKETS ? bucket : WGS_CRYPTO_BUCKETS - 1;
}
