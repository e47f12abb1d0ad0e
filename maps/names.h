/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of what the kernel lists: at most 15 characters, "wgs_" first; maps end in a layout
 * version. */
#pragma once

#define WGS_MAP_ROOT4 "wgs_root4_v1"
#define WGS_MAP_TRIE4 "wgs_trie4_v1"
#define WGS_MAP_HEAD6 "wgs_head6_v1"
#define WGS_MAP_HASH6 "wgs_hash6_v1"
#define WGS_MAP_PEERS "wgs_peers_v1"
#define WGS_MAP_RECORDS "wgs_records_v1"
#define WGS_MAP_TUNNELS "wgs_tunnels_v1"
#define WGS_MAP_UNDERLAYS "wgs_underlay_v1"
#define WGS_MAP_BYPASS "wgs_bypass_v1"
#define WGS_MAP_VERDICTS "wgs_verdict_v1"
#define WGS_MAP_STATS "wgs_stats_v1"
#define WGS_MAP_WATCH4 "wgs_watch4_v1"
#define WGS_MAP_WATCH6 "wgs_watch6_v1"
#define WGS_MAP_REGIONS "wgs_regions_v1"
#define WGS_MAP_LEAKS "wgs_leaks_v1"
#define WGS_MAP_PODS "wgs_pods_v1"
#define WGS_MAP_FLOWS "wgs_flows_v2"
#define WGS_MAP_HELLO "wgs_hello_v1"
#define WGS_MAP_FLOOD "wgs_flood_v1"
#define WGS_MAP_TAP "wgs_tap_v1"
#define WGS_MAP_EVENTS "wgs_events_v1"
#define WGS_MAP_HEARD "wgs_heard_v1"

#define WGS_PROG_NIC_OUT "wgs_nic_out"
#define WGS_PROG_WG_IN "wgs_wg_in"
#define WGS_PROG_NIC_IN "wgs_nic_in"
#define WGS_PROG_NIC_GUARD "wgs_nic_guard"
#define WGS_PROG_LEAK_WATCH "wgs_leak_watch"
#define WGS_PROG_POD_OUT "wgs_pod_out"
