/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling the agent's listeners of a packet: whom it concerns, and how it gets to them. Knows
 * nothing of how the packet was judged.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "maps/inline.h"
#include "maps/maps.bpf.h"

/* Copies bytes of the packet in `context`; not 0: it is too short. */
typedef long (*wgs_copier)(void* context, __u32 offset, void* to, __u32 length);

/* Whether anybody may want to know. All that most packets pay. */
static __always_inline bool wgs_is_asked_about(__u32 reason) {
    return __builtin_expect((wgs_tap.reasons >> (reason & 63)) & 1, 0);
}

static __always_inline __u64 wgs_flow_of(const struct wgs_event* event) {
    __u64 hash = event->protocol;
    for (int i = 0; i < 4; i++)
        hash = wgs_flow_mix(hash, wgs_flow_word(event->source[i], event->destination[i]));
    return wgs_flow_mix(hash, (__u64)event->source_port << 16 | event->destination_port);
}

static __always_inline bool wgs_is_first(const struct wgs_event* event, __u32 serial) {
    struct wgs_heard heard = {.flow = wgs_flow_of(event),
                              .serial = serial,
                              .hook = event->hook,
                              .reason = (__u16)event->reason};
    __u8 yes = 1;
    if (bpf_map_lookup_elem(&wgs_heard_v1, &heard)) return false;
    return !bpf_map_update_elem(&wgs_heard_v1, &heard, &yes, BPF_NOEXIST);
}

static __always_inline bool wgs_is_in_prefix(const struct wgs_listener* listener,
                                             const __u32* address) {
    __u32 different = 0;
    for (int i = 0; i < 4; i++)
        different |= (address[i] ^ listener->address[i]) & listener->mask[i];
    return !different;
}

static __always_inline bool wgs_is_of_peer(const struct wgs_listener* listener, __u32 peer) {
    if (!listener->peer || listener->peer == peer) return true;
    return peer && listener->peer_too == peer;
}

/* Two CPUs may count one event together: the limit is to protect, not to be exact. */
static __always_inline bool wgs_has_heard_enough(struct wgs_listener* listener, __u64 now) {
    __u64 second = now >> 30;
    if (!listener->per_second) return false;
    if (listener->second != second) {
        listener->second = second;
        listener->told = 0;
    }
    return listener->told++ >= listener->per_second;
}

/* What costs least and refuses most comes first. */
static __always_inline bool wgs_fits(const struct wgs_listener* listener,
                                     const struct wgs_event* event) {
    if (!((listener->reasons >> (event->reason & 63)) & 1)) return false;
    if (!((listener->verdicts >> (event->verdict & 31)) & 1)) return false;
    if (!((listener->hooks >> (event->hook & 31)) & 1)) return false;
    if (event->time > listener->until) return false;
    if (!wgs_is_of_peer(listener, event->peer)) return false;
    if (listener->protocol && listener->protocol != event->protocol) return false;
    if (listener->port && listener->port != event->source_port &&
        listener->port != event->destination_port)
        return false;
    if (listener->family &&
        (listener->family != event->family || (!wgs_is_in_prefix(listener, event->source) &&
                                               !wgs_is_in_prefix(listener, event->destination))))
        return false;
    return !(listener->flags & WGS_LISTEN_ONCE) || event->hook != WGS_HOOK_NIC_IN ||
           event->reason != WGS_REASON_decrypted;
}

#define WGS_DROPPED 2 /* enum wgs_verdict, whose header is not for the watcher */

/* 1: this listener is to hear of the packet. `dice`: a random word. Not static: the verifier checks
 * it once, and learns nothing from it that would multiply. */
__noinline int wgs_concerns(struct wgs_event* event, __u32 index, __u32 dice) {
    if (!event || index >= WGS_MAX_LISTENERS) return 0; /* for the verifier */
    struct wgs_listener* listener = &wgs_tap.listeners[index];
    bool chosen = dice <= listener->chance;
    bool drop = event->verdict == WGS_DROPPED && (listener->flags & WGS_LISTEN_TO_DROPS);
    if (!chosen && !drop) return 0;
    if (!wgs_fits(listener, event)) return 0;
    if (((listener->flags & WGS_LISTEN_FIRST) || !chosen) && !wgs_is_first(event, listener->serial))
        return 0;
    return !wgs_has_heard_enough(listener, event->time);
}

static __always_inline void wgs_note_lost(__u32 listeners) {
    for (__u32 i = 0; i < WGS_MAX_LISTENERS; i++) {
        if (listeners & (1u << i)) __sync_fetch_and_add(&wgs_tap.lost.events[i], 1);
    }
}

/* `room`: for the snapshot, a constant and a power of two. */
static __always_inline void wgs_send_with(void* context, wgs_copier copy,
                                          const struct wgs_event* event, __u32 offset, __u32 length,
                                          const __u32 room) {
    struct wgs_event* record = bpf_ringbuf_reserve(&wgs_events_v1, sizeof(*record) + room, 0);
    if (!record) {
        wgs_note_lost(event->listeners);
        return;
    }
    *record = *event;
    if (length > room) length = room;
    if (length > 0) {
        /* Within 1 and `room` in the eyes of Linux 6.1 too, to which != 0 says nothing of a range.
         */
        asm volatile("" : "+r"(length));
        length = ((length - 1) & (room - 1)) + 1;
        if (!copy(context, offset, record + 1, length)) record->snapshot = (__u16)length;
    }
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP); /* the agent looks by itself */
}

/* `offset`: of the packet's IP header. */
static __always_inline void wgs_send(void* context, wgs_copier copy, const struct wgs_event* event,
                                     __u32 offset) {
    __u32 wanted = wgs_tap.snapshot;
    __u32 length = wanted < event->length ? wanted : event->length;
    if (length == 0)
        wgs_send_with(context, copy, event, offset, 0, 0);
    else if (length <= WGS_SNAPSHOT_HEADERS)
        wgs_send_with(context, copy, event, offset, length, WGS_SNAPSHOT_HEADERS);
    else if (length <= WGS_SNAPSHOT_FRAME)
        wgs_send_with(context, copy, event, offset, length, WGS_SNAPSHOT_FRAME);
    else
        wgs_send_with(context, copy, event, offset, length, WGS_SNAPSHOT_LARGE);
}

/* Whether the lot falls on a packet with this verdict; `dice` is what was thrown. */
static __always_inline bool wgs_is_drawn(__u32 verdict, __u32* dice) {
    *dice = bpf_get_prandom_u32();
    return *dice <= wgs_tap.chance || verdict == WGS_DROPPED;
}

/* Everything but time and listeners is set. False: it concerns nobody. */
static __always_inline bool wgs_address(struct wgs_event* event, __u32 dice) {
    __u32 listeners = 0;
    event->time = bpf_ktime_get_boot_ns();
    for (__u32 i = 0; i < WGS_MAX_LISTENERS; i++)
        listeners |= (__u32)(wgs_concerns(event, i, dice) & 1) << i;
    event->listeners = (__u16)listeners;
    return listeners != 0;
}

static __always_inline long wgs_copy_of_skb(void* skb, __u32 offset, void* to, __u32 length) {
    return bpf_skb_load_bytes(skb, offset, to, length);
}
