/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet taken apart: its bytes in memory of this CPU, from which other packets are made.
 * Programs at a tc hook run with softirqs off, so one packet at a time uses it.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps/inline.h"

#define WGS_SCRATCH_BYTES 9600  /* more than any jumbo frame */
#define WGS_SCRATCH_SLACK 16384 /* more than that, and a power of two */
#define WGS_SCRATCH_ROOM 64     /* for headers that go before the packet */
#define WGS_SUM_BYTES 512       /* most that bpf_csum_diff() takes at once */

/* Keeps the compiler from computing a value anew behind the check that the verifier has seen, and
 * from making one check of two, from which older verifiers learn nothing. */
#define WGS_KEEP(value) asm volatile("" : "+r"(value))

/* How a packet is cut. All in bytes. */
struct wgs_pieces {
    __u32 header;        /* of IP */
    __u32 payload;       /* behind it */
    __u32 piece;         /* payload of all pieces but the last one */
    __u32 offset;        /* payload that has been sent */
    __u32 fragment_word; /* fragment offset and flags as they came, host byte order */
};

struct wgs_scratch {
    struct wgs_pieces pieces;
    __u8 room[WGS_SCRATCH_ROOM];
    __u8 packet[WGS_SCRATCH_BYTES];
    __u8 slack[WGS_SCRATCH_SLACK]; /* start and length are each known to be in bounds, not their sum
                                    */
};

/* Of no interest to the agent: not pinned. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct wgs_scratch);
} wgs_scratch SEC(".maps");

static __always_inline struct wgs_scratch* wgs_scratch_of_this_cpu(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&wgs_scratch, &zero);
}

static __always_inline __u16 wgs_fold(__u64 sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Internet checksum (RFC 1071), neither folded nor complemented, of `length` bytes of the packet
 * from `start` on, which are followed by zeros up to a multiple of 4. Not static: see
 * wgs_parse_head. */
__noinline __u32 wgs_sum_of_packet(__u32 start, __u32 length) {
    struct wgs_scratch* scratch = wgs_scratch_of_this_cpu();
    __u32 sum = 0;
    if (!scratch) return 0;
    for (__u32 done = 0; done < WGS_SCRATCH_BYTES && done < length; done += WGS_SUM_BYTES) {
        __u32 left = (length - done + 3) & ~3u;
        __u32 at = start + done;
        if (left > WGS_SUM_BYTES) left = WGS_SUM_BYTES;
        WGS_KEEP(left);
        WGS_KEEP(at);
        if (at >= WGS_SCRATCH_BYTES || left > WGS_SUM_BYTES) break; /* for the verifier */
        sum = (__u32)bpf_csum_diff(0, 0, (__be32*)(scratch->packet + at), left, sum);
    }
    return sum;
}

/* A packet whose transport checksum a device is to fill in keeps a note of where that is. The
 * kernel drops the note when it takes away the bytes of which it speaks; these are among the first
 * ones behind the IP header. */
#define WGS_FORGET_BYTES 128

/* Makes the frame `length` bytes long behind its Ethernet header, its content being of no use any
 * more. In this order: older kernels do not change the length once the transport header is gone. */
static __always_inline int wgs_make_room(struct __sk_buff* skb, __u32 l3_offset, __u32 length) {
    if (bpf_skb_change_tail(skb, l3_offset + length + WGS_FORGET_BYTES, 0)) return -1;
    return (int)bpf_skb_adjust_room(skb, -WGS_FORGET_BYTES, BPF_ADJ_ROOM_NET, 0);
}
