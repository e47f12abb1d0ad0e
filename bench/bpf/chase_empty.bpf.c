// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The chase without a lookup: what the loop itself costs.
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/* Waits for the address, as a lookup does. */
static __always_inline __u32 wgs_owner_of_ipv4(const __u32* address) {
    __u32 owner = *address;
    asm volatile("%0 &= 0" : "+r"(owner));
    return owner;
}

static __always_inline __u32 wgs_owner_of_ipv6(const __u32* address) {
    return wgs_owner_of_ipv4(&address[3]);
}

#include "bench/bpf/lib/chase.h"
