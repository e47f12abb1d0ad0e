/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The decisions, over values only: no BPF helper and no map, so all of it compiles natively as
 * well.
 *
 * Each hook asks twice: first what the headers alone say, then, when they say nothing
 * (WGS_REASON_none), what the owners of the two addresses say.
 */
#pragma once

#include "bpf/lib/packet.h"
#include "maps/inline.h"
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

/* What the maps say about a packet. Owners are words of the prefix tables; 0: none. */
struct wgs_owners {
    __u32 source;
    __u32 destination;
    bool bypassed; /* the bypass table has the service; only asked between nodes */
};

/* Which traffic between nodes is to be encrypted. */
struct wgs_scope {
    bool hosts;   /* all of it */
    bool overlay; /* what carries other packets inside */
};

/* The way to the peer that owns the destination of a leaving packet. */
struct wgs_way {
    __u32 peer_state; /* enum wgs_peer_state */
    __u32 ifindex;    /* of the tunnel's device; 0: not there */
    __u32 mtu;        /* largest packet that the tunnel takes, bytes; 0: not known */
};

/* How large a leaving packet is, as the tunnel will see it. */
struct wgs_size {
    __u32 bytes;    /* from the IP header on; of the largest segment */
    bool segmented; /* by a device, later */
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
           packet->icmp_type >= 133 && packet->icmp_type <= 137 && packet->hop_limit == 255;
}

WGS_INLINE bool wgs_is_ip(const struct wgs_packet* packet) {
    return packet->kind == WGS_PACKET_IPV4 || packet->kind == WGS_PACKET_IPV6;
}

WGS_INLINE bool wgs_is_udp(const struct wgs_packet* packet) {
    return wgs_is_ip(packet) && packet->protocol == WGS_PROTOCOL_UDP;
}

/* RFC 2131 and RFC 8415 between nodes; what clients send before they have an address is of link
 * scope anyway. */
WGS_INLINE bool wgs_is_dhcp(const struct wgs_packet* packet) {
    return wgs_is_udp(packet) &&
           ((packet->source_port >= 67 && packet->source_port <= 68 &&
             packet->destination_port >= 67 && packet->destination_port <= 68) ||
            (packet->source_port >= 546 && packet->source_port <= 547 &&
             packet->destination_port >= 546 && packet->destination_port <= 547));
}

/* Multicast, broadcast and link-local addresses: RFC 5735 and RFC 4291. */
WGS_INLINE bool wgs_is_link_scope4(__u32 address) {
    __u32 host = WGS_SWAP32(address);
    return host >= 0xe0000000 || host >> 16 == 0xa9fe;
}

WGS_INLINE bool wgs_is_link_scope6(const __u32* address) {
    __u32 top = WGS_SWAP32(address[0]);
    return top >> 24 == 0xff || top >> 22 == 0xfe80 >> 6;
}

WGS_INLINE bool wgs_is_link_scope(const struct wgs_packet* packet) {
    return packet->kind == WGS_PACKET_IPV4 ? wgs_is_link_scope4(packet->destination[0])
                                           : wgs_is_link_scope6(packet->destination);
}

/* A piece of a UDP datagram that shows no ports. */
WGS_INLINE bool wgs_is_udp_piece(const struct wgs_packet* packet) {
    return wgs_is_udp(packet) && packet->later_fragment;
}

/* VXLAN (RFC 7348 and Linux's older port), Geneve (RFC 8926), IP in IP (RFC 2003, 2473, 4213). Of a
 * UDP datagram in pieces only the first one shows that it is one of these. */
WGS_INLINE bool wgs_is_overlay(const struct wgs_packet* packet) {
    if (packet->protocol == WGS_PROTOCOL_IPIP || packet->protocol == WGS_PROTOCOL_IPV6) return true;
    if (packet->protocol != WGS_PROTOCOL_UDP) return false;
    return packet->later_fragment || packet->destination_port == 4789 ||
           packet->destination_port == 8472 || packet->destination_port == 6081;
}

/* Whether a packet between two nodes is to be encrypted. */
WGS_INLINE bool wgs_is_in_scope(const struct wgs_packet* packet, const struct wgs_scope* scope) {
    return scope->hosts || (scope->overlay && wgs_is_overlay(packet));
}

