/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What wgs_nic_guard makes of a packet for a tunnel's port. Values only, like decide.h. */
#pragma once

#include "bpf/lib/decide.h"

/* WireGuard whitepaper, 5.4; the sizes are those of the whole message. */
enum wgs_message_type {
    WGS_MESSAGE_INITIATION = 1,
    WGS_MESSAGE_RESPONSE = 2,
    WGS_MESSAGE_COOKIE = 3,
    WGS_MESSAGE_DATA = 4,
};
#define WGS_INITIATION_SIZE 148
#define WGS_RESPONSE_SIZE 92
#define WGS_COOKIE_SIZE 64
#define WGS_DATA_OVERHEAD 32 /* header and authenticator; a keepalive has nothing else */

/* Data is padded to 16 bytes, but not beyond the sender's MTU, and that is at least this much
 * (Linux, net.ipv4.route.min_pmtu). */
#define WGS_DATA_ALIGNMENT 16
#define WGS_SMALLEST_MTU 552

#define WGS_UDP_HEADER_SIZE 8

/* On the wire, what follows the ports of a UDP header that carries a message. */
struct wgs_message_head {
    __u16 udp_length; /* network byte order */
    __u16 udp_checksum;
    __u8 type;
    __u8 reserved[3];
};

/* One bucket's worth of handshake initiations. */
struct wgs_budget {
    __u64 interval; /* nanoseconds in which a token comes back */
    __u64 burst;
};

#define WGS_SECOND 1000000000ull

/* A stranger gets what WireGuard gives any address when under load (20 a second, 5 at once:
 * drivers/net/wireguard/ratelimiter.c). A peer sends one in 5 s (REKEY_TIMEOUT) for each tunnel,
 * but all tunnels at once, and each again at once when its agent makes a session anew. All
 * strangers together may cost some hundredths of a core, at a tenth of a millisecond for each
 * handshake.
 *
 * Who forges addresses without end only uses up what strangers have: peers have buckets of their
 * own, which no stranger can evict. Who forges a peer's address can drown that peer's initiations,
 * and nothing else: its session, its answers to our own initiations, and so a new session begun by
 * us, pass unlimited. */
static const struct wgs_budget wgs_budget_of_stranger = {.interval = WGS_SECOND / 20, .burst = 5};
static const struct wgs_budget wgs_budget_of_peer = {.interval = WGS_SECOND / 20,
                                                     .burst = 2 * WGS_MAX_TUNNELS};
static const struct wgs_budget wgs_budget_of_all_strangers = {.interval = WGS_SECOND / 200,
                                                              .burst = 50};

WGS_INLINE bool wgs_is_data_size(__u32 size) {
    if (size < WGS_DATA_OVERHEAD) return false;
    return size % WGS_DATA_ALIGNMENT == 0 || size - WGS_DATA_OVERHEAD >= WGS_SMALLEST_MTU;
}

WGS_INLINE bool wgs_is_message_size(__u8 type, __u32 size) {
    switch (type) {
        case WGS_MESSAGE_INITIATION:
            return size == WGS_INITIATION_SIZE;
        case WGS_MESSAGE_RESPONSE:
            return size == WGS_RESPONSE_SIZE;
        case WGS_MESSAGE_COOKIE:
            return size == WGS_COOKIE_SIZE;
        default:
            return wgs_is_data_size(size);
    }
}

WGS_INLINE bool wgs_is_message_type(const struct wgs_message_head* head) {
    return head->type >= WGS_MESSAGE_INITIATION && head->type <= WGS_MESSAGE_DATA &&
           !(head->reserved[0] | head->reserved[1] | head->reserved[2]);
}

/* `room`: bytes from the UDP header to the end of the frame, padding included. A fragment
 * holds less than its UDP header says, so only its type can be judged. */
WGS_INLINE bool wgs_is_message(const struct wgs_message_head* head, __u32 room, bool fragment) {
    __u32 length = WGS_SWAP16(head->udp_length);

    if (!wgs_is_message_type(head)) return false;
    if (fragment) return true;
    return length >= WGS_UDP_HEADER_SIZE && length <= room &&
           wgs_is_message_size(head->type, length - WGS_UDP_HEADER_SIZE);
}

/* Takes a token at the moment `now`: what the bucket's `spent_until` becomes, or 0 when it is
 * empty. */
WGS_INLINE __u64 wgs_spend(__u64 spent_until, __u64 now, const struct wgs_budget* budget) {
    __u64 from = spent_until > now ? spent_until : now;
    if (from - now > (budget->burst - 1) * budget->interval) return 0;
    return from + budget->interval;
}

WGS_INLINE struct wgs_stranger wgs_stranger_of(const struct wgs_packet* packet) {
    bool v4 = packet->kind == WGS_PACKET_IPV4;
    struct wgs_stranger stranger = {.family = v4 ? 4u : 6u,
                                    .address = {packet->source[0], v4 ? 0 : packet->source[1]}};
    return stranger;
}

/* Whose budget an initiation falls under: a peer's id, or 0 for a stranger's. Only the addresses of
 * nodes send encrypted packets. */
WGS_INLINE __u32 wgs_initiator(__u32 source_owner) {
    __u32 peer = WGS_OWNER_PEER(source_owner);
    return wgs_is_peer(peer) && wgs_is_node(source_owner) ? peer : 0;
}
