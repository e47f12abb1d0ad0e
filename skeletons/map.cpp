// SPDX-License-Identifier: Apache-2.0
#include "skeletons/map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

namespace wgs {
namespace {

constexpr std::uint32_t kBatch = 512;

}  // namespace

Status RawMap::store(const void* key, const void* value) const {
    if (bpf_map_update_elem(fd_.get(), key, value, BPF_ANY) != 0)
        return os_error(errno, "store to map " + name_);
    return {};
}

Status RawMap::store_all(const void* keys, const void* values, std::size_t count) const {
    auto stored = static_cast<std::uint32_t>(count);
    if (count != 0 && bpf_map_update_batch(fd_.get(), keys, values, &stored, nullptr) != 0)
        return os_error(errno, "store to map " + name_);
    return {};
}

Result<bool> RawMap::find(const void* key, void* value) const {
    if (bpf_map_lookup_elem(fd_.get(), key, value) == 0) return true;
    if (errno == ENOENT) return false;
    return os_error(errno, "look up in map " + name_);
}

Status RawMap::erase(const void* key) const {
    if (bpf_map_delete_elem(fd_.get(), key) != 0 && errno != ENOENT)
        return os_error(errno, "delete from map " + name_);
    return {};
}

Status RawMap::read_all(std::size_t key_size, std::size_t value_size,
                        std::vector<std::uint8_t>& keys, std::vector<std::uint8_t>& values) const {
    // The kernel's position: in arrays and tries the last key it gave, in hashes a bucket's number.
    std::vector<std::uint8_t> position(key_size);
    std::size_t entries = 0;
    for (bool more = true; more;) {
        keys.resize((entries + kBatch) * key_size);
        values.resize((entries + kBatch) * value_size);
        std::uint32_t count = kBatch;
        const int failed = bpf_map_lookup_batch(fd_.get(), entries == 0 ? nullptr : position.data(),
                                                position.data(), &keys[entries * key_size],
                                                &values[entries * value_size], &count, nullptr);
        if (failed != 0 && errno != ENOENT) return os_error(errno, "read map " + name_);
        more = failed == 0;
        entries += count;
    }
    keys.resize(entries * key_size);
    values.resize(entries * value_size);
    return {};
}

Result<std::size_t> possible_cpus() {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0) return os_error(-cpus, "count possible CPUs");
    return static_cast<std::size_t>(cpus);
}

void add_counters(void* sum, const void* records, std::size_t size, std::size_t copies) {
    auto* total = static_cast<std::uint8_t*>(sum);
    const auto* record = static_cast<const std::uint8_t*>(records);
    for (std::size_t offset = 0; offset < size; offset += sizeof(std::uint64_t)) {
        std::uint64_t counter = 0;
        for (std::size_t copy = 0; copy < copies; ++copy) {
            std::uint64_t part = 0;
            std::memcpy(&part, record + copy * size + offset, sizeof(part));
            counter += part;
        }
        std::memcpy(total + offset, &counter, sizeof(counter));
    }
}

}  // namespace wgs
