/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet got its verdict. One list makes the enum, the metric label and the text for people.
 *
 * X(number, name, direction, text). Numbers are stable: never reuse one, append at the end.
 * Whether a reason passes or drops depends on the policy (see bpf/lib/decide.h).
 */
#pragma once

#define WGS_REASONS(X)                                                                             \
    X(0, none, out, "not decided")                                                                 \
    X(1, steered, out, "sent into the tunnel of a ready peer")                                     \
    X(2, outer, out, "our own encrypted packet")                                                   \
    X(3, not_ip, out, "neither IPv4 nor IPv6 (ARP and the like)")                                  \
    X(4, neighbour, out, "IPv6 neighbour or router discovery")                                     \
    X(5, truncated, out, "headers are cut short or malformed")                                     \
    X(6, no_peer, out, "destination belongs to no node of the mesh")                               \
    X(7, local, out, "destination is this node's own")                                             \
    X(8, foreign_source, out, "source is outside every protected prefix")                          \
    X(9, wrong_source, out, "source is protected but not this node's; the peer would refuse it")   \
    X(10, hosts_off, out, "node-to-node traffic, and 'hosts' is off")                              \
    X(11, unclaimed, out, "destination is inside a cluster prefix that no node claims")            \
    X(12, no_key, out, "the peer has published no key")                                            \
    X(13, conflict, out, "the peer's public key is claimed by another node too")                   \
    X(14, waiting, out, "no handshake with the peer has completed yet")                            \
    X(15, stalled, out, "the peer's tunnel has stopped answering")                                 \
    X(16, gone, out, "the node that owned the destination has left the mesh")                      \
    X(17, bypass, out, "matches the bypass table")                                                 \
    X(18, no_tunnel, out, "the tunnel device is missing")                                          \
    X(19, decrypted, in, "decrypted, came back from a tunnel")                                     \
    X(20, outer_in, in, "encrypted packet for one of our tunnels")                                 \
    X(21, clear_in, in, "clear text from a protected prefix")                                      \
    X(22, other_in, in, "not from the mesh")                                                       \
    X(23, unknown_inner, in, "came out of the tunnel with a source that no peer owns")

enum wgs_reason {
#define WGS_REASON_ENUM(number, name, direction, text) WGS_REASON_##name = number,
    WGS_REASONS(WGS_REASON_ENUM)
#undef WGS_REASON_ENUM
};

#define WGS_REASON_COUNT 32 /* room for more without a new counter layout */
