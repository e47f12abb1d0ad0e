// SPDX-License-Identifier: Apache-2.0
// The chase through the steer tables.
#pragma once

#include <filesystem>
#include <vector>

#include "bench/lab/dataplane.h"
#include "bench/lookup/chase.h"

namespace wgs::bench {

class OurChase : public Chase {
  public:
    OurChase(const Destinations& destinations, std::filesystem::path bpffs,
             const std::vector<OwnedPrefix>& prefixes);
    [[nodiscard]] std::string kind() const override { return "wgsteer"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }
    [[nodiscard]] const Tables& tables() const { return dataplane_.tables(); }

  private:
    Dataplane dataplane_;
    BpfObject object_;
};

}  // namespace wgs::bench
