/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of frames that have no skb yet. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/tell.h"

static __always_inline long wgs_copy_of_frame(void* frame, __u32 offset, void* to, __u32 length) {
    return bpf_xdp_load_bytes(frame, offset, to, length);
}

/* Not static: see wgs_parse_head. */
__noinline int wgs_tell_of_frame(struct xdp_md* frame, struct wgs_packet* packet,
                                 struct wgs_told* told) {
    __u32 dice;
    if (!packet || !told) return 0; /* for the verifier */
    if (!wgs_is_drawn(told->verdict, &dice)) return 0;
    struct wgs_event event = {.ifindex = frame->ingress_ifindex,
                              .length = bpf_xdp_get_buff_len(frame) - packet->l3_offset};
    wgs_describe(packet, &event);
    wgs_repeat(told, &event);
    if (wgs_address(&event, dice)) wgs_send(frame, wgs_copy_of_frame, &event, packet->l3_offset);
    return 0;
}
