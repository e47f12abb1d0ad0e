// SPDX-License-Identifier: Apache-2.0
// The chase through the steer tables.
#pragma once

#include <optional>
#include <vector>

#include "bench/lab/steer.h"
#include "bench/lookup/chase.h"

namespace wgs::bench {

class OurChase : public Chase {
  public:
    OurChase(const Destinations& destinations, const std::vector<OwnedPrefix>& prefixes);
    [[nodiscard]] std::string kind() const override { return "wgsteer"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }
    [[nodiscard]] const SteerTables& tables() const { return *tables_; }

  private:
    BpfObject object_;
    std::optional<SteerTables> tables_;
};

}  // namespace wgs::bench
