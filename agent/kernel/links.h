// SPDX-License-Identifier: Apache-2.0
// The underlay devices of this network namespace.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernel/rtnetlink.h"
#include "model/ports.h"

namespace wgs {

class RtLinks final : public Links {
  public:
    // `own` are the names of our tunnel devices, which are never an underlay.
    static Result<RtLinks> open(std::set<std::string> own);

    Result<std::vector<Underlay>> underlays(const std::vector<std::string>& names,
                                            const std::vector<IpAddress>& addresses) override;
    Result<std::optional<std::uint32_t>> route(const IpAddress& address) override;

  private:
    RtLinks(Rtnetlink rtnetlink, std::set<std::string> own)
        : rtnetlink_(std::move(rtnetlink)), own_(std::move(own)) {}

    Rtnetlink rtnetlink_;
    std::set<std::string> own_;
};

}  // namespace wgs
