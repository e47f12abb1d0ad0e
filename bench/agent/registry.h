// SPDX-License-Identifier: Apache-2.0
// Where the wgsteerd of a bench hears of the nodes of its mesh.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "model/node.h"

namespace wgs::bench {

class Registry {
  public:
    Registry() = default;
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;
    virtual ~Registry() = default;

    // Nodes come, or are others than they were. Those that are put before the agent runs it shall
    // hear of at once.
    virtual void put(std::span<const NodeInfo> nodes) = 0;
    // Lines of the configuration: what the agent's node is called and has, and the source.
    [[nodiscard]] virtual std::string config(const NodeInfo& self) = 0;
    // What runs the agent with this configuration, argv[0] first.
    [[nodiscard]] virtual std::vector<std::string> command(
        const std::filesystem::path& config) const;
    // It has been started.
    virtual void serve() {}

  protected:
    // For all but Felix, which tells this itself.
    static std::string describe(const NodeInfo& self);
};

class Directory final : public Registry {
  public:
    explicit Directory(std::filesystem::path path);
    void put(std::span<const NodeInfo> nodes) override;
    [[nodiscard]] std::string config(const NodeInfo& self) override;

  private:
    std::filesystem::path path_;
};

}  // namespace wgs::bench
