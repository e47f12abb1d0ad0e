/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The buckets of handshake initiations. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "bpf/lib/guard.h"
#include "maps/maps.bpf.h"

/* When two CPUs reach for one token, one of them gets none. */
static __always_inline bool wgs_take_token(struct wgs_bucket* bucket, __u64 now,
                                           const struct wgs_budget* budget) {
    __u64 before = bucket->spent_until;
    __u64 after = wgs_spend(before, now, budget);
    return after && __sync_val_compare_and_swap(&bucket->spent_until, before, after) == before;
}

static __always_inline bool wgs_admit_all_strangers(__u64 now) {
    __u32 row = WGS_PEER_NONE;
    struct wgs_bucket* all = bpf_map_lookup_elem(&wgs_hello_v1, &row);
    return all && wgs_take_token(all, now, &wgs_budget_of_all_strangers);
}

/* A bucket is made only for those who were admitted, so addresses without end cannot fill the
 * table. */
static __always_inline bool wgs_admit_stranger(const struct wgs_packet* packet, __u64 now) {
    struct wgs_stranger stranger = wgs_stranger_of(packet);
    struct wgs_bucket* own = bpf_map_lookup_elem(&wgs_flood_v1, &stranger);
    if (own && !wgs_take_token(own, now, &wgs_budget_of_stranger)) return false;
    if (!wgs_admit_all_strangers(now)) return false;
    struct wgs_bucket fresh = {.spent_until = wgs_spend(0, now, &wgs_budget_of_stranger)};
    if (!own) bpf_map_update_elem(&wgs_flood_v1, &stranger, &fresh, BPF_NOEXIST);
    return true;
}

/* Whether a handshake initiation from an address of this owner may pass now. */
static __always_inline bool wgs_admit(const struct wgs_packet* packet, __u32 source_owner) {
    __u64 now = bpf_ktime_get_ns();
    __u32 initiator = wgs_initiator(source_owner);
    struct wgs_bucket* own = initiator ? bpf_map_lookup_elem(&wgs_hello_v1, &initiator) : 0;
    return own ? wgs_take_token(own, now, &wgs_budget_of_peer) : wgs_admit_stranger(packet, now);
}
