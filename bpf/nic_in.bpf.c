// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc ingress of an underlay device: lets decrypted packets through; counts clear text from the
// mesh, and drops it under policy require.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/arrive.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/lookup.h"

const volatile bool policy_require = false;
const volatile bool hosts = false;
const volatile bool overlay = false;
const volatile __u32 mark_mask = 0x3000;
const volatile __u32 decrypted_mark = 0x2000;
const volatile __u32 tunnels = 1; /* how many, whose ports receive outer packets */

static __always_inline void wgs_decide(const struct wgs_packet* packet, bool decrypted,
                                       struct wgs_decision* decision) {
    const struct wgs_scope scope = {.hosts = hosts, .overlay = overlay};
    struct wgs_owners owners = {};

    decision->reason = wgs_in_by_headers(packet, decrypted);
    if (decision->reason != WGS_REASON_none) return;
    bool to_tunnel = wgs_is_udp(packet) && wgs_is_tunnel_port(packet->destination_port, tunnels);
    owners.destination = wgs_owner_of(packet, packet->destination);
    decision->reason = wgs_in_by_destination(packet, owners.destination, to_tunnel);
    if (decision->reason == WGS_REASON_none)
        wgs_decide_by_source(packet, &owners, &scope, decision);
}

SEC("tc")
int wgs_nic_in(struct __sk_buff* skb) {
    struct wgs_packet packet;
    struct wgs_decision decision = {};
    enum wgs_verdict verdict;

    wgs_parse_skb(skb, &packet);
    wgs_decide(&packet, (skb->mark & mark_mask) == decrypted_mark, &decision);
    verdict =
        wgs_in_verdict(decision.reason, policy_require ? WGS_POLICY_REQUIRE : WGS_POLICY_PREFER);
    wgs_account(skb, WGS_HOOK_NIC_IN, &decision, verdict, &packet);
    if (verdict == WGS_VERDICT_DROP) return TC_ACT_SHOT;
    if (decision.reason == WGS_REASON_decrypted) skb->mark &= ~mark_mask;
    return WGS_ACT_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
