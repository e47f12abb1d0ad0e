// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/destinations.h"

#include <chase_empty.skel.h>

namespace wgs::bench {

Destinations::Destinations() : owner_(image<chase_empty_bpf>()) {
    owner_.load();
}

void Destinations::choose(Family family, const std::vector<wgs_destination6>& destinations) const {
    if (family == Family::v6) {
        write_rows(owner_.map("wgs_dest6"), destinations.size(), destinations.data());
        return;
    }
    std::vector<std::uint32_t> first_words;
    first_words.reserve(destinations.size());
    for (const wgs_destination6& one : destinations)
        first_words.push_back(one.address[0]);
    write_rows(owner_.map("wgs_dest4"), first_words.size(), first_words.data());
}

void Destinations::lend_to(BpfObject& object) const {
    object.share("wgs_dest4", owner_);
    object.share("wgs_dest6", owner_);
}

}  // namespace wgs::bench
