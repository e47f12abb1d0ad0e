/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The decisions, over values only: no BPF helper and no map, so all of it compiles natively as
 * well.
 *
 * Each hook asks twice: first what the headers alone say, then, when they say nothing
 * (WGS_REASON_none), what the owners of the two addresses say.
 */
#pragma once

#include "bpf/lib/inline.h"
#include "bpf/lib/packet.h"
#include "maps/layout.h"

enum wgs_verdict {
    WGS_VERDICT_PASS,
    WGS_VERDICT_STEER,
    WGS_VERDICT_DROP,
};

enum wgs_policy {
    WGS_POLICY_PREFER, /* encrypt to ready peers, pass the rest */
    WGS_POLICY_REQUIRE /* encrypt or drop */
};

struct wgs_decision {
    enum wgs_reason reason;
    __u32 peer;   /* id of the other side, or 0 when it was not looked up */
    __u32 tunnel; /* index; meaningful when steered */
};

/* What the maps say about the addresses of a packet. Owners are words of the prefix tables; 0:
 * none. */
struct wgs_owners {
    __u32 source;
    __u32 destination;
};

/* The peer that owns the destination of a leaving packet. */
struct wgs_way {
    __u32 peer_state; /* enum wgs_peer_state */
    bool tunnel_up;   /* its tunnel has a device */
};

WGS_INLINE bool wgs_is_peer(__u32 id) {
    return id >= WGS_PEER_FIRST;
}

WGS_INLINE bool wgs_is_node(__u32 owner) {
    return WGS_OWNER_CLASS(owner) == WGS_CLASS_NODE;
}

WGS_INLINE bool wgs_is_node_to_node(const struct wgs_owners* owners) {
    return wgs_is_node(owners->source) && wgs_is_node(owners->destination);
}

/* RFC 4861: discovery is valid only with hop limit 255, that is from the same link. Anything else
 * with these types is a packet like any other. */
WGS_INLINE bool wgs_is_neighbour_discovery(const struct wgs_packet* packet) {
    return packet->kind == WGS_PACKET_IPV6 && packet->protocol == WGS_PROTOCOL_ICMPV6 &&
           packet->icmp6_type >= 133 && packet->icmp6_type <= 137 && packet->hop_limit == 255;
}

WGS_INLINE bool wgs_is_ip(const struct wgs_packet* packet) {
    return packet->kind == WGS_PACKET_IPV4 || packet->kind == WGS_PACKET_IPV6;
}

WGS_INLINE bool wgs_is_udp(const struct wgs_packet* packet) {
    return wgs_is_ip(packet) && packet->protocol == WGS_PROTOCOL_UDP;
}

/* A piece of a UDP datagram that shows no ports. */
WGS_INLINE bool wgs_is_udp_piece(const struct wgs_packet* packet) {
    return wgs_is_udp(packet) && packet->later_fragment;
}

/* `marked`: the packet carries the tunnel's fwmark. `port`: of the tunnel, 0 when there is none. */
WGS_INLINE enum wgs_reason wgs_out_by_headers(const struct wgs_packet* packet, bool marked,
                                              __u16 port) {
    if (marked && port && wgs_is_udp(packet) && packet->source_port == port)
        return WGS_REASON_outer;
    if (packet->kind == WGS_PACKET_NOT_IP) return WGS_REASON_not_ip;
    if (packet->kind == WGS_PACKET_TRUNCATED) return WGS_REASON_truncated;
    if (wgs_is_neighbour_discovery(packet)) return WGS_REASON_neighbour;
    return WGS_REASON_none;
}

/* A state that we do not know is one in which nothing has been proven yet. */
WGS_INLINE enum wgs_reason wgs_out_by_state(const struct wgs_way* way) {
    switch (way->peer_state) {
        case WGS_STATE_READY:
            return way->tunnel_up ? WGS_REASON_steered : WGS_REASON_no_tunnel;
        case WGS_STATE_NO_KEY:
            return WGS_REASON_no_key;
        case WGS_STATE_CONFLICT:
            return WGS_REASON_conflict;
        case WGS_STATE_STALLED:
            return WGS_REASON_stalled;
        default:
            return WGS_REASON_waiting;
    }
}

