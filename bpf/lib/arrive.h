/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both hooks of arriving packets do alike once the destination alone has settled nothing. */
#pragma once

#include "bpf/lib/decide.h"
#include "bpf/lib/lookup.h"

/* `owners->destination` is set. */
static __always_inline void wgs_decide_by_source(const struct wgs_packet* packet,
                                                 struct wgs_owners* owners,
                                                 const struct wgs_scope* scope,
                                                 struct wgs_decision* decision) {
    owners->source = wgs_owner_of(packet, packet->source);
    if (wgs_is_node_to_node(owners) && wgs_is_in_scope(packet, scope))
        owners->bypassed = wgs_is_bypassed(packet);
    decision->peer = WGS_OWNER_PEER(owners->source);
    decision->reason = wgs_in_by_owners(packet, owners, scope);
}
