// SPDX-License-Identifier: Apache-2.0
// The underlay devices of this network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernel/foreign_tunnels.h"
#include "kernel/pods.h"
#include "kernel/rtnetlink.h"
#include "model/ports.h"

namespace wgs {

class RtLinks final : public Links {
  public:
    // `own` are the names of our tunnel devices, which are never an underlay.
    static Result<RtLinks> open(std::set<std::string> own);

    Result<std::vector<Underlay>> underlays(const std::vector<std::string>& names,
                                            const std::vector<IpAddress>& addresses) override;
    // Of the links that the last underlays() has seen, if nobody has asked since; else it looks.
    Result<std::set<std::uint16_t>> foreign_tunnels() override;
    Result<std::optional<std::uint32_t>> route(const IpAddress& address) override;
    // Looks around once until forget_pods(): it takes long on a large node.
    Result<LocalPods> pods(const std::vector<std::string>& names,
                           const std::vector<Prefix>& prefixes) override;
    void forget_pods() { network_.reset(); }

  private:
    RtLinks(Rtnetlink rtnetlink, std::set<std::string> own)
        : rtnetlink_(std::move(rtnetlink)), own_(std::move(own)) {}

    Rtnetlink rtnetlink_;
    std::set<std::string> own_;
    ForeignTunnels foreign_;
    std::optional<std::vector<LinkInfo>> seen_;  // without our own
    std::optional<NetworkView> network_;
};

}  // namespace wgs
