/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The IPv4 steer table: who owns an address, in at most three dependent loads whatever the number
 * of prefixes.
 *
 * A trie of strides 16, 10 and 6. Strides that end at 26 make a /26 (the usual block of an IPAM)
 * one cell and a /24 four. A cell is one aligned 32-bit word and always stored at once:
 *
 *   0            no prefix covers its addresses
 *   bit 31 clear the owner word (bits 0-24) of the longest prefix that covers all its addresses,
 * and that prefix' length (bits 25-30): with the cell's place it tells the prefix itself bit 31 set
 * bits 0-30: the block where these addresses are told apart
 *
 * Blocks are numbered in units of 64 cells. The one below a root cell has 1024 cells and starts at
 * a multiple of 16 units; the one below a cell of such a block has 64. They lie in chunks of 64
 * KiB, which the map of chunks lists; a chunk is added before a cell names a block in it, and
 * stays.
 *
 * For readers: whatever a cell says was right at some moment since the lookup began, because
 *   - a block is filled before a cell that names it is stored, and
 *   - after the last such cell is gone it is not written to until every program that was running
 *     then has finished (agent/table/trie4.h).
 */
#pragma once

#include <linux/types.h>

#include "maps/inline.h"
#include "maps/layout.h"

#define WGS_TRIE4_POINTER 0x80000000u
#define WGS_TRIE4_LENGTH_SHIFT 25
#define WGS_TRIE4_ROOT_CELLS 0x10000u
#define WGS_TRIE4_CHUNK_CELLS 0x4000u
#define WGS_TRIE4_MIDDLE_CELLS 1024u
#define WGS_TRIE4_LAST_CELLS 64u /* one unit */
#define WGS_TRIE4_CHUNK_UNITS 256u
#define WGS_TRIE4_MIDDLE_UNITS 16u
#define WGS_TRIE4_MAX_CHUNKS                                                                       \
    4096u /* every /16 in use, or a million /26 with longer ones inside                            \
           */

struct wgs_root4 {
    __u32 cells[WGS_TRIE4_ROOT_CELLS]; /* by the upper 16 bits of an address */
};

struct wgs_chunk4 {
    __u32 cells[WGS_TRIE4_CHUNK_CELLS];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_chunk4) == WGS_CHUNK_SIZE, "all chunks are of one size");

/* The cell of a prefix' addresses; `length` in bits, owner not 0. */
WGS_INLINE __u32 wgs_trie4_leaf(__u32 owner, __u32 length) {
    return owner | length << WGS_TRIE4_LENGTH_SHIFT;
}

/* Of a cell that is no pointer. */
WGS_INLINE __u32 wgs_trie4_length(__u32 cell) {
    return cell >> WGS_TRIE4_LENGTH_SHIFT;
}

/* Of a cell that is a pointer: index of the chunk, within 2^23. */
WGS_INLINE __u32 wgs_trie4_chunk(__u32 cell) {
    return (cell & ~WGS_TRIE4_POINTER) / WGS_TRIE4_CHUNK_UNITS;
}

/* Indices of cells, for addresses in host byte order; in blocks, from the chunk's first cell. */
WGS_INLINE __u32 wgs_trie4_in_root(__u32 address) {
    return address >> 16;
}
WGS_INLINE __u32 wgs_trie4_in_middle(__u32 pointer, __u32 address) {
    return (pointer & 0xf0u) * WGS_TRIE4_LAST_CELLS + (address >> 6 & (WGS_TRIE4_MIDDLE_CELLS - 1));
}
WGS_INLINE __u32 wgs_trie4_in_last(__u32 pointer, __u32 address) {
    return (pointer & 0xffu) * WGS_TRIE4_LAST_CELLS + (address & (WGS_TRIE4_LAST_CELLS - 1));
}
