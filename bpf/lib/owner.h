/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who owns an address: the longest prefix of the steer tables that holds it. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "maps/maps.bpf.h"

static const __u32 wgs_only = 0; /* index into maps of one element */

static __always_inline const __u32* wgs_cells4(__u32 pointer) {
    __u32 index = wgs_trie4_chunk(pointer);
    void* chunks = bpf_map_lookup_elem(&wgs_trie4_v1, &index);
    if (!chunks) return 0;
    const struct wgs_chunk4* chunk = bpf_map_lookup_elem(chunks, &wgs_only);
    return chunk ? chunk->cells : 0;
}

/* Linux 6.1 loses the bounds of an index that is put together, and the compiler drops a mask which
 * it finds needless, unless it does not see where the index comes from. */
static __always_inline __u32 wgs_cell_index(__u32 index) {
    asm volatile("" : "+r"(index));
    return index & (WGS_TRIE4_CHUNK_CELLS - 1);
}

/* The owner word for an address in network byte order; 0: nobody. */
static __always_inline __u32 wgs_owner_of_ipv4(const __u32* address) {
    const __u32 host = WGS_SWAP32(*address);
    const struct wgs_root4* root = bpf_map_lookup_elem(&wgs_root4_v1, &wgs_only);
    if (!root) return 0;
    __u32 cell = root->cells[wgs_trie4_in_root(host)];
    if (cell & WGS_TRIE4_POINTER) {
        const __u32* cells = wgs_cells4(cell);
        if (!cells) return 0;
        cell = cells[wgs_cell_index(wgs_trie4_in_middle(cell, host))];
        if (cell & WGS_TRIE4_POINTER) {
            cells = wgs_cells4(cell);
            if (!cells) return 0;
            cell = cells[wgs_cell_index(wgs_trie4_in_last(cell, host))];
        }
    }
    return cell & WGS_OWNER_MASK;
}

static __always_inline struct wgs_found6 wgs_find6(__u64 table, const struct wgs_key6* key) {
    struct wgs_found6 found = {};
    struct wgs_place6 place = wgs_hash6_place(table, key);
    void* chunks = bpf_map_lookup_elem(&wgs_hash6_v1, &place.chunk);
    if (!chunks) return found;
    const struct wgs_chunk6* chunk = bpf_map_lookup_elem(chunks, &wgs_only);
    if (!chunk) return found;
    for (__u32 i = 0; i < WGS_HASH6_REACH; i++) {
        const struct wgs_bucket6* bucket =
            &chunk->buckets[(place.bucket + i) & (WGS_HASH6_CHUNK_BUCKETS - 1)];
        found = wgs_bucket6_find(bucket, key);
        if (found.word || !bucket->passed) break;
    }
    return found;
}

/* Not static, here and below: the verifier checks a global function once, not in each of its
 * places. */
__noinline __u32 wgs_owner_of_key6(__u64 table, __u64 upper, __u64 lower, __u64 unit) {
    const struct wgs_key6 key = wgs_key6_lower(upper, lower, unit);
    return wgs_find6(table, &key).word & WGS_OWNER_MASK;
}

/* The owner word of the longest prefix with one of these lengths of the lower half, 0: none. */
static __always_inline __u32 wgs_owner_below(__u64 table, __u64 upper, __u64 lower, __u64 units) {
    for (__u32 i = 0; i < 64 && units; i++) {
        __u64 unit = units & -units;
        __u32 owner = wgs_owner_of_key6(table, upper, lower, unit);
        if (WGS_OWNER_PEER(owner)) return owner;
        units ^= unit;
    }
    return 0;
}

__noinline __u32 wgs_owner_of_upper6(__u64 table, __u64 upper, __u64 unit) {
    const struct wgs_key6 key = wgs_key6_upper(upper, unit);
    return wgs_find6(table, &key).word & WGS_OWNER_MASK;
}

/* Likewise of the upper half. */
static __always_inline __u32 wgs_owner_above(__u64 table, __u64 upper, __u64 units) {
    for (__u32 i = 0; i < 64 && units; i++) {
        __u64 unit = units & -units;
        __u32 owner = wgs_owner_of_upper6(table, upper, unit);
        if (WGS_OWNER_PEER(owner)) return owner;
        units ^= unit;
    }
    return 0;
}

__noinline __u32 wgs_look_up6(__u64 upper, __u64 lower) {
    const struct wgs_head6* head = bpf_map_lookup_elem(&wgs_head6_v1, &wgs_only);
    if (!head) return 0; /* for the verifier */
    const __u64 table = head->table;
    const struct wgs_key6 site = wgs_key6_upper(upper, 1);
    const struct wgs_found6 found = wgs_find6(table, &site);
    __u32 owner = wgs_owner_below(table, upper, lower, found.lower);
    if (owner) return owner;
    owner = found.word & WGS_OWNER_MASK;
    if (WGS_OWNER_PEER(owner)) return owner;
    owner = wgs_owner_above(table, upper, head->shorter);
    return owner ? owner : head->any;
}

/* Neither the compiler nor x86 moves loads past this. */
#define WGS_BARRIER() asm volatile("" ::: "memory")

static __always_inline __u32 wgs_changes6(const struct wgs_head6* head, __u64 upper) {
    WGS_BARRIER();
    __u32 changes = head->changes + head->changes_in[wgs_hash6_counter(upper)];
    WGS_BARRIER();
    return changes;
}

/* As wgs_owner_of_ipv4(). */
static __always_inline __u32 wgs_owner_of_ipv6(const __u32* address) {
    struct wgs_head6* head = bpf_map_lookup_elem(&wgs_head6_v1, &wgs_only);
    if (!head) return 0; /* for the verifier */
    const __u64 upper = wgs_half6(address), lower = wgs_half6(address + 2);
    __u32 owner, changed;
    int tries = WGS_HASH6_TRIES;
    /* Leaves at its end only: Linux 6.1 refuses a loop whose body falls through to its start. */
    do {
        if (tries == WGS_HASH6_TRIES - WGS_HASH6_PATIENCE) __sync_fetch_and_add(&head->waiting, 1);
        changed = wgs_changes6(head, upper);
        owner = wgs_look_up6(upper, lower);
        changed ^= wgs_changes6(head, upper);
    } while (changed && --tries);
    if (tries <= WGS_HASH6_TRIES - WGS_HASH6_PATIENCE) __sync_fetch_and_add(&head->waiting, -1);
    return owner;
}