/* `marked`: the packet carries the tunnels' fwmark. `from_tunnel`: its source port is that of one
 * of our tunnels. */
WGS_INLINE enum wgs_reason wgs_out_by_headers(const struct wgs_packet* packet, bool marked,
                                              bool from_tunnel) {
    if (marked && from_tunnel && wgs_is_udp(packet)) return WGS_REASON_outer;
    if (packet->kind == WGS_PACKET_NOT_IP) return WGS_REASON_not_ip;
    if (packet->kind == WGS_PACKET_TRUNCATED) return WGS_REASON_truncated;
    if (wgs_is_neighbour_discovery(packet)) return WGS_REASON_neighbour;
    if (wgs_is_link_scope(packet)) return WGS_REASON_link_scope;
    return WGS_REASON_none;
}

/* A state that we do not know is one in which nothing has been proven yet. */
WGS_INLINE enum wgs_reason wgs_out_by_state(const struct wgs_way* way) {
    switch (way->peer_state) {
        case WGS_STATE_READY:
            return way->ifindex ? WGS_REASON_steered : WGS_REASON_no_tunnel;
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

/* Between two nodes: what goes in clear. `marked`: see wgs_out_by_headers; a piece without ports
 * that carries the mark is ours when it goes from this node to another one, as outer packets do. */
WGS_INLINE enum wgs_reason wgs_out_between_nodes(const struct wgs_packet* packet, bool marked,
                                                 const struct wgs_owners* owners,
                                                 const struct wgs_scope* scope) {
    if (marked && wgs_is_udp_piece(packet) && WGS_OWNER_PEER(owners->source) == WGS_PEER_SELF &&
        wgs_is_peer(WGS_OWNER_PEER(owners->destination)))
        return WGS_REASON_outer;
    if (!wgs_is_in_scope(packet, scope)) return WGS_REASON_hosts_off;
    if (wgs_is_dhcp(packet)) return WGS_REASON_link_scope;
    return owners->bypassed ? WGS_REASON_bypass : WGS_REASON_none;
}

WGS_INLINE enum wgs_reason wgs_out_by_owners(const struct wgs_packet* packet, bool marked,
                                             const struct wgs_owners* owners,
                                             const struct wgs_way* way,
                                             const struct wgs_scope* scope) {
    __u32 source = WGS_OWNER_PEER(owners->source);
    __u32 destination = WGS_OWNER_PEER(owners->destination);

    if (destination == WGS_PEER_NONE) return WGS_REASON_no_peer;
    if (source == WGS_PEER_NONE) return WGS_REASON_foreign_source;
    if (wgs_is_node_to_node(owners)) {
        enum wgs_reason reason = wgs_out_between_nodes(packet, marked, owners, scope);
        if (reason != WGS_REASON_none) return reason;
    }
    if (destination == WGS_PEER_SELF) return WGS_REASON_local;
    if (source != WGS_PEER_SELF) return WGS_REASON_wrong_source;
    return wgs_out_by_destination(destination, way);
}

/* IPv6 promises 1280 bytes on every link (RFC 8200, 5), so no sender heeds a smaller limit. */
#define WGS_IPV6_MIN_MTU 1280

/* A packet to be steered, by its size. An overlay's packet can neither be cut (helpers refuse what
 * the kernel has encapsulated) nor answered usefully: who chose the size is inside. */
WGS_INLINE enum wgs_reason wgs_out_by_size(const struct wgs_packet* packet,
                                           const struct wgs_owners* owners,
                                           const struct wgs_size* size, __u32 mtu) {
    if (!mtu || size->bytes <= mtu) return WGS_REASON_steered;
    if (wgs_is_node_to_node(owners) && wgs_is_overlay(packet)) return WGS_REASON_oversize;
    if (packet->kind == WGS_PACKET_IPV6 && size->bytes <= WGS_IPV6_MIN_MTU)
        return WGS_REASON_oversize;
    if (!packet->dont_fragment && !size->segmented) return WGS_REASON_in_pieces;
    return WGS_REASON_too_big;
}

/* RFC 1122, 3.2.2 and RFC 4443, 2.4: errors, and what may not be the first piece, are not answered
 * with an error. */
WGS_INLINE bool wgs_may_be_answered(const struct wgs_packet* packet) {
    if (packet->later_fragment) return false;
    if (packet->protocol == WGS_PROTOCOL_ICMPV6) return packet->icmp_type >= 128;
    if (packet->protocol != WGS_PROTOCOL_ICMP) return true;
    return packet->icmp_type != 3 && packet->icmp_type != 4 && packet->icmp_type != 5 &&
           packet->icmp_type != 11 && packet->icmp_type != 12;
}

/* What happens to a leaving packet for this reason. */
WGS_INLINE enum wgs_verdict wgs_out_verdict(enum wgs_reason reason, enum wgs_policy policy) {
    switch (reason) {
        case WGS_REASON_steered:
        case WGS_REASON_in_pieces:
        case WGS_REASON_oversize:
            return WGS_VERDICT_STEER;
        case WGS_REASON_too_big:
            return WGS_VERDICT_DROP;
        case WGS_REASON_truncated:
        case WGS_REASON_local:
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

/* `decrypted`: the packet carries the mark that only wg_in sets. */
WGS_INLINE enum wgs_reason wgs_in_by_headers(const struct wgs_packet* packet, bool decrypted) {
    if (decrypted) return WGS_REASON_decrypted;
    if (!wgs_is_ip(packet) || wgs_is_neighbour_discovery(packet) || wgs_is_link_scope(packet))
        return WGS_REASON_other_in;
    return WGS_REASON_none;
}

/* `to_tunnel`: its destination port is that of one of our tunnels. Only what is for the node itself
 * can be an outer packet: a pod may use the same port for its own purposes. */
WGS_INLINE enum wgs_reason wgs_in_by_destination(const struct wgs_packet* packet, __u32 owner,
                                                 bool to_tunnel) {
    __u32 destination = WGS_OWNER_PEER(owner);
    if (destination == WGS_PEER_NONE || wgs_is_peer(destination)) return WGS_REASON_other_in;
    if (to_tunnel && owner == WGS_OWNER(WGS_PEER_SELF, WGS_CLASS_NODE) && wgs_is_udp(packet))
        return WGS_REASON_outer_in;
    return WGS_REASON_none;
}

/* A UDP fragment without ports may be one of an outer packet; alone it is worth nothing. */
WGS_INLINE enum wgs_reason wgs_in_between_nodes(const struct wgs_packet* packet,
                                                const struct wgs_owners* owners,
                                                const struct wgs_scope* scope) {
    if (wgs_is_udp_piece(packet) && wgs_is_peer(WGS_OWNER_PEER(owners->source)))
        return WGS_REASON_outer_in;
    if (!wgs_is_in_scope(packet, scope) || wgs_is_dhcp(packet)) return WGS_REASON_other_in;
    return owners->bypassed ? WGS_REASON_bypass_in : WGS_REASON_none;
}

/* After wgs_in_by_destination() had nothing to say. */
WGS_INLINE enum wgs_reason wgs_in_by_owners(const struct wgs_packet* packet,
                                            const struct wgs_owners* owners,
                                            const struct wgs_scope* scope) {
    __u32 source = WGS_OWNER_PEER(owners->source);

    if (source == WGS_PEER_NONE || source == WGS_PEER_SELF) return WGS_REASON_other_in;
    if (wgs_is_node_to_node(owners)) {
        enum wgs_reason reason = wgs_in_between_nodes(packet, owners, scope);
        if (reason != WGS_REASON_none) return reason;
    }
    return WGS_REASON_clear_in;
}

/* What happens to an arriving packet for this reason. */
WGS_INLINE enum wgs_verdict wgs_in_verdict(enum wgs_reason reason, enum wgs_policy policy) {
    return reason == WGS_REASON_clear_in && policy == WGS_POLICY_REQUIRE ? WGS_VERDICT_DROP
                                                                         : WGS_VERDICT_PASS;
}

/* A packet that came out of the tunnel. Allowed IPs have proven its source already, unless the
 * tables and WireGuard disagree. */
WGS_INLINE enum wgs_reason wgs_decrypted_by_owner(__u32 source_owner, bool way_back) {
    if (!wgs_is_peer(WGS_OWNER_PEER(source_owner))) return WGS_REASON_unknown_inner;
    return way_back ? WGS_REASON_decrypted : WGS_REASON_no_tunnel;
}
