// SPDX-License-Identifier: Apache-2.0
// BPF maps as typed tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace wgs {

// A map of any type, keys and values as bytes. Every call is one system call but those on all.
class RawMap {
  public:
    // `name` is for error messages.
    RawMap(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

    Status store(const void* key, const void* value) const;
    // `count` keys and values, one after the other. On error some may have been stored.
    Status store_all(const void* keys, const void* values, std::size_t count) const;
    // False: no such key.
    Result<bool> find(const void* key, void* value) const;
    // A key that is not there is not an error.
    Status erase(const void* key) const;
    // Appends all entries to `keys` and `values`, in batches.
    Status read_all(std::size_t key_size, std::size_t value_size, std::vector<std::uint8_t>& keys,
                    std::vector<std::uint8_t>& values) const;

  private:
    UniqueFd fd_;
    std::string name_;
};

template <class Key, class Value>
class Map {
    static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

  public:
    explicit Map(RawMap map) : map_(std::move(map)) {}

    Status store(const Key& key, const Value& value) const { return map_.store(&key, &value); }
    Status erase(const Key& key) const { return map_.erase(&key); }

    // In few system calls.
    Status store_all(std::span<const Key> keys, std::span<const Value> values) const {
        return map_.store_all(keys.data(), values.data(), std::min(keys.size(), values.size()));
    }

    Result<std::optional<Value>> find(const Key& key) const {
        Value value{};
        if (!WGS_TRY(map_.find(&key, &value))) return std::nullopt;
        return value;
    }

    // Of an array: every index, also those never stored to.
    Result<std::vector<std::pair<Key, Value>>> entries() const {
        std::vector<std::uint8_t> keys;
        std::vector<std::uint8_t> values;
        WGS_TRY(map_.read_all(sizeof(Key), sizeof(Value), keys, values));
        std::vector<std::pair<Key, Value>> result(keys.size() / sizeof(Key));
        for (std::size_t i = 0; i < result.size(); ++i) {
            std::memcpy(&result[i].first, &keys[i * sizeof(Key)], sizeof(Key));
            std::memcpy(&result[i].second, &values[i * sizeof(Value)], sizeof(Value));
        }
        return result;
    }

  private:
    RawMap map_;
};

// Possible CPUs of the machine: a per-CPU value has one copy for each.
Result<std::size_t> possible_cpus();

// Adds up `copies` records of 64-bit counters, `size` bytes each, into `sum`.
void add_counters(void* sum, const void* records, std::size_t size, std::size_t copies);

// A per-CPU array whose values are nothing but 64-bit counters.
template <class Value>
class CounterMap {
    static_assert(std::is_trivially_copyable_v<Value> &&
                  sizeof(Value) % sizeof(std::uint64_t) == 0);

  public:
    CounterMap(RawMap map, std::size_t cpus) : map_(std::move(map)), cpus_(cpus) {}

    // Summed over all CPUs; an index outside the map counts nothing.
    Result<Value> sum(std::uint32_t index) const {
        std::vector<Value> copies(cpus_);
        Value total{};
        WGS_TRY(map_.find(&index, copies.data()));
        add_counters(&total, copies.data(), sizeof(Value), cpus_);
        return total;
    }

    // One sum for each index of the map, in order.
    Result<std::vector<Value>> sums() const {
        std::vector<std::uint8_t> keys;
        std::vector<std::uint8_t> values;
        const std::size_t stride = sizeof(Value) * cpus_;
        WGS_TRY(map_.read_all(sizeof(std::uint32_t), stride, keys, values));
        std::vector<Value> totals(keys.size() / sizeof(std::uint32_t));
        for (std::size_t i = 0; i < totals.size(); ++i)
            add_counters(&totals[i], &values[i * stride], sizeof(Value), cpus_);
        return totals;
    }

    Status clear(std::uint32_t index) const {
        const std::vector<Value> zeros(cpus_);
        return map_.store(&index, zeros.data());
    }

  private:
    RawMap map_;
    std::size_t cpus_;
};

}  // namespace wgs
