// SPDX-License-Identifier: Apache-2.0
// Loaded programs and filled tables: the mesh in which the tests' packets travel.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "maps/layout.h"
#include "packet.h"
#include "skeletons/bpffs.h"
#include "skeletons/programs.h"

namespace wgs {

inline constexpr std::uint16_t kPort = 51820;
inline constexpr std::uint16_t kSecondPort = 51821;  // of the second of two tunnels
inline constexpr std::uint32_t kFwmark = 0x1000;
inline constexpr std::uint32_t kDecrypted = 0x2000;
inline constexpr std::uint32_t kMask = 0x3000;
inline constexpr std::uint32_t kForeignMark = 0xc4000001;  // bits which are not ours
inline constexpr std::uint32_t kTunnelIfindex = 77;
inline constexpr std::uint16_t kMtu = 1440;           // of ready peers
inline constexpr std::uint16_t kBypassedPort = 6443;  // TCP; ICMP is bypassed as well
inline constexpr std::uint8_t kMissingUnderlay = 5;
inline constexpr std::uint32_t kMissingTunnel = 3;

// Node N owns 10.N.0.0/24, fd10:N::/64 as pod prefixes and 192.168.50.N, fd50::N as addresses. Node
// 1 is self. The state of the others:
inline constexpr std::uint32_t kReady = WGS_PEER_FIRST;  // node 2; it owns 10.3.0.128/25 as well
inline constexpr std::uint32_t kWaiting = kReady + 1;    // 3
inline constexpr std::uint32_t kNoKey = kReady + 2;      // 4
inline constexpr std::uint32_t kConflict = kReady + 3;   // 5
inline constexpr std::uint32_t kStalled = kReady + 4;    // 6
inline constexpr std::uint32_t kTunnelMissing = kReady + 5;  // 7: ready, by devices not there
inline constexpr std::uint32_t kUnused = kReady + 6;         // 8: a slot without a state
inline constexpr std::uint32_t kOutsideTable = kReady + 7;   // 9: beyond the peer table
// 10.0.0.0/8 and fd10::/16 are cluster prefixes; node 20 is gone.

struct Expected {
    std::int32_t action = 0;
    wgs_reason reason = WGS_REASON_none;
    std::uint32_t peer = 0;               // id in the decision
    std::size_t l3_offset = 14;           // what is before it is not counted
    std::optional<Bytes> packet{};        // none: as it went in
    std::optional<std::uint32_t> mark{};  // none: as it went in
};

class World {
  public:
    // Settings that matter; marks and table sizes are those above.
    struct Options {
        bool require = false;
        bool hosts = false;
        bool overlay = false;
        bool fast = false;
        bool guard_sees_decrypted = false;
        std::uint32_t tunnels = 1;
        bool crypto_latency = false;
    };
    explicit World(Options options);
    // The world for these options; loaded once.
    static World& with(Options options);

    // Runs the hook's program on the packet and compares verdict, all bytes, mark and every
    // counter, then does it again as a probe, which must decide alike and count nothing.
    void check(wgs_hook hook, const Bytes& in, std::uint32_t mark, const Expected& expected) const;

    [[nodiscard]] const Programs& programs() const { return *programs_; }
    [[nodiscard]] const Bpffs& bpffs() const { return bpffs_; }
    [[nodiscard]] const Options& options() const { return options_; }

  private:
    void fill_tables() const;
    void add_prefix(const std::string& prefix, std::uint32_t owner) const;

    Options options_;
    Bpffs bpffs_;
    std::optional<Programs> programs_;
};

// The key for a prefix as text, in a table of its family.
template <class Key>
Key to_key(int family, const std::string& prefix) {
    const auto slash = prefix.find('/');
    Key key{};
    key.length = static_cast<std::uint32_t>(std::stoul(prefix.substr(slash + 1)));
    if (inet_pton(family, prefix.substr(0, slash).c_str(), key.address) != 1)
        throw std::invalid_argument(prefix);
    return key;
}

// Set-up that must work; throws what failed.
void must(const Status& status);

// Every combination that matters: `hosts` includes what `overlay` adds.
inline constexpr std::array kAllOptions{
    World::Options{.require = false, .hosts = false, .overlay = false},
    World::Options{.require = false, .hosts = false, .overlay = true},
    World::Options{.require = false, .hosts = true, .overlay = false},
    World::Options{.require = true, .hosts = false, .overlay = false},
    World::Options{.require = true, .hosts = false, .overlay = true},
    World::Options{.require = true, .hosts = true, .overlay = true}};

// "require_hosts": what tests with these options are called.
std::string options_name(const testing::TestParamInfo<World::Options>& info);

// All rows that the world puts into the prefix tables: "10.1.0.0/24" and owner word.
struct PrefixRow {
    std::string prefix;
    std::uint32_t owner;
};
std::vector<PrefixRow> world_prefixes();
// What the world puts into the peer table.
wgs_peer world_peer(std::uint32_t id);

}  // namespace wgs
