// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc egress of an underlay device: the last moment before the wire. Sends packets for ready peers
// into their tunnel.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/judge.h"
#include "bpf/lib/lap.h"
#include "bpf/lib/pods.h"
#include "bpf/lib/steer.h"

const volatile bool policy_require = false;
const volatile bool hosts = false;
const volatile bool overlay = false;
const volatile bool fast = false;
const volatile bool crypto_latency = false; /* WireGuard is the kernel's, and is to be timed */
const volatile __u32 fwmark = 0x1000;
const volatile __u32 decrypted_mark = 0x2000;
const volatile __u32 mark_mask = 0x3000;
const volatile __u32 tunnels = 1; /* how many, whose outer packets these may be */

SEC("tc")
int wgs_nic_out(struct __sk_buff* skb) {
    struct wgs_packet packet;
    struct wgs_decision decision = {};
    struct wgs_way way = {};
    const struct wgs_scope scope = {.hosts = hosts, .overlay = overlay};
    enum wgs_verdict verdict;

    wgs_parse_skb(skb, &packet);
    wgs_judge(skb, &packet, (skb->mark & mark_mask) == fwmark, tunnels, &scope, &decision, &way);
    verdict =
        wgs_out_verdict(decision.reason, policy_require ? WGS_POLICY_REQUIRE : WGS_POLICY_PREFER);
    const __u64 nth = wgs_account(skb, WGS_HOOK_NIC_OUT, &decision, verdict, &packet);
    switch (verdict) {
        case WGS_VERDICT_STEER:
            if (crypto_latency && wgs_is_timed(nth)) wgs_begin_lap(skb, decision.peer);
            if (fast && !wgs_is_probe(skb)) wgs_forget_flow(skb, &packet);
            return wgs_steer(skb, &packet, decision.reason, &way);
        case WGS_VERDICT_DROP:
            if (decision.reason != WGS_REASON_too_big) return TC_ACT_SHOT;
            return wgs_answer_too_big(skb, &packet, way.mtu, decrypted_mark, mark_mask);
        default:
            if (crypto_latency && decision.reason == WGS_REASON_outer) wgs_end_lap(skb);
            return WGS_ACT_PASS;
    }
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
