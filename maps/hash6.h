/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv6 steer table: a hash table in which every prefix is one slot, and which says by itself
 * which lengths are worth a probe.
 *
 * Most lookups are one or two probes, a cache line each: the first asks for the /64 of the address,
 * whose slot also has a bit for each longer length in use below it; those are asked for from the
 * longest on. When neither they nor the /64 answer, the shorter lengths in use are asked for.
 *
 * Lengths appear as units: the value of the lowest bit that a prefix of this length has in its half
 * of the address, so that -unit is the half's mask. The lower half is for lengths 65-128, the upper
 * one for 1-64.
 *
 * A bucket is a cache line of three slots. A slot's word:
 *
 *   0            never used
 *   bits 0-24    owner word; WGS_HASH6_NOBODY: the prefix is not there (any more)
 *   bits 25-30   the length, see wgs_hash6_tag()
 *   bit 31       set for lengths up to 64
 *
 * A slot that finds its bucket full goes into the next one of the same chunk, and counts up
 * `passed` of those it went by; a probe ends at a bucket that nobody passed by.
 *
 * For readers: a slot's key is stored before its word, and neither key nor tag change as long as
 * the table can be seen. So a prefix comes, moves and goes by one 32-bit store, and its slot is
 * used again for no other one: those left behind are shed when the table is built anew elsewhere.
 * The head names the table in one 64-bit word, which is stored when all of it is there.
 *
 * One lookup makes several probes, and its answer must have been right at some moment: it is,
 * unless after a probe in vain that longer prefix came, and then the shorter one which answers was
 * changed. Hence the counters in the head: they grow before and after each change of a prefix that
 * may have longer ones inside. While such a counter stands still either one such change happens and
 * nothing else, or none does; a reader who finds another count at the end looks again. The counter
 * of an address is that of its /64 plus that of all lengths below 64: each only grows, so that the
 * sum is the same only if both are. The writer makes pauses in which a lookup ends
 * (agent/table/hash6.cpp). A reader for whom they are too short says so in `waiting`, and the
 * writer begins no change before that is over; one that it had begun already can spoil two more
 * tries.
 */
#pragma once

#include <linux/types.h>
#include <stddef.h>

#include "maps/inline.h"
#include "maps/layout.h"

#define WGS_BUCKET6_SLOTS 3
#define WGS_HASH6_CHUNK_BUCKETS 1024u
#define WGS_HASH6_REACH 8u /* buckets where a key may be */
#define WGS_HASH6_COUNTERS 1024u
#define WGS_HASH6_TRIES 6          /* of a reader to look without a change in between */
#define WGS_HASH6_PATIENCE 3       /* tries after which it makes the writer wait */
#define WGS_HASH6_MAX_CHUNKS 4096u /* of two tables, while one takes over from the other */

#define WGS_HASH6_NOBODY WGS_OWNER(WGS_PEER_NONE, WGS_CLASS_NODE)
#define WGS_HASH6_TAG 0xfe000000u
#define WGS_HASH6_UPPER 0x80000000u

struct wgs_bucket6 {
    __u64 upper[WGS_BUCKET6_SLOTS]; /* halves of the prefix, in host byte order */
    __u64 lower[WGS_BUCKET6_SLOTS]; /* of lengths up to 64 not part of the key: the units of longer
                                       lengths that may be in use below this prefix; 0 if < 64 */
    __u32 word[WGS_BUCKET6_SLOTS];
    __u32 passed;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_bucket6) == 64, "one cache line");

struct wgs_chunk6 {
    struct wgs_bucket6 buckets[WGS_HASH6_CHUNK_BUCKETS];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_chunk6) == WGS_CHUNK_SIZE, "all chunks are of one size");

struct wgs_head6 {
    __u64 table;       /* bits 0-15 first chunk, 16-31 number of chunks, 32-63 seed of the hash */
    __u64 shorter;     /* units of lengths below 64 that may be in use */
    __u32 any;         /* owner word of ::/0 */
    __u32 changes;     /* of lengths below 64, and of `table` */
    __u64 replaced[2]; /* while one table takes over: both, so that a writer finds what one that
                          died has left; not for readers */
    __u32 waiting;     /* readers who make the writer wait */
    __u32 reserved[5];
    __u32 changes_in[WGS_HASH6_COUNTERS]; /* of lengths from 64 on, by the /64 */
};
WGS_STATIC_ASSERT(offsetof(struct wgs_head6, changes_in) == 64, "one cache line before");

