/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Times single packets from where they are steered to where they leave encrypted (maps/crypto.h).
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "maps/crypto.h"
#include "maps/maps.bpf.h"

/* `nth`: which packet of its peer this is, on this CPU; 0: none that counts. */
static __always_inline bool wgs_is_timed(__u64 nth) {
    return __builtin_expect((nth & (WGS_LAP_EVERY - 1)) == 1, 0);
}

/* A packet that is about to be steered. Not static: see wgs_parse_head. */
__noinline int wgs_begin_lap(struct __sk_buff* skb, __u32 peer) {
    const __u32 flow = bpf_get_hash_recalc(skb);
    const __u32 hash = wgs_lap_hash(flow, __sync_fetch_and_add(&wgs_laps.next, 1));
    const __u32 slot = wgs_lap_slot(hash);
    volatile __u32* place = &wgs_laps.keys[slot];
    volatile struct wgs_lap* lap = &wgs_laps.laps[slot];
    if (!hash || !wgs_lap_key(hash) || hash == flow) return 0; /* it would look like others */
    bpf_set_hash(skb, hash);
    *place = 0; /* nobody reads what is being written */
    lap->since = bpf_ktime_get_ns();
    lap->peer = peer;
    *place = wgs_lap_key(hash);
    return 0;
}

static __always_inline void wgs_add_lap(__u32 peer, __u64 nanoseconds) {
    struct wgs_crypto* row = bpf_map_lookup_elem(&wgs_crypto_v1, &peer);
    const __u32 bucket = wgs_crypto_bucket(nanoseconds);
    if (!row || bucket >= WGS_CRYPTO_BUCKETS) return; /* the latter for the verifier */
    __sync_fetch_and_add(&row->buckets[bucket], 1);
    __sync_fetch_and_add(&row->nanoseconds, nanoseconds);
}

/* Of the packets that a large one has become the first one ends the lap. Not static, as above. */
__noinline int wgs_note_lap(__u32 hash) {
    const __u32 slot = wgs_lap_slot(hash);
    const __u32 key = wgs_lap_key(hash);
    if (!key || __sync_val_compare_and_swap(&wgs_laps.keys[slot], key, 0) != key) return 0;
    const __u64 nanoseconds = bpf_ktime_get_ns() - wgs_laps.laps[slot].since;
    const __u32 peer = wgs_laps.laps[slot].peer;
    wgs_add_lap(WGS_PEER_NONE, nanoseconds);
    wgs_add_lap(peer, nanoseconds);
    return 0;
}

/* A packet that leaves encrypted. One load is all that it costs if it is not timed. */
static __always_inline void wgs_end_lap(const struct __sk_buff* skb) {
    const __u32 hash = skb->hash;
    if (__builtin_expect(wgs_laps.keys[wgs_lap_slot(hash)] == wgs_lap_key(hash), 0))
        wgs_note_lap(hash);
}
