// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What feed.bpf.c is, for XDP; of its own because a table of programs holds one type.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} wgs_subject SEC(".maps");

SEC("xdp.frags")
int wgs_same(struct xdp_md* frame) {
    bpf_tail_call(frame, &wgs_subject, 0);
    return XDP_ABORTED;
}

SEC("xdp.frags")
int wgs_empty(struct xdp_md* frame) {
    (void)frame;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
