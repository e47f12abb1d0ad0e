// SPDX-License-Identifier: Apache-2.0
// The agent's programs and tables without the agent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "bench/lab/prefixes.h"
#include "skeletons/programs.h"

namespace wgs::bench {

struct DataplaneOptions {
    bool fast = false;
    std::uint32_t peers = 8;
    std::uint32_t tunnel_ifindex = 1;
    bool timed = false;  // see ProgramSettings::crypto_latency
};

ProgramSettings settings_of(const DataplaneOptions& options);

inline constexpr std::uint16_t kTunnelPort = 51820;
inline constexpr std::uint16_t kTunnelMtu = 1440;

// Pinned where nobody else looks, and gone with this object. All peers are ready.
class Dataplane {
  public:
    Dataplane(std::filesystem::path bpffs, const DataplaneOptions& options);
    ~Dataplane();
    Dataplane(const Dataplane&) = delete;
    Dataplane& operator=(const Dataplane&) = delete;

    void fill(const std::vector<OwnedPrefix>& prefixes) const;
    // As the agent tells the watcher of leaving packets to; one system call each.
    void watch(const std::vector<OwnedPrefix>& prefixes) const;

    [[nodiscard]] const Bpffs& bpffs() const { return bpffs_; }
    [[nodiscard]] const Tables& tables() const { return programs_.tables(); }
    [[nodiscard]] const LoadedProgram& at(wgs_hook hook) const { return programs_.at(hook); }
    [[nodiscard]] int program(wgs_hook hook) const { return at(hook).fd.get(); }

  private:
    Bpffs bpffs_;
    Programs programs_;
};

}  // namespace wgs::bench
