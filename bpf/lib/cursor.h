/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A read position in a packet. */
#pragma once

#include <linux/types.h>

#include "maps/inline.h"

struct wgs_cursor {
    const __u8* position;
    const __u8* end;
};

/* The next `size` bytes; null, and the cursor stays, when the packet ends before. */
WGS_INLINE const void* wgs_take(struct wgs_cursor* cursor, __u32 size) {
    const __u8* start = cursor->position;
    if (start + size > cursor->end) return 0;
    cursor->position = start + size;
    return start;
}

#define WGS_TAKE(cursor, type) ((const type*)wgs_take(cursor, sizeof(type)))
