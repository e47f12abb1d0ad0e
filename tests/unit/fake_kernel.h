// SPDX-License-Identifier: Apache-2.0
// A kernel in memory: WireGuard with its allowed-IP rules, BPF tables, devices. It can fail the
// n-th call and lets a test look at the state after every single change.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/ports.h"

namespace wgs::test {

// What becomes of a packet from one of our own pods to `destination`.
struct Outcome {
    enum class Kind { clear, dropped, encrypted, lost };
    Kind kind = Kind::clear;
    PublicKey peer;  // when encrypted
    bool operator==(const Outcome&) const = default;
};

class FakeKernel {
  public:
    // `own_keys`: of each tunnel.
    explicit FakeKernel(const std::vector<PublicKey>& own_keys);
    FakeKernel(const FakeKernel&) = delete;
    FakeKernel& operator=(const FakeKernel&) = delete;

    // The n-th call from now on (1 = the next) fails once; 0: none does.
    void fail_call(int nth) { calls_until_failure_ = nth; }
    [[nodiscard]] bool failure_pending() const { return calls_until_failure_ > 0; }
    // Called after every change.
    void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

    [[nodiscard]] Outcome outcome(const IpAddress& destination, Policy policy) const;
    // Whether clear text of this flow would be called a leak.
    [[nodiscard]] bool watches(const IpAddress& source, const IpAddress& destination) const;
    // A handshake with the peer completes, in whichever tunnel it is.
    void handshake(const PublicKey& peer,
                   Clock::time_point when = Clock::time_point(std::chrono::hours(1)));

    // The state itself, for tests to read and to change behind the agent's back.
    std::vector<std::optional<TunnelState>> tunnels;  // by TunnelIndex
    std::optional<TunnelState>& tunnel;               // the first one
    SteeringState steering;
    std::vector<Underlay> underlays;
    std::set<std::uint16_t> foreign_tunnels;
    std::map<IpAddress, std::uint32_t> routes;
    LocalPods pods;
    std::vector<std::string> log;  // names of the changing calls
    int looks = 0;                 // calls of the others

    std::vector<std::reference_wrapper<WireguardDevice>> wireguard();
    Steering& tables();
    Links& links();

  private:
    class FakeWireguard;
    class FakeSteering;
    class FakeLinks;
    Status enter(const std::string& call);
    void changed() const {
        if (changed_) changed_();
    }

    std::uint32_t next_ifindex_ = 10;
    int calls_until_failure_ = 0;
    std::function<void()> changed_;
    std::vector<std::shared_ptr<WireguardDevice>> wireguard_;
    std::shared_ptr<Steering> steering_;
    std::shared_ptr<Links> links_;
};

}  // namespace wgs::test
