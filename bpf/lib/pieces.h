/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IPv4 fragmentation (RFC 791) into a tunnel. Left to the kernel, the encrypted packet would be
 * fragmented, which costs the receiver more and many networks drop.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/parse.h"
#include "bpf/lib/scratch.h"

#define WGS_MAX_PIECES 20
#define WGS_MAX_SHRINK 2048 /* bytes; bpf_skb_adjust_room() takes less than 4096 at once */

/* What the kernel's verdicts are not. */
#define WGS_MORE_PIECES 100

static __always_inline struct iphdr* wgs_ip_of(struct wgs_scratch* scratch) {
    return (struct iphdr*)scratch->packet;
}

static __always_inline int wgs_load_packet(struct __sk_buff* skb, struct wgs_scratch* scratch,
                                           __u32 length) {
    if (length < sizeof(struct iphdr)) return -1;
    WGS_KEEP(length);
    if (length > WGS_SCRATCH_BYTES) return -1;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, scratch->packet, length)) return -1;
    __builtin_memset(scratch->packet + length, 0, sizeof(__u32));
    return 0;
}

static __always_inline int wgs_cut_packet(struct wgs_scratch* scratch, __u32 length, __u32 mtu) {
    const struct iphdr* ip = wgs_ip_of(scratch);
    const __u32 header = ip->ihl * 4u;
    const __u32 total = WGS_SWAP16(ip->tot_len);
    if (header < sizeof(*ip) || total > length || total <= header || mtu < header + 8) return -1;
    scratch->pieces = (struct wgs_pieces){.header = header,
                                          .payload = total - header,
                                          .piece = (mtu - header) & ~7u,
                                          .fragment_word = WGS_SWAP16(ip->frag_off)};
    return 0;
}

static __always_inline __u32 wgs_pseudo_sum(const struct iphdr* ip, __u32 length) {
    __u16 words[6] = {0, 0, 0, 0, WGS_SWAP16(ip->protocol), WGS_SWAP16((__u16)length)};
    __builtin_memcpy(words, &ip->saddr, 2 * sizeof(ip->saddr));
    return (__u32)bpf_csum_diff(0, 0, (__be32*)words, sizeof(words), 0);
}

/* A device would fill in the checksum of a whole packet, not of one in pieces. Such a checksum is,
 * until then, the sum of the pseudo header. TCP does not come here: it forbids fragmentation or is
 * segmented. */
static __always_inline void wgs_complete_checksum(struct wgs_scratch* scratch) {
    const struct iphdr* ip = wgs_ip_of(scratch);
    const __u32 header = scratch->pieces.header, payload = scratch->pieces.payload;
    if (ip->protocol != WGS_PROTOCOL_UDP || header > 60) return;
    struct udphdr* udp = (struct udphdr*)(scratch->packet + header);
    const __u32 pseudo = wgs_pseudo_sum(ip, payload);
    if (udp->check != wgs_fold(pseudo)) return;
    const __u32 sum = wgs_sum_of_packet(header, payload);
    if (wgs_fold((__u64)sum + pseudo) == 0xffff) return; /* it is complete, and looks the same */
    const __u16 check = (__u16)~wgs_fold(sum);
    udp->check = check ? check : 0xffff;
}

/* Writes the header of the piece of `size` bytes. Options are repeated in each piece, those too
 * that need not be. */
static __always_inline int wgs_store_header(struct __sk_buff* skb, struct wgs_scratch* scratch,
                                            __u32 header, __u32 offset, __u32 size) {
    struct iphdr* ip = wgs_ip_of(scratch);
    const __u32 original = scratch->pieces.fragment_word;
    const bool last = offset + size == scratch->pieces.payload;
    const __u32 more = last ? original & WGS_MORE_FRAGMENTS4 : WGS_MORE_FRAGMENTS4;
    ip->tot_len = WGS_SWAP16((__u16)(header + size));
    ip->frag_off = WGS_SWAP16((__u16)(((original + offset / 8) & WGS_FRAGMENT_OFFSET4) | more));
    ip->check = 0;
    ip->check = (__u16)~wgs_fold((__u32)bpf_csum_diff(0, 0, (__be32*)ip, header, 0));
    return (int)bpf_skb_store_bytes(skb, ETH_HLEN, ip, header, 0);
}