WGS_INLINE enum wgs_reason wgs_out_by_destination(__u32 peer, const struct wgs_way* way) {
    switch (peer) {
        case WGS_PEER_CLUSTER:
            return WGS_REASON_unclaimed;
        case WGS_PEER_GONE:
            return WGS_REASON_gone;
        default:
            return wgs_out_by_state(way);
    }
}

/* `outer_piece`: a fragment without ports that carries the tunnel's fwmark. It is ours when it goes
 * from this node to another one, which is where outer packets go. */
WGS_INLINE enum wgs_reason wgs_out_by_owners(const struct wgs_owners* owners,
                                             const struct wgs_way* way, bool outer_piece,
                                             bool hosts) {
    __u32 source = WGS_OWNER_PEER(owners->source);
    __u32 destination = WGS_OWNER_PEER(owners->destination);

    if (destination == WGS_PEER_NONE) return WGS_REASON_no_peer;
    if (destination == WGS_PEER_SELF) return WGS_REASON_local;
    if (source == WGS_PEER_NONE) return WGS_REASON_foreign_source;
    if (wgs_is_node_to_node(owners)) {
        if (outer_piece && source == WGS_PEER_SELF && wgs_is_peer(destination))
            return WGS_REASON_outer;
        if (!hosts) return WGS_REASON_hosts_off;
    }
    if (source != WGS_PEER_SELF) return WGS_REASON_wrong_source;
    return wgs_out_by_destination(destination, way);
}

/* What happens to a leaving packet for this reason. */
WGS_INLINE enum wgs_verdict wgs_out_verdict(enum wgs_reason reason, enum wgs_policy policy) {
    switch (reason) {
        case WGS_REASON_steered:
            return WGS_VERDICT_STEER;
        case WGS_REASON_truncated:
        case WGS_REASON_wrong_source:
        case WGS_REASON_unclaimed:
        case WGS_REASON_no_key:
        case WGS_REASON_conflict:
        case WGS_REASON_waiting:
        case WGS_REASON_stalled:
        case WGS_REASON_gone:
        case WGS_REASON_no_tunnel:
            return policy == WGS_POLICY_REQUIRE ? WGS_VERDICT_DROP : WGS_VERDICT_PASS;
        default:
            return WGS_VERDICT_PASS;
    }
}

/* `decrypted`: the packet carries the mark that only wg_in sets. `port`: see wgs_out_by_headers. */
WGS_INLINE enum wgs_reason wgs_in_by_headers(const struct wgs_packet* packet, bool decrypted,
                                             __u16 port) {
    if (decrypted) return WGS_REASON_decrypted;
    if (port && wgs_is_udp(packet) && packet->destination_port == port) return WGS_REASON_outer_in;
    if (!wgs_is_ip(packet) || wgs_is_neighbour_discovery(packet)) return WGS_REASON_other_in;
    return WGS_REASON_none;
}

/* `udp_piece`: a UDP fragment without ports; between nodes it may be one of an outer packet. */
WGS_INLINE enum wgs_reason wgs_in_by_owners(const struct wgs_owners* owners, bool udp_piece,
                                            bool hosts) {
    __u32 source = WGS_OWNER_PEER(owners->source);

    if (WGS_OWNER_PEER(owners->destination) != WGS_PEER_SELF) return WGS_REASON_other_in;
    if (source == WGS_PEER_NONE || source == WGS_PEER_SELF) return WGS_REASON_other_in;
    if (wgs_is_node_to_node(owners)) {
        if (udp_piece && wgs_is_peer(source)) return WGS_REASON_outer_in;
        if (!hosts) return WGS_REASON_other_in;
    }
    return WGS_REASON_clear_in;
}

/* A packet that came out of the tunnel. Allowed IPs have proven its source already, unless the
 * tables and WireGuard disagree. */
WGS_INLINE enum wgs_reason wgs_decrypted_by_owner(__u32 source_owner, bool tunnel_up) {
    if (!wgs_is_peer(WGS_OWNER_PEER(source_owner))) return WGS_REASON_unknown_inner;
    return tunnel_up ? WGS_REASON_decrypted : WGS_REASON_no_tunnel;
}
