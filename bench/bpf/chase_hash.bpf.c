// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The chase through a hash table for each prefix length that is in use, longest first.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define WGS_HASH(name, key_type)                                                                   \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_HASH);                                                           \
        __uint(max_entries, 1);                                                                    \
        __type(key, key_type);                                                                     \
        __type(value, __u32);                                                                      \
    } name SEC(".maps")

struct wgs_address6 {
    __u32 word[4];
};

/* The lengths that the bench has; the tables are sized before load. */
WGS_HASH(wgs_hash4_32, __u32);
WGS_HASH(wgs_hash4_26, __u32);
WGS_HASH(wgs_hash4_24, __u32);
WGS_HASH(wgs_hash6_128, struct wgs_address6);
WGS_HASH(wgs_hash6_122, struct wgs_address6);
WGS_HASH(wgs_hash6_64, struct wgs_address6);

static __always_inline __u32 wgs_owner_of_ipv4(const __u32* address) {
    __u32 key = *address;
    const __u32* owner = bpf_map_lookup_elem(&wgs_hash4_32, &key);
    if (owner) return *owner;
    key &= bpf_htonl(0xffffffc0);
    owner = bpf_map_lookup_elem(&wgs_hash4_26, &key);
    if (owner) return *owner;
    key &= bpf_htonl(0xffffff00);
    owner = bpf_map_lookup_elem(&wgs_hash4_24, &key);
    return owner ? *owner : 0;
}

static __always_inline __u32 wgs_owner_of_ipv6(const __u32* address) {
    struct wgs_address6 key;
    __builtin_memcpy(&key, address, sizeof(key));
    const __u32* owner = bpf_map_lookup_elem(&wgs_hash6_128, &key);
    if (owner) return *owner;
    key.word[3] &= bpf_htonl(0xffffffc0);
    owner = bpf_map_lookup_elem(&wgs_hash6_122, &key);
    if (owner) return *owner;
    key.word[2] = key.word[3] = 0;
    owner = bpf_map_lookup_elem(&wgs_hash6_64, &key);
    return owner ? *owner : 0;
}

#include "bench/bpf/lib/chase.h"
