// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <chase_hash.skel.h>

#include <algorithm>
#include <map>

#include "bench/lab/must.h"
#include "bench/lookup/chase.h"

namespace wgs::bench {
namespace {

std::string table_of(const Prefix& prefix) {
    return std::string(prefix.family() == Family::v4 ? "wgs_hash4_" : "wgs_hash6_") +
           std::to_string(prefix.length());
}

class HashChase : public Chase {
  public:
    HashChase(const Destinations& destinations, const std::vector<OwnedPrefix>& prefixes)
        : object_(image<chase_hash_bpf>()) {
        destinations.lend_to(object_);
        std::map<std::string, std::size_t> sizes;
        for (const OwnedPrefix& one : prefixes)
            ++sizes[table_of(one.prefix)];
        for (const auto& [table, size] : sizes)
            object_.resize(table, size);
        object_.load();
        fill(prefixes);
    }
    [[nodiscard]] std::string kind() const override { return "hash per length"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }

  private:
    void fill(const std::vector<OwnedPrefix>& prefixes) const {
        for (const OwnedPrefix& one : prefixes) {
            const auto* key = one.prefix.address().bytes().data();
            must_call(bpf_map_update_elem(object_.map(table_of(one.prefix)), key, &one.owner,
                                          BPF_ANY) == 0,
                      "fill a hash table");
        }
    }

    BpfObject object_;
};

}  // namespace

std::unique_ptr<Chase> make_hash(const Destinations& destinations,
                                 const std::vector<OwnedPrefix>& prefixes) {
    return std::make_unique<HashChase>(destinations, prefixes);
}

}  // namespace wgs::bench
