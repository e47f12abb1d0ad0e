/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where watched addresses may be: a filter before the watcher's tables, because most packets that
 * the watcher sees are for places of which it watches nothing.
 *
 * An address belongs to a region: an IPv4 one by its upper 16 bits, an IPv6 one by its upper 32
 * bits, folded to 16. A region's bit is set before a prefix that reaches into it is stored, and
 * taken back only when the tables have no such prefix. So a bit that is 0 says that no table has to
 * be asked; one that is 1 says nothing.
 */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

#include "maps/inline.h"
#include "maps/layout.h"

#define WGS_REGIONS 0x10000u

/* Elements of the map of regions. */
enum wgs_regions_of {
    WGS_REGIONS_IPV4 = 0,
    WGS_REGIONS_IPV6 = 1,
    WGS_REGIONS_COUNT = 2,
};

struct wgs_regions {
    __u64 watched[WGS_REGIONS / 64]; /* the lowest bit is that of the first region */
};
WGS_STATIC_ASSERT(sizeof(struct wgs_regions) == 8192, "a bit for each region");

/* `top`: the first bytes of an address as a number in host byte order. */
WGS_INLINE __u32 wgs_region4(__u32 top) {
    return top >> 16;
}

WGS_INLINE __u32 wgs_region6(__u32 top) {
    return (top ^ top >> 16) & (WGS_REGIONS - 1);
}

/* The compiler drops a mask that it finds needless, and the verifier then knows no bounds, unless
 * it does not see where the index comes from. */
WGS_INLINE bool wgs_has_region(const struct wgs_regions* regions, __u32 region) {
    __u32 word = region / 64;
    __asm__("" : "+r"(word));
    return regions->watched[word & (WGS_REGIONS / 64 - 1)] >> region % 64 & 1;
}
