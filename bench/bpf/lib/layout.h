/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bench's programs and its user side exchange, in C11 and C++20. */
#pragma once

#include <linux/types.h>

#define WGS_DESTINATIONS (1 << 20) /* rows of the destination tables; a power of two */
#define WGS_CHASE_STEPS 256        /* lookups in one run of a program */
#define WGS_FIB_STEPS 64           /* the same where the kernel looks up */

/* Network byte order. */
struct wgs_destination6 {
    __u32 address[4];
};

/* Where a chase stands, and what it has found. */
struct wgs_chase {
    __u32 at; /* the next destination */
    __u32 reserved;
    __u64 hits; /* destinations with an owner */
    __u64 sum;  /* of all owners, in order */
};

#define WGS_FRAME_BYTES 60

/* The frame that is sent again and again, and how. The ends of an IPv4 header's checksum are those
 * of a header whose varied address is zero. */
struct wgs_feed {
    __u32 at;        /* the next destination */
    __u32 mask;      /* of them so many are used, less one */
    __u32 mark;      /* of every packet */
    __u32 backwards; /* 1: the destinations are where packets come from */
    __u8 frame[WGS_FRAME_BYTES];
    __u32 checksum; /* of the header so far, not folded */
};
