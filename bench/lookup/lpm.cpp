// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/lpm.h"

#include <chase_lpm.skel.h>

#include "bench/lookup/chase.h"

namespace wgs::bench {
namespace {

class LpmChase : public Chase {
  public:
    LpmChase(const Destinations& destinations, const std::vector<OwnedPrefix>& prefixes)
        : object_(image<chase_lpm_bpf>()) {
        destinations.lend_to(object_);
        size_lpm(object_, prefixes);
        object_.load();
        LpmRows(prefixes).fill(object_);
    }
    [[nodiscard]] std::string kind() const override { return "LPM_TRIE"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }

  private:
    BpfObject object_;
};

}  // namespace

std::unique_ptr<Chase> make_lpm(const Destinations& destinations,
                                const std::vector<OwnedPrefix>& prefixes) {
    return std::make_unique<LpmChase>(destinations, prefixes);
}

}  // namespace wgs::bench
