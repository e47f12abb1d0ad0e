/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet got its verdict. One list makes the enum, the metric label and the words for people.
 *
 * X(number, name, direction, text, advice). Numbers are stable: never reuse one, append at the end.
 * Whether a reason passes or drops depends on the policy (see bpf/lib/decide.h). `advice` is what
 * an operator should do about it; empty: nothing, all is well.
 */
#pragma once

/* clang-format off */
#define WGS_REASONS(X) \
    X(0, none, out, "not decided", \
      "a newer program than this agent runs: look at the versions") \
    X(1, steered, out, "sent into the tunnel of a ready peer", \
      "") \
    X(2, outer, out, "our own encrypted packet", \
      "") \
    X(3, not_ip, out, "neither IPv4 nor IPv6 (ARP and the like)", \
      "") \
    X(4, neighbour, out, "IPv6 neighbour or router discovery", \
      "") \
    X(5, truncated, out, "headers are cut short or malformed", \
      "find the sender with tcpdump; no sound stack sends these") \
    X(6, no_peer, out, "destination belongs to no node of the mesh", \
      "if it should: add the prefix to its node") \
    X(7, local, out, "destination is this node's own, yet a route leads it to the wire", \
      "look at the node's routes: that pod is on another node, or not there any more") \
    X(8, foreign_source, out, "source is outside every protected prefix", \
      "if the source is a pod: add its prefix to this node") \
    X(9, wrong_source, out, "source is protected but not this node's; the peer would refuse it", \
      "check the routes: this node forwards for another one, or masquerading is missing") \
    X(10, hosts_off, out, "node-to-node traffic, and 'hosts' is off", \
      "set 'hosts: true' to encrypt it") \
    X(11, unclaimed, out, "destination is inside a cluster prefix that no node claims", \
      "the pod is unknown, or its node has not published the prefix") \
    X(12, no_key, out, "the peer has published no key", \
      "start wgsteerd there") \
    X(13, conflict, out, "the peer's public key is claimed by another node too", \
      "one of the two is a copy: remove its private key and restart its agent") \
    X(14, waiting, out, "no handshake with the peer has completed yet", \
      "if it lasts: is its UDP port reachable, and does it know our key?") \
    X(15, stalled, out, "the peer's tunnel has stopped answering", \
      "look at its agent, and at firewalls and the underlay between") \
    X(16, gone, out, "the node that owned the destination has left the mesh", \
      "if it should be there: is its agent publishing?") \
    X(17, bypass, out, "matches the bypass table", \
      "") \
    X(18, no_tunnel, out, "the tunnel device is missing", \
      "the agent makes it anew: look at its log") \
    X(19, decrypted, in, "decrypted, came back from a tunnel", \
      "") \
    X(20, outer_in, in, "encrypted packet for one of our tunnels", \
      "") \
    X(21, clear_in, in, "clear text from a protected prefix", \
      "the sending node does not encrypt to this one: look at 'wgsteer peers' there") \
    X(22, other_in, in, "not from the mesh", \
      "") \
    X(23, unknown_inner, in, "came out of the tunnel with a source that no peer owns", \
      "WireGuard and the tables disagree: look for who else changes the device") \
    X(24, link_scope, out, "multicast, broadcast, link-local or DHCP: stays on the link", \
      "") \
    X(25, too_big, out, "larger than the tunnel takes and not to be fragmented; the sender was told", \
      "if it goes on: something filters ICMP 'fragmentation needed' or 'packet too big'") \
    X(26, in_pieces, out, "larger than the tunnel takes: sent into it as fragments", \
      "lower the MTU of the pods to spare the work") \
    X(27, oversize, out, "larger than the tunnel takes: its encrypted packet gets fragmented", \
      "lower the MTU of the overlay, or raise that of the underlay") \
    X(28, bypass_in, in, "matches the bypass table", \
      "") \
    X(29, leak, out, "left in clear between protected prefixes, which nothing should", \
      "look at the order of tc programs with 'wgsteer status'; report it") \
    X(30, bad_message, in, "no WireGuard message at all, sent to our port", \
      "harmless; find the sender with tcpdump") \
    X(31, flood, in, "more handshakes from one address than a peer needs", \
      "harmless to established peers; find the sender with tcpdump") \
    X(32, delivered, in, "decrypted, and put straight into the pod", \
      "")
/* clang-format on */

enum wgs_reason {
#define WGS_REASON_ENUM(number, name, direction, text, advice) WGS_REASON_##name = number,
    WGS_REASONS(WGS_REASON_ENUM)
#undef WGS_REASON_ENUM
};

#define WGS_REASON_COUNT 40 /* room for more without a new counter layout */
