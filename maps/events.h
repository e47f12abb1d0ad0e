/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs tell of single packets, and who wants to hear it. Part of the contract of
 * maps/layout.h.
 */
#pragma once

#include <linux/types.h>

#include "maps/layout.h"

#define WGS_MAX_LISTENERS 8
#define WGS_EVENT_RING_BYTES (1 << 20)

/* One packet at one hook. Followed by `snapshot` bytes of it, from its IP header on. */
struct wgs_event {
    __u64 time;           /* CLOCK_BOOTTIME, ns */
    __u32 source[4];      /* network byte order; IPv4 uses the first word */
    __u32 destination[4]; /* likewise */
    __u16 source_port;    /* of TCP and UDP, host byte order; 0: none */
    __u16 destination_port;
    __u8 family;     /* 4, 6; 0: no IP, and no addresses */
    __u8 protocol;   /* IP protocol number; 255: cut short or not found */
    __u8 hook;       /* enum wgs_hook */
    __u8 verdict;    /* enum wgs_verdict */
    __u32 reason;    /* enum wgs_reason */
    __u32 peer;      /* id, special ones too; 0: not looked up */
    __u32 tunnel;    /* index; meaningful when steered or decrypted */
    __u32 ifindex;   /* device of the hook */
    __u32 length;    /* bytes of the layer-3 packet */
    __u32 mark;      /* as the packet came */
    __u32 flow_hash; /* of the kernel; 0: none, as in XDP */
    __u16 listeners; /* bit per listener whom this concerns */
    __u16 snapshot;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_event) == 80, "no hidden padding");

/* A snapshot has room for one of these; what is longer is cut. */
#define WGS_SNAPSHOT_HEADERS 128
#define WGS_SNAPSHOT_FRAME 2048
#define WGS_SNAPSHOT_LARGE 16384

enum wgs_listener_flags {
    WGS_LISTEN_FIRST = 1,    /* of each flow, hook and reason the first packet only */
    WGS_LISTEN_ONCE = 2,     /* not to decrypted packets when they come by the second hook */
    WGS_LISTEN_TO_DROPS = 4, /* the first drop of a flow whatever `chance` says */
};

/* A filter: all of it must fit. */
struct wgs_listener {
    __u64 until;      /* CLOCK_BOOTTIME, ns: who is told later has gone away. 0: nobody */
    __u64 reasons;    /* bit per enum wgs_reason */
    __u32 verdicts;   /* bit per enum wgs_verdict */
    __u32 hooks;      /* bit per enum wgs_hook */
    __u32 flags;      /* enum wgs_listener_flags */
    __u32 peer;       /* id; 0: any */
    __u32 chance;     /* of 2^32, that a packet is told of; all ones: each one is */
    __u32 serial;     /* no two listeners have the same */
    __u32 per_second; /* at most this many events; 0: no limit */
    __u32 told;       /* in this second; kept by programs */
    __u64 second;     /* likewise: the one of `told` */
    __u32 address[4]; /* a prefix, of source or destination; network byte order */
    __u32 mask[4];    /* likewise */
    __u16 port;       /* of source or destination, host byte order; 0: any */
    __u8 protocol;    /* 0: any */
    __u8 family;      /* of the prefix: 4, 6; 0: any */
    __u32 peer_too;   /* another id that is as good: the node's in its other tunnel; 0: none */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_listener) == 96, "no hidden padding");

/* Events that found no room, by listener. Of a single writer the programs are many. */
struct wgs_lost {
    __u64 events[WGS_MAX_LISTENERS];
};

/* The first words are all that a packet costs which nobody asks about. */
struct wgs_tap {
    __u64 reasons;  /* of all listeners; stored last when one comes, first when one goes */
    __u32 chance;   /* the largest of all listeners */
    __u32 snapshot; /* bytes, the most that one of them wants */
    __u64 reserved[6];
    struct wgs_listener listeners[WGS_MAX_LISTENERS];
    struct wgs_lost lost;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_tap) == 64 + 8 * 96 + 64, "starts with a cache line");

/* A flow at a hook that a listener has heard of. */
struct wgs_heard {
    __u64 flow; /* hash of addresses, protocol and ports */
    __u32 serial;
    __u16 hook;
    __u16 reason;
};
WGS_STATIC_ASSERT(sizeof(struct wgs_heard) == 16, "no hidden padding in a hash key");

#define WGS_MAX_HEARD 8192 /* the least recently seen makes room */
