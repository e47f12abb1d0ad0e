// SPDX-License-Identifier: Apache-2.0
#include "bench/lookup/ours.h"

#include <chase_ours.skel.h>

namespace wgs::bench {

OurChase::OurChase(const Destinations& destinations, std::filesystem::path bpffs,
                   const std::vector<OwnedPrefix>& prefixes)
    : dataplane_(std::move(bpffs), {}), object_(image<chase_ours_bpf>()) {
    dataplane_.fill(prefixes);
    destinations.lend_to(object_);
    object_.share_pinned(dataplane_.bpffs());
    object_.load();
}

}  // namespace wgs::bench