/* The last piece is shorter than those before it. */
static __always_inline int wgs_shrink(struct __sk_buff* skb, __u32 excess) {
    for (int i = 0; i < WGS_SCRATCH_BYTES / WGS_MAX_SHRINK + 1 && excess; i++) {
        __u32 step = excess < WGS_MAX_SHRINK ? excess : WGS_MAX_SHRINK;
        if (bpf_skb_adjust_room(skb, -(__s32)step, BPF_ADJ_ROOM_NET, 0)) return -1;
        excess -= step;
    }
    return 0;
}

/* Makes the frame the next piece, of `size` bytes. */
static __always_inline int wgs_make_piece(struct __sk_buff* skb, struct wgs_scratch* scratch,
                                          __u32 size) {
    const __u32 offset = scratch->pieces.offset;
    __u32 header = scratch->pieces.header;
    __u32 start = header + offset;
    if (header < sizeof(struct iphdr)) return -1; /* this and the rest: for the verifier */
    WGS_KEEP(header);
    WGS_KEEP(start);
    if (header > 60 || start >= WGS_SCRATCH_BYTES) return -1;
    WGS_KEEP(size);
    size = ((size - 1) & (WGS_SCRATCH_SLACK - 1)) + 1; /* never 0, which it is not anyway */
    if (wgs_store_header(skb, scratch, header, offset, size)) return -1;
    return (int)bpf_skb_store_bytes(skb, ETH_HLEN + header, scratch->packet + start, size, 0);
}

/* Sends the next piece of the packet in the scratch: a clone of the frame, or the frame itself,
 * which then returns what the program is to return. Not static: see wgs_parse_head. */
__noinline int wgs_send_piece(struct __sk_buff* skb, __u32 ifindex) {
    struct wgs_scratch* scratch = wgs_scratch_of_this_cpu();
    if (!scratch) return TC_ACT_SHOT;
    const __u32 left = scratch->pieces.payload - scratch->pieces.offset;
    const __u32 full = scratch->pieces.piece;
    const __u32 size = left < full ? left : full;
    if (size < full && wgs_shrink(skb, full - size)) return TC_ACT_SHOT;
    if (wgs_make_piece(skb, scratch, size)) return TC_ACT_SHOT;
    scratch->pieces.offset += size;
    if (size == left) return (int)bpf_redirect(ifindex, 0);
    return bpf_clone_redirect(skb, ifindex, 0) ? TC_ACT_SHOT : WGS_MORE_PIECES;
}

static __always_inline int wgs_send_pieces(struct __sk_buff* skb, __u32 ifindex) {
    for (int i = 0; i < WGS_MAX_PIECES; i++) {
        int act = wgs_send_piece(skb, ifindex);
        if (act != WGS_MORE_PIECES) return act;
    }
    return TC_ACT_SHOT;
}

/* Sends an IPv4 packet behind an Ethernet header without tags into the tunnel's device, in pieces
 * of at most `mtu` bytes. Returns what the program is to return. Not static: see wgs_parse_head. */
__noinline int wgs_steer_in_pieces(struct __sk_buff* skb, __u32 mtu, __u32 ifindex) {
    struct wgs_scratch* scratch = wgs_scratch_of_this_cpu();
    const __u32 length = skb->len - ETH_HLEN;
    if (!scratch || wgs_load_packet(skb, scratch, length)) return TC_ACT_SHOT;
    if (wgs_cut_packet(scratch, length, mtu)) return TC_ACT_SHOT;
    if (!(scratch->pieces.fragment_word & (WGS_MORE_FRAGMENTS4 | WGS_FRAGMENT_OFFSET4)))
        wgs_complete_checksum(scratch);
    if (wgs_make_room(skb, ETH_HLEN, scratch->pieces.header + scratch->pieces.piece))
        return TC_ACT_SHOT;
    return wgs_send_pieces(skb, ifindex);
}
