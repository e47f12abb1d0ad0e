// SPDX-License-Identifier: Apache-2.0
// Everybody talks to everybody, so that whatever may leak does.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "model/ip.h"
#include "tests/support/net_namespace.h"

namespace wgs::test {

// Endpoints that send each other UDP datagrams of several sizes all the time: every endpoint to
// every other one of its family that belongs to another group.
class Chatter {
  public:
    Chatter();
    ~Chatter();
    Chatter(const Chatter&) = delete;
    Chatter& operator=(const Chatter&) = delete;

    // From now on `address`, which is of `ns`, talks and is talked to. `group` says whose it is.
    void add(int group, const NetNamespace& ns, const IpAddress& address);
    // Everybody of its family talks to `address` as well, whoever has it just now.
    void add_listener(const IpAddress& address);
    // How many datagrams have arrived from one group at another, in one family.
    [[nodiscard]] std::uint64_t arrived(int from, int at, Family family) const;
    [[nodiscard]] std::uint64_t sent() const { return sent_; }

  private:
    struct Endpoint {
        int group;
        IpAddress address;
        UniqueFd socket;                     // none: it only listens
        std::vector<std::uint64_t> arrived;  // by the sender's group
    };

    void run();
    void speak(Endpoint& from);
    static void listen(Endpoint& at);

    mutable std::mutex mutex_;
    std::vector<Endpoint> endpoints_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<bool> ending_ = false;
    std::minstd_rand draw_;
    std::thread speaker_;
};

}  // namespace wgs::test