/* What a slot is found by. */
struct wgs_key6 {
    __u64 upper;
    __u64 lower; /* 0 for lengths up to 64 */
    __u32 tag;   /* bits 25-31 of the word */
};

/* Where the first bucket of a key is. */
struct wgs_place6 {
    __u32 chunk;
    __u32 bucket;
};

/* 64 bits of an address, from two words in network byte order. */
WGS_INLINE __u64 wgs_half6(const __u32* words) {
    const __u64 high = WGS_SWAP32(words[0]);
    return high << 32 | WGS_SWAP32(words[1]);
}

/* Multiplying by a de Bruijn sequence brings a different pattern to the top for each unit. */
WGS_INLINE __u32 wgs_hash6_tag(__u64 unit) {
    return WGS_LOW32(unit * 0x03f79d71b4cb0a89ull >> 58) << 25;
}

WGS_INLINE struct wgs_key6 wgs_key6_upper(__u64 upper, __u64 unit) {
    struct wgs_key6 key = {upper & -unit, 0, wgs_hash6_tag(unit) | WGS_HASH6_UPPER};
    return key;
}

WGS_INLINE struct wgs_key6 wgs_key6_lower(__u64 upper, __u64 lower, __u64 unit) {
    struct wgs_key6 key = {upper, lower & -unit, wgs_hash6_tag(unit)};
    return key;
}

/* Each half is folded before it is multiplied, since a product's low bits know nothing of the high
 * ones. The length counts as well: prefixes of many lengths may begin at the same address. */
WGS_INLINE struct wgs_place6 wgs_hash6_place(__u64 table, const struct wgs_key6* key) {
    __u64 upper = key->upper ^ table >> 32;
    __u64 lower = (key->lower ^ key->lower >> 32) + key->tag;
    __u64 mixed = (upper ^ upper >> 32) * 0x9e3779b97f4a7c15ull + lower * 0xc2b2ae3d27d4eb4full;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ull;
    __u64 chunks = table >> 16 & 0xffff;
    struct wgs_place6 place = {
        WGS_LOW32((table & 0xffff) + ((mixed >> 40) * chunks >> 24)),
        WGS_LOW32(mixed >> 20) & (WGS_HASH6_CHUNK_BUCKETS - 1),
    };
    return place;
}

/* Which counter of changes is that of a /64. */
WGS_INLINE __u32 wgs_hash6_counter(__u64 upper) {
    return WGS_LOW32((upper ^ upper >> 32) * 0x9e3779b97f4a7c15ull >> 54);
}

/* All bits, or none if the value is not 0. The compiler must not make a branch of it: which slot it
 * is no CPU can predict, and the verifier would follow every one. */
WGS_INLINE __u64 wgs_mask_if_zero(__u64 value) {
    __u64 sign = value | -value;
    __asm__("" : "+r"(sign));
    return (sign >> 63) - 1;
}

/* What a bucket says of a key. */
struct wgs_found6 {
    __u64 lower; /* of the slot */
    __u32 word;  /* likewise; 0: no slot has the key, as words of used slots are not 0 */
};

WGS_INLINE struct wgs_found6 wgs_bucket6_find(const struct wgs_bucket6* bucket,
                                              const struct wgs_key6* key) {
    struct wgs_found6 found = {0, 0};
    for (int i = 0; i < WGS_BUCKET6_SLOTS; i++) {
        __u64 other = (bucket->upper[i] ^ key->upper) | ((bucket->word[i] ^ key->tag) >> 25);
        if (!(key->tag & WGS_HASH6_UPPER)) other |= bucket->lower[i] ^ key->lower;
        __u64 mask = wgs_mask_if_zero(other);
        found.lower |= bucket->lower[i] & mask;
        found.word |= WGS_LOW32(bucket->word[i] & mask);
    }
    return found;
}
