// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XDP on an underlay device: drops what can be no WireGuard message, handshakes in excess, and
// clear text from the mesh, all before the kernel spends an skb on it.
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/act.h"
#include "bpf/lib/arrive.h"
#include "bpf/lib/decide.h"
#include "bpf/lib/guard.h"
#include "bpf/lib/limit.h"
#include "bpf/lib/lookup.h"
#include "bpf/lib/parse.h"
#include "bpf/lib/tell_xdp.h"

const volatile bool policy_require = false;
const volatile bool hosts = false;
const volatile bool overlay = false;
const volatile bool sees_decrypted = false; /* generic XDP: it cannot tell them from clear text */
const volatile __u32 tunnels = 1;           /* how many, whose ports are guarded */

/* Global for the reason in frame.h. Headers beyond the linear part of a frame are cut. */
__noinline int wgs_parse_xdp(struct xdp_md* frame, struct wgs_packet* packet) {
    if (!packet) return WGS_PACKET_TRUNCATED; /* for the verifier */
    struct wgs_cursor cursor = {.position = (const __u8*)(long)frame->data,
                                .end = (const __u8*)(long)frame->data_end};
    wgs_parse_frame(&cursor, packet);
    return packet->kind;
}

static __always_inline enum wgs_reason wgs_judge_message(struct xdp_md* frame,
                                                         const struct wgs_packet* packet,
                                                         struct wgs_decision* decision) {
    struct wgs_message_head head;
    __u32 room = bpf_xdp_get_buff_len(frame) - packet->l4_offset;
    __u32 after_ports = packet->l4_offset + offsetof(struct udphdr, len);
    bool valid = !bpf_xdp_load_bytes(frame, after_ports, &head, sizeof(head)) &&
                 wgs_is_message(&head, room, packet->fragment);
    if (valid && head.type != WGS_MESSAGE_INITIATION) return WGS_REASON_outer_in;
    __u32 source = wgs_owner_of(packet, packet->source);
    decision->peer = WGS_OWNER_PEER(source);
    if (!valid) return WGS_REASON_bad_message;
    return wgs_admit(packet, source) ? WGS_REASON_outer_in : WGS_REASON_flood;
}

/* Headers go on where only helpers can read. */
static __always_inline bool wgs_is_beyond_reach(struct xdp_md* frame,
                                                const struct wgs_packet* packet) {
    return packet->cut && frame->data_end - frame->data < bpf_xdp_get_buff_len(frame);
}

/* What cannot be dropped here is not looked up; what is beyond reach, wgs_nic_in can read. */
static __always_inline void wgs_decide(struct xdp_md* frame, const struct wgs_packet* packet,
                                       struct wgs_decision* decision) {
    const struct wgs_scope scope = {.hosts = hosts, .overlay = overlay};
    struct wgs_owners owners = {};
    bool drops_clear_text = policy_require && !sees_decrypted;

    decision->reason = wgs_in_by_headers(packet, false);
    if (decision->reason != WGS_REASON_none || wgs_is_beyond_reach(frame, packet)) return;
    bool to_tunnel = wgs_is_udp(packet) && wgs_is_tunnel_port(packet->destination_port, tunnels);
    if (!to_tunnel && !drops_clear_text) return;
    owners.destination = wgs_owner_of(packet, packet->destination);
    decision->reason = wgs_in_by_destination(packet, owners.destination, to_tunnel);
    if (decision->reason == WGS_REASON_outer_in)
        decision->reason = wgs_judge_message(frame, packet, decision);
    else if (decision->reason == WGS_REASON_none && drops_clear_text)
        wgs_decide_by_source(packet, &owners, &scope, decision);
}

static __always_inline void wgs_account_drop(struct xdp_md* frame, struct wgs_packet* packet,
                                             const struct wgs_decision* decision) {
    wgs_count(WGS_HOOK_NIC_GUARD, decision, WGS_VERDICT_DROP,
              bpf_xdp_get_buff_len(frame) - packet->l3_offset);
    if (!wgs_is_asked_about(decision->reason)) return;
    struct wgs_told told = {
        .decision = *decision, .hook = WGS_HOOK_NIC_GUARD, .verdict = WGS_VERDICT_DROP};
    wgs_tell_of_frame(frame, packet, &told);
}

SEC("xdp.frags")
int wgs_nic_guard(struct xdp_md* frame) {
    struct wgs_packet packet = {};
    struct wgs_decision decision = {};

    wgs_parse_xdp(frame, &packet);
    wgs_decide(frame, &packet, &decision);
    switch (decision.reason) {
        case WGS_REASON_bad_message:
        case WGS_REASON_flood:
        case WGS_REASON_clear_in:
            wgs_account_drop(frame, &packet, &decision);
            return XDP_DROP;
        default:
            return XDP_PASS;
    }
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
