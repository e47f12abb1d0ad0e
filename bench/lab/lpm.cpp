// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/lpm.h"

#include <bpf/bpf.h>

#include <algorithm>

#include "bench/lab/must.h"

namespace wgs::bench {

void size_lpm(BpfObject& object, const std::vector<OwnedPrefix>& prefixes) {
    object.resize("wgs_lpm4", prefixes.size() + 1);
    object.resize("wgs_lpm6", prefixes.size() + 1);
}

LpmRows::LpmRows(const std::vector<OwnedPrefix>& prefixes) {
    for (const OwnedPrefix& one : prefixes) {
        if (one.prefix.family() == Family::v4) {
            ipv4_.keys.push_back(key_of_ipv4(one.prefix));
            ipv4_.owners.push_back(one.owner);
        } else {
            ipv6_.keys.push_back(key_of_ipv6(one.prefix));
            ipv6_.owners.push_back(one.owner);
        }
    }
}

void LpmRows::fill(const BpfObject& object, std::size_t batch) const {
    fill(object.map("wgs_lpm4"), ipv4_, batch);
    fill(object.map("wgs_lpm6"), ipv6_, batch);
}

template <class Key>
void LpmRows::fill(int map, const Table<Key>& table, std::size_t batch) {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    for (std::size_t at = 0; at < table.keys.size(); at += batch) {
        auto count = static_cast<std::uint32_t>(std::min(batch, table.keys.size() - at));
        const auto* key = &table.keys[at];
        const auto* owner = &table.owners[at];
        const int result = batch == 1 ? bpf_map_update_elem(map, key, owner, BPF_ANY)
                                      : bpf_map_update_batch(map, key, owner, &count, &options);
        must_call(result == 0, "fill LPM_TRIE");
    }
}

}  // namespace wgs::bench
