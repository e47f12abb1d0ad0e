// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The source of packets for a path, by XDP live frames: the kernel takes each frame for one that
// came in by a device. It recycles frames as the path has left them, so all is written anew.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/feed.h"

static __always_inline __u16 wgs_finish_checksum(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)~sum;
}

SEC("xdp")
int wgs_inject4(struct xdp_md* frame) {
    struct wgs_feed* feed = wgs_feed_state();
    if (!feed) return XDP_ABORTED;
    const __u32* address = wgs_next_ipv4(feed);
    __u8* bytes = (void*)(long)frame->data;
    struct iphdr* ip = (void*)bytes + ETH_HLEN;
    if (!address || bytes + WGS_FRAME_BYTES > (__u8*)(long)frame->data_end) return XDP_ABORTED;
    __builtin_memcpy(bytes, feed->frame, WGS_FRAME_BYTES);
    if (feed->backwards)
        ip->saddr = *address;
    else
        ip->daddr = *address;
    ip->check = wgs_finish_checksum(feed->checksum + (*address & 0xffff) + (*address >> 16));
    return XDP_PASS;
}

/* Ends a path: attached where packets arrive. */
SEC("tc")
int wgs_sink(struct __sk_buff* skb) {
    (void)skb;
    return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
