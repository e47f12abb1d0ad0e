/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract between the programs and the agent: every value that crosses a BPF map, in C11 and
 * C++20.
 *
 * Integers are in host byte order unless a comment says otherwise. A changed layout needs a new
 * version suffix on its map (maps/names.h), because maps outlive the agent that made them.
 */
#pragma once

#include <linux/types.h>

#include "maps/reasons.h"

#ifdef __cplusplus
#define WGS_STATIC_ASSERT static_assert
#else
#define WGS_STATIC_ASSERT _Static_assert
#endif

/* Peer ids. Real peers start at WGS_PEER_FIRST; id 0 is "no entry". */
enum wgs_peer_id {
    WGS_PEER_NONE = 0,
    WGS_PEER_SELF = 1,    /* this node's own prefixes and addresses */
    WGS_PEER_CLUSTER = 2, /* a cluster prefix that no node claims */
    WGS_PEER_GONE = 3,    /* prefixes of departed nodes, kept under policy require */
    WGS_PEER_FIRST = 8,
};

/* What the programs may do with packets for a peer. Values 0 must mean "do nothing". */
enum wgs_peer_state {
    WGS_STATE_UNUSED = 0,
    WGS_STATE_SELF = 1,
    WGS_STATE_CLUSTER = 2,
    WGS_STATE_GONE = 3,
    WGS_STATE_NO_KEY = 4,
    WGS_STATE_CONFLICT = 5,
    WGS_STATE_WAITING = 6,
    WGS_STATE_READY = 7,
    WGS_STATE_STALLED = 8,
};

enum wgs_class {
    WGS_CLASS_POD = 0,  /* a pod prefix */
    WGS_CLASS_NODE = 1, /* an address of the node itself */
};

enum wgs_hook {
    WGS_HOOK_NIC_OUT = 0,
    WGS_HOOK_WG_IN = 1,
    WGS_HOOK_NIC_IN = 2,
    WGS_HOOK_NIC_GUARD = 3,
    WGS_HOOK_POD_OUT = 4,
    WGS_HOOK_LEAK_WATCH = 5,
    WGS_HOOK_COUNT = 8,
};

/* Prefixes: length in bits, address in network byte order with host bits 0. Keys of the watch
 * tables. */
struct wgs_prefix4 {
    __u32 length;
    __u8 address[4];
};
struct wgs_prefix6 {
    __u32 length;
    __u8 address[16];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_prefix4) == 8, "LPM key: length then address");
WGS_STATIC_ASSERT(sizeof(struct wgs_prefix6) == 20, "LPM key: length then address");

/* Who owns a prefix, in the low 25 bits of a word: peer id in 24, enum wgs_class above. The steer
 * tables (maps/trie4.h, maps/hash6.h) have uses of their own for the bits on top. */
#define WGS_OWNER(peer, cls) (((cls)*0x1000000u) | ((peer)&0xffffffu))
#define WGS_OWNER_PEER(word) ((word)&0xffffffu)
#define WGS_OWNER_CLASS(word) ((word) >> 24)
#define WGS_OWNER_MASK 0x01ffffffu

/* Steer tables are made of chunks of this many bytes, each a map of its own, so that they grow
 * while programs read them. */
#define WGS_CHUNK_SIZE 0x10000

/* Peer table value. Flipping `state` is one 4-byte store for any number of prefixes. */
struct wgs_peer {
    __u32 state;   /* enum wgs_peer_state */
    __u16 mtu;     /* largest inner packet for this peer, bytes; 0: not known */
    __u8 tunnel;   /* index into the tunnel table */
    __u8 underlay; /* index into the underlay table */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_peer) == 8, "one array element, stored at once");

/* Tunnel table value. All zero: no such tunnel. */
struct wgs_tunnel {
    __u32 ifindex; /* of the WireGuard device */
    __u16 port;    /* UDP port, host byte order */
    __u16 reserved;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_tunnel) == 8, "one array element, stored at once");

/* Underlay table value: a device where decrypted packets re-enter. All zero: no such device. */
struct wgs_underlay {
    __u32 ifindex;
    __u8 mac[6]; /* of that device */
    __u8 reserved[2];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_underlay) == 12, "no hidden padding");

/* Bypass table key; there is no value of interest. */
struct wgs_service {
    __u8 protocol; /* IP protocol number */
    __u8 reserved;
    __u16 port; /* host byte order; 0 for protocols without ports */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_service) == 4, "no hidden padding");

/* Whom a peer id stands for, so that a restarted agent (and bpftool) can tell. Not read by
 * programs. */
#define WGS_NODE_NAME_SIZE 256 /* with the terminating zero */
struct wgs_peer_record {
    char name[WGS_NODE_NAME_SIZE];
    __u8 public_key[32];
    __u8 endpoint_family; /* 0 none, 4, 6: the endpoint last written to WireGuard */
    __u8 reserved;
    __u16 endpoint_port; /* host byte order */
    __u8 endpoint_address[16];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_peer_record) == 308, "no hidden padding");

