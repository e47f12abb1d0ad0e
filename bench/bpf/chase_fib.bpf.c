// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The chase through the kernel's routes, rules included; a route's metric is the owner. Neighbours
// are not looked up: behind a device of layer 3 there are none.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bench/bpf/lib/layout.h"

#define WGS_STEPS WGS_FIB_STEPS
#define WGS_FIND4(skb, address) wgs_metric_of_ipv4(skb, address)
#define WGS_FIND6(skb, address) wgs_metric_of_ipv6(skb, address)

#define WGS_SKIP_NEIGHBOUR 4 /* BPF_FIB_LOOKUP_SKIP_NEIGH, Linux 6.3 */
#define WGS_AF_INET 2
#define WGS_AF_INET6 10
#define WGS_LOOPBACK 1 /* its ifindex, of the device by which packets come */
#define WGS_PACKET_BYTES 64

static __always_inline __u32 wgs_metric(struct __sk_buff* skb, struct bpf_fib_lookup* route) {
    route->ifindex = WGS_LOOPBACK;
    route->tot_len = WGS_PACKET_BYTES;
    return bpf_fib_lookup(skb, route, sizeof(*route), WGS_SKIP_NEIGHBOUR) ? 0 : route->rt_metric;
}

static __always_inline __u32 wgs_metric_of_ipv4(struct __sk_buff* skb, const __u32* address) {
    struct bpf_fib_lookup route = {.family = WGS_AF_INET, .ipv4_dst = *address};
    return wgs_metric(skb, &route);
}

static __always_inline __u32 wgs_metric_of_ipv6(struct __sk_buff* skb, const __u32* address) {
    struct bpf_fib_lookup route = {.family = WGS_AF_INET6};
    __builtin_memcpy(route.ipv6_dst, address, sizeof(route.ipv6_dst));
    return wgs_metric(skb, &route);
}

#include "bench/bpf/lib/chase.h"
