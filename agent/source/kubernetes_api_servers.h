// SPDX-License-Identifier: Apache-2.0
// By which ports the API servers are reached, so that they can be when nothing else can.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "source/json_values.h"

namespace wgs {

// TCP ports of the endpoints behind the service `kubernetes`. They are remembered in a file, since
// after a restart under `require` they are needed before the API server can be asked.
class KubernetesApiServers {
  public:
    // `known` are those that the configuration tells; `file` is where the others are remembered.
    KubernetesApiServers(std::set<std::uint16_t> known, std::filesystem::path file);

    // An EndpointSlice; whether ports() are others now.
    bool put(const Json& slice);
    bool erase(const std::string& name);
    // All slices have been told; whether ports() are others now.
    bool complete();

    [[nodiscard]] std::set<std::uint16_t> ports() const;
    // Without effect while nothing is known.
    [[nodiscard]] Status remember() const;

  private:
    void recall();
    [[nodiscard]] std::set<std::uint16_t> ports_of_slices() const;

    std::set<std::uint16_t> known_;
    std::filesystem::path file_;
    std::set<std::uint16_t> recalled_;  // until the slices are known
    std::map<std::string, std::set<std::uint16_t>> slices_;
    bool complete_ = false;
};

}  // namespace wgs