/* One counter; per CPU. Bytes are those of the layer-3 packet. */
struct wgs_counter {
    __u64 packets;
    __u64 bytes;
};

WGS_STATIC_ASSERT(
    sizeof(struct wgs_counter) == 16,
    "side by side: three times of four in one cache line, as the kernel aligns rows to 8");

/* Per-peer counters, indexed by reason; a reason belongs to one direction. Whether a reason drops
 * depends on the policy of that moment, so drops are counted once more. */
struct wgs_peer_stats {
    struct wgs_counter by_reason[WGS_REASON_COUNT];
    struct wgs_counter dropped;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_peer_stats) == (WGS_REASON_COUNT + 1) * 16,
                  "nothing but counters: copies are added up word by word");

/* A pod of this node. Its key is its address, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2). */
struct wgs_pod_key {
    __u32 address[4]; /* network byte order */
};
struct wgs_pod {
    __u32 ifindex;       /* of the host's end of its veth */
    __u8 mac[6];         /* of the pod's end */
    __u8 gateway_mac[6]; /* what the pod sends to: that veth, or the bridge it is a port of */
    __u32 heard;         /* 1: wgs_pod_out has seen a packet from it; set by programs only */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_pod) == 20, "no hidden padding");
#define WGS_MAX_PODS 4096

/* What one of our pods and somebody else send each other. Everything but `protocol` is in network
 * byte order; an IPv4 address is the first word of four. Ports are 0 where a packet shows none. */
struct wgs_flow {
    __u32 pod[4];
    __u32 other[4];
    __u16 pod_port;
    __u16 other_port;
    __u8 protocol;
    __u8 family; /* 4 or 6 */
    __u16 reserved;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_flow) == 40, "no hidden padding");

/* Per-hook totals: index = hook * WGS_REASON_COUNT + reason, value struct wgs_counter. */
#define WGS_VERDICT_INDEX(hook, reason) ((hook)*WGS_REASON_COUNT + (reason))
#define WGS_VERDICT_ENTRIES (WGS_HOOK_COUNT * WGS_REASON_COUNT)

/* A token bucket, in one word so that it is taken from in one atomic step: the moment, in
 * nanoseconds of the monotonic clock, up to which its tokens are spent (bpf/lib/guard.h). */
struct wgs_bucket {
    __u64 spent_until;
};

/* Whose handshake initiations share a bucket when they come from no node of ours: one IPv4 address
 * or one IPv6 /64, which is what a single host can choose from at will. */
struct wgs_stranger {
    __u32 family;     /* 4 or 6 */
    __u32 address[2]; /* network byte order; IPv4 uses the first word */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_stranger) == 12, "no hidden padding in a hash key");

#define WGS_MAX_STRANGERS 4096

/* A packet given to BPF_PROG_TEST_RUN with cb[3], cb[4] = these is judged but not counted; the
 * decision is left in cb[0..2]: reason, peer id, tunnel index. Packets on the wire keep their cb.
 */
#define WGS_PROBE_CB3 0x77677374u
#define WGS_PROBE_CB4 0x65657221u

#define WGS_MAX_TUNNELS 16
#define WGS_MAX_UNDERLAYS 16
#define WGS_MAX_BYPASSED 64

/* Watch table value: what the watcher is to report about the addresses of a prefix. Each bit makes
 * it report more, and 0 nothing, so that taking bits away never raises a false alarm. */
enum wgs_watch {
    WGS_WATCH_FROM = 1,    /* packets from there */
    WGS_WATCH_TO = 2,      /* packets for there; a leak needs both ends */
    WGS_WATCH_POD = 4,     /* no address of a node */
    WGS_WATCH_HOSTS = 8,   /* packets from node to node as well */
    WGS_WATCH_OVERLAY = 16 /* of those, the ones that carry others: VXLAN, Geneve, IP in IP */
};
struct wgs_watched {
    __u32 flags; /* enum wgs_watch */
};

/* A flow that was seen leaving in clear. IPv4 uses the first four bytes of an address, which is in
 * network byte order; ports are those of TCP and UDP, or 0. */
struct wgs_leak_flow {
    __u8 source[16];
    __u8 destination[16];
    __u32 ifindex;
    __u16 source_port;
    __u16 destination_port;
    __u8 protocol; /* what the IP header says follows it; of a fragment's content, if it tells */
    __u8 family;   /* 4, 6 */
    __u8 reserved[2];
};
WGS_STATIC_ASSERT(sizeof(struct wgs_leak_flow) == 44, "no hidden padding");

struct wgs_leak {
    __u64 packets;
    __u64 bytes; /* of the layer-3 packets */
    __u64 first; /* CLOCK_BOOTTIME, ns */
    __u64 last;
};

#define WGS_MAX_PREFIXES (1 << 20) /* of each family in the watch tables */
#define WGS_MAX_LEAK_FLOWS 1024    /* the least recently seen makes room */

/* Source MAC address of re-injected packets: locally administered, never on a wire. */
#define WGS_REINJECT_SOURCE_MAC                                                                    \
    { 0x02, 0x77, 0x67, 0x73, 0x00, 0x01 }
