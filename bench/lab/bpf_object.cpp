// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/bpf_object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <fstream>
#include <numeric>
#include <vector>

#include "bench/lab/must.h"
#include "skeletons/libbpf_log.h"

namespace wgs::bench {
namespace {

bpf_map* find_map(bpf_object* object, const std::string& name) {
    bpf_map* map = bpf_object__find_map_by_name(object, name.c_str());
    if (!map) throw Broken("no map " + name);
    return map;
}

}  // namespace

void BpfObject::Close::operator()(bpf_object* object) const {
    bpf_object__close(object);
}

BpfObject::BpfObject(std::span<const std::byte> image)
    : object_(bpf_object__open_mem(image.data(), image.size(), nullptr)) {
    must_call(static_cast<bool>(object_), "open a program of the bench");
}

void BpfObject::resize(const std::string& map, std::size_t rows) {
    bpf_map__set_max_entries(find_map(object_.get(), map), static_cast<std::uint32_t>(rows));
}

void BpfObject::share(const std::string& map, const BpfObject& other) {
    must_call(bpf_map__reuse_fd(find_map(object_.get(), map), other.map(map)) == 0, "share " + map);
}

void BpfObject::share_pinned(const Bpffs& bpffs) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) {
        const UniqueFd pinned(bpf_obj_get((bpffs.maps() / bpf_map__name(map)).c_str()));
        if (pinned) must_call(bpf_map__reuse_fd(map, pinned.get()) == 0, "share a pinned map");
    }
}

void BpfObject::load() {
    const LibbpfLog log;
    if (bpf_object__load(object_.get()) != 0)
        must(Status(log.error(errno, "load a program of the bench")));
}

int BpfObject::program(const std::string& name) const {
    const bpf_program* found = bpf_object__find_program_by_name(object_.get(), name.c_str());
    if (!found) throw Broken("no program " + name);
    return bpf_program__fd(found);
}

int BpfObject::map(const std::string& name) const {
    return bpf_map__fd(find_map(object_.get(), name));
}

void write_row(int map, std::uint32_t row, const void* value) {
    must_call(bpf_map_update_elem(map, &row, value, BPF_ANY) == 0, "write a row");
}

void read_row(int map, std::uint32_t row, void* value) {
    must_call(bpf_map_lookup_elem(map, &row, value) == 0, "read a row");
}

void write_rows(int map, std::size_t rows, const void* values) {
    std::vector<std::uint32_t> keys(rows);
    std::iota(keys.begin(), keys.end(), 0U);
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    auto count = static_cast<std::uint32_t>(rows);
    must_call(bpf_map_update_batch(map, keys.data(), values, &count, &options) == 0, "write rows");
}

std::size_t memory_of(int map) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(map));
    for (std::string word; info >> word;) {
        std::size_t bytes = 0;
        if (word == "memlock:" && info >> bytes) return bytes;
    }
    throw Broken("the kernel does not say what a map takes");
}

}  // namespace wgs::bench
