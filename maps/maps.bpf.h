/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Definitions of all maps. Every program object has all of them, so whichever is loaded first
 * creates and pins them and the others reuse the pins. Names: maps/names.h.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps/crypto.h"
#include "maps/events.h"
#include "maps/flows.h"
#include "maps/hash6.h"
#include "maps/layout.h"
#include "maps/regions.h"
#include "maps/trie4.h"

/* The steer tables (maps/trie4.h, maps/hash6.h). The agent writes them through mmap; programs only
 * read. Of the chunks that the maps of maps list only those in use exist. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct wgs_root4);
} wgs_root4_v1 SEC(".maps");

/* Types would do as well as sizes, but clang tells libbpf only the names of those in here. */
struct wgs_chunk_map {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, WGS_CHUNK_SIZE);
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, WGS_TRIE4_MAX_CHUNKS);
    __type(key, __u32);
    __array(values, struct wgs_chunk_map);
} wgs_trie4_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct wgs_head6);
} wgs_head6_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, WGS_HASH6_MAX_CHUNKS);
    __type(key, __u32);
    __array(values, struct wgs_chunk_map);
} wgs_hash6_v1 SEC(".maps");

/* The next five are sized before load, by the number of peers that the configuration allows. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_PEER_FIRST + 1);
    __type(key, __u32);
    __type(value, struct wgs_peer);
} wgs_peers_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_PEER_FIRST + 1);
    __type(key, __u32);
    __type(value, struct wgs_peer_record);
} wgs_records_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, WGS_PEER_FIRST + 1);
    __type(key, __u32);
    __type(value, struct wgs_peer_stats);
} wgs_stats_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_PEER_FIRST + 1);
    __type(key, __u32);
    __type(value, struct wgs_crypto);
} wgs_crypto_v1 SEC(".maps");

/* Handshake initiations of each peer; row 0, of no peer: of all strangers together. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_PEER_FIRST + 1);
    __type(key, __u32);
    __type(value, struct wgs_bucket);
} wgs_hello_v1 SEC(".maps");

/* Handshake initiations of each stranger. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, WGS_MAX_STRANGERS);
    __type(key, struct wgs_stranger);
    __type(value, struct wgs_bucket);
} wgs_flood_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_MAX_TUNNELS);
    __type(key, __u32);
    __type(value, struct wgs_tunnel);
} wgs_tunnels_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_MAX_UNDERLAYS);
    __type(key, __u32);
    __type(value, struct wgs_underlay);
} wgs_underlay_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, WGS_MAX_BYPASSED);
    __type(key, struct wgs_service);
    __type(value, __u32);
} wgs_bypass_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, WGS_VERDICT_ENTRIES);
    __type(key, __u32);
    __type(value, struct wgs_counter);
} wgs_verdict_v1 SEC(".maps");

/* The next four are the watcher's own. */
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WGS_MAX_PREFIXES);
    __type(key, struct wgs_prefix4);
    __type(value, struct wgs_watched);
} wgs_watch4_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WGS_MAX_PREFIXES);
    __type(key, struct wgs_prefix6);
    __type(value, struct wgs_watched);
} wgs_watch6_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, WGS_REGIONS_COUNT);
    __type(key, __u32);
    __type(value, struct wgs_regions);
} wgs_regions_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, WGS_MAX_LEAK_FLOWS);
    __type(key, struct wgs_leak_flow);
    __type(value, struct wgs_leak);
} wgs_leaks_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, WGS_MAX_PODS);
    __type(key, struct wgs_pod_key);
    __type(value, struct wgs_pod);
} wgs_pods_v1 SEC(".maps");

/* Flows that leave past the host's stack (maps/flows.h). Has one row, and no pin, while nothing
 * goes past it. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, WGS_FLOW_ROWS);
    __type(key, __u32);
    __type(value, struct wgs_flow_line);
} wgs_flows_v2 SEC(".maps");

/* Who listens. Programs have its address in their code, so looking costs one load; libbpf makes a
 * map of the section. Static, lest skeletons speak of it, and used: others write to it. */
static struct wgs_tap wgs_tap __attribute__((used)) SEC(".data.wgs_tap");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, WGS_EVENT_RING_BYTES);
} wgs_events_v1 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, WGS_MAX_HEARD);
    __type(key, struct wgs_heard);
    __type(value, __u8);
} wgs_heard_v1 SEC(".maps");

/* Packets that are timed, in a section for the same reason. */
static struct wgs_laps wgs_laps __attribute__((used)) SEC(".data.wgs_laps");
