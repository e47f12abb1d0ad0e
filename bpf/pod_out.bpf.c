// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc ingress of the host's end of a pod's veth, with `path: fast`: sends the pod's packets for
// ready peers into their tunnel before the host's stack sees them. Everything else goes on into the
// stack, behind which wgs_nic_out judges, answers and counts it.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/frame.h"
#include "bpf/lib/hop.h"
#include "bpf/lib/judge.h"
#include "bpf/lib/lap.h"
#include "bpf/lib/mss.h"
#include "bpf/lib/pods.h"

const volatile bool fast = false;
const volatile bool hosts = false;
const volatile bool overlay = false;
const volatile bool crypto_latency = false; /* WireGuard is the kernel's, and is to be timed */

static __always_inline bool wgs_same_mac(const __u8* left, const __u8* right) {
    bool same = true;
    for (int i = 0; i < ETH_ALEN; i++)
        same &= left[i] == right[i];
    return same;
}

/* A plain frame to the host from the pod that has the packet's source address. */
static __always_inline struct wgs_pod* wgs_sender(struct __sk_buff* skb,
                                                  const struct wgs_packet* packet) {
    const __u8* frame = (const __u8*)(long)skb->data;
    if (!wgs_is_ip(packet) || packet->cut || packet->vlan_tags || skb->vlan_present) return 0;
    struct wgs_pod* pod = wgs_pod_at(packet->kind, packet->source);
    if (!pod || pod->ifindex != skb->ifindex) return 0;
    if (frame + ETH_ALEN > (const __u8*)(long)skb->data_end) return 0;
    return wgs_same_mac(frame, pod->gateway_mac) ? pod : 0;
}

static __always_inline int wgs_take_flow(struct __sk_buff* skb, const struct wgs_packet* packet,
                                         const struct wgs_way* way) {
    struct wgs_flow flow;
    wgs_flow_from_pod(skb, &flow, packet);
    wgs_remember_flow(&flow);
    wgs_fit_mss(skb, packet, way->mtu);
    if (wgs_spend_hop(skb, packet, packet->l3_offset)) return TC_ACT_SHOT;
    return (int)bpf_redirect(way->ifindex, 0);
}

SEC("tc")
int wgs_pod_out(struct __sk_buff* skb) {
    struct wgs_packet packet;
    struct wgs_decision decision = {};
    struct wgs_way way = {};
    const struct wgs_scope scope = {.hosts = hosts, .overlay = overlay};

    if (!fast) return WGS_ACT_PASS;
    wgs_parse_skb(skb, &packet);
    struct wgs_pod* pod = wgs_sender(skb, &packet);
    if (!pod) return WGS_ACT_PASS;
    if (!pod->heard) pod->heard = 1;
    wgs_judge(skb, &packet, false, 0, &scope, &decision, &way);
    if (decision.reason != WGS_REASON_steered || packet.hop_limit <= 1) return WGS_ACT_PASS;
    const __u64 nth = wgs_account(skb, WGS_HOOK_POD_OUT, &decision, WGS_VERDICT_STEER, &packet);
    if (crypto_latency && wgs_is_timed(nth)) wgs_begin_lap(skb, decision.peer);
    return wgs_take_flow(skb, &packet, &way);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
