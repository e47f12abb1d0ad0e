// SPDX-License-Identifier: Apache-2.0
#include <chase_ours.skel.h>

#include "bench/lab/dataplane.h"
#include "bench/lookup/chase.h"

namespace wgs::bench {
namespace {

class OurChase : public Chase {
  public:
    OurChase(const Destinations& destinations, std::filesystem::path bpffs,
             const std::vector<OwnedPrefix>& prefixes)
        : dataplane_(std::move(bpffs), {}), object_(image<chase_ours_bpf>()) {
        dataplane_.fill(prefixes);
        destinations.lend_to(object_);
        object_.share_pinned(dataplane_.bpffs());
        object_.load();
    }
    [[nodiscard]] std::string kind() const override { return "wgsteer"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }

  private:
    Dataplane dataplane_;
    BpfObject object_;
};

}  // namespace

std::unique_ptr<Chase> make_ours(const Destinations& destinations, std::filesystem::path bpffs,
                                 const std::vector<OwnedPrefix>& prefixes) {
    return std::make_unique<OurChase>(destinations, std::move(bpffs), prefixes);
}

}  // namespace wgs::bench
