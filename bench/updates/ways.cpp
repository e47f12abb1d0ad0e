// SPDX-License-Identifier: Apache-2.0
#include "bench/updates/ways.h"

#include <bpf/bpf.h>
#include <chase_lpm.skel.h>
#include <chase_ours.skel.h>

#include <chrono>
#include <set>

#include "bench/lab/lpm.h"
#include "bench/lab/must.h"
#include "bench/lab/routes.h"
#include "bench/lab/steer.h"
#include "bench/lab/tun.h"
#include "maps/names.h"

namespace wgs::bench {
namespace {

constexpr std::size_t kBatch = 1024;
constexpr double kMebibyte = 1 << 20;

template <class Work>
double rate(std::size_t prefixes, const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(prefixes) / took.count();
}

BpfObject make_object(std::span<const std::byte> image) {
    BpfObject object(image);
    for (const char* unused : {"wgs_dest4", "wgs_dest6"})
        object.resize(unused, 1);
    return object;
}

BpfObject make_steer_object() {
    BpfObject object = make_object(image<chase_ours_bpf>());
    object.load();
    return object;
}

// Calls with an empty table of the prefixes' family, and the prefixes as its rows.
template <class Use>
double with_rows(const std::vector<OwnedPrefix>& prefixes, const Use& use) {
    const BpfObject object = make_steer_object();
    const SteerTables tables = open_steer_tables(object);
    if (prefixes.front().prefix.family() == Family::v4)
        return use(tables.ipv4(), rows4_of(prefixes));
    return use(tables.ipv6(), rows6_of(prefixes));
}

BpfObject make_lpm_object(const std::vector<OwnedPrefix>& prefixes) {
    BpfObject object = make_object(image<chase_lpm_bpf>());
    size_lpm(object, prefixes);
    object.load();
    return object;
}

double fill_lpm_by(std::size_t batch, const std::vector<OwnedPrefix>& prefixes) {
    const BpfObject object = make_lpm_object(prefixes);
    const LpmRows rows(prefixes);
    return rate(prefixes.size(), [&] { rows.fill(object, batch); });
}

// The map of maps, and each map in it once.
std::size_t memory_of_chunks(int list, std::uint32_t rows) {
    std::set<std::uint32_t> ids;
    for (std::uint32_t row = 0; row < rows; ++row) {
        std::uint32_t id = 0;
        if (bpf_map_lookup_elem(list, &row, &id) == 0) ids.insert(id);
    }
    std::size_t bytes = memory_of(list);
    for (const std::uint32_t id : ids)
        bytes += memory_of(UniqueFd(bpf_map_get_fd_by_id(id)).get());
    return bytes;
}

}  // namespace

double fill_ours_in_bulk(const std::vector<OwnedPrefix>& prefixes) {
    return with_rows(prefixes, [](auto& table, const auto& rows) {
        return rate(rows.size(), [&] { must(table.set_all(rows)); });
    });
}

double fill_ours_singly(const std::vector<OwnedPrefix>& prefixes) {
    return with_rows(prefixes, [](auto& table, const auto& rows) {
        return rate(rows.size(), [&] {
            for (const auto& row : rows)
                must(table.set(row.prefix, row.owner));
        });
    });
}

double empty_ours(const std::vector<OwnedPrefix>& prefixes) {
    return with_rows(prefixes, [](auto& table, const auto& rows) {
        must(table.set_all(rows));
        return rate(rows.size(), [&] {
            for (const auto& row : rows)
                table.erase(row.prefix);
        });
    });
}

double fill_lpm_singly(const std::vector<OwnedPrefix>& prefixes) {
    return fill_lpm_by(1, prefixes);
}

double fill_lpm_in_batches(const std::vector<OwnedPrefix>& prefixes) {
    return fill_lpm_by(kBatch, prefixes);
}

double fill_routes(const std::vector<OwnedPrefix>& prefixes) {
    const test::NetNamespace ns("routes");
    const UniqueFd tunnel = open_tun(ns, "wgtun");
    const std::string lines = calico_routes(prefixes, "wgtun", Metric::none);
    return rate(prefixes.size(), [&] { ip_batch(ns, prefixes.front().prefix.family(), lines); });
}

double memory_of_ours(const std::vector<OwnedPrefix>& prefixes) {
    const BpfObject object = make_steer_object();
    const SteerTables tables = open_steer_tables(object);
    fill_steer(tables, prefixes);
    const std::size_t bytes = memory_of(object.map(WGS_MAP_ROOT4)) +
                              memory_of_chunks(object.map(WGS_MAP_TRIE4), WGS_TRIE4_MAX_CHUNKS);
    return static_cast<double>(bytes) / kMebibyte;
}

double memory_of_lpm(const std::vector<OwnedPrefix>& prefixes) {
    const BpfObject object = make_lpm_object(prefixes);
    if (!prefixes.empty()) LpmRows(prefixes).fill(object, kBatch);
    return static_cast<double>(memory_of(object.map("wgs_lpm4"))) / kMebibyte;
}

}  // namespace wgs::bench
