// SPDX-License-Identifier: Apache-2.0
#include "bench/lookup/ours.h"

#include <chase_ours.skel.h>

namespace wgs::bench {

OurChase::OurChase(const Destinations& destinations, const std::vector<OwnedPrefix>& prefixes)
    : object_(image<chase_ours_bpf>()) {
    destinations.lend_to(object_);
    object_.load();
    tables_ = open_steer_tables(object_);
    fill_steer(*tables_, prefixes);
}

}  // namespace wgs::bench
