// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/lpm.h"

#include <bpf/bpf.h>

#include <algorithm>

#include "bench/lab/must.h"

namespace wgs::bench {
namespace {

template <class Key>
void fill(int map, const std::vector<Key>& keys, const std::vector<std::uint32_t>& owners,
          std::size_t batch) {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    for (std::size_t at = 0; at < keys.size(); at += batch) {
        auto count = static_cast<std::uint32_t>(std::min(batch, keys.size() - at));
        const int result =
            count == 1 ? bpf_map_update_elem(map, &keys[at], &owners[at], BPF_ANY)
                       : bpf_map_update_batch(map, &keys[at], &owners[at], &count, &options);
        must_call(result == 0, "fill LPM_TRIE");
    }
}

template <class Key>
std::vector<Key> keys_of(const std::vector<OwnedPrefix>& prefixes, Key (*key_of)(const Prefix&)) {
    std::vector<Key> keys;
    for (const OwnedPrefix& one : prefixes)
        keys.push_back(key_of(one.prefix));
    return keys;
}

std::vector<std::uint32_t> owners_of(const std::vector<OwnedPrefix>& prefixes) {
    std::vector<std::uint32_t> owners;
    for (const OwnedPrefix& one : prefixes)
        owners.push_back(one.owner);
    return owners;
}

}  // namespace

void size_lpm(BpfObject& object, const std::vector<OwnedPrefix>& prefixes) {
    object.resize("wgs_lpm4", prefixes.size() + 1);
    object.resize("wgs_lpm6", prefixes.size() + 1);
}

void fill_lpm(const BpfObject& object, const std::vector<OwnedPrefix>& prefixes,
              std::size_t batch) {
    const auto owners = owners_of(prefixes);
    if (prefixes.front().prefix.family() == Family::v4)
        fill(object.map("wgs_lpm4"), keys_of(prefixes, &key_of_ipv4), owners, batch);
    else
        fill(object.map("wgs_lpm6"), keys_of(prefixes, &key_of_ipv6), owners, batch);
}

}  // namespace wgs::bench
