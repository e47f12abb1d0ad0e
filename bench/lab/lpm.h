// SPDX-License-Identifier: Apache-2.0
// Filling the tables of bench/bpf/lpm.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/prefixes.h"

namespace wgs::bench {

// Before the object is loaded.
void size_lpm(BpfObject& object, const std::vector<OwnedPrefix>& prefixes);

// Prefixes in the form that the system calls take.
class LpmRows {
  public:
    explicit LpmRows(const std::vector<OwnedPrefix>& prefixes);
    // `batch` prefixes by a system call.
    void fill(const BpfObject& object, std::size_t batch = 1024) const;

  private:
    template <class Key>
    struct Table {
        std::vector<Key> keys;
        std::vector<std::uint32_t> owners;
    };
    template <class Key>
    static void fill(int map, const Table<Key>& table, std::size_t batch);

    Table<wgs_prefix4> ipv4_;
    Table<wgs_prefix6> ipv6_;
};

}  // namespace wgs::bench
