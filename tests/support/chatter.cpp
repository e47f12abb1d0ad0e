// SPDX-License-Identifier: Apache-2.0
#include "tests/support/chatter.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "tests/support/environment.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kPort = 7003;
constexpr Millis kPause = 3ms;  // one endpoint has its say between two of them
// Small, common, and more than a tunnel takes: in pieces over IPv4, refused over IPv6.
constexpr std::array<std::size_t, 5> kSizes = {16, 500, 16, 1300, 1440};
constexpr std::size_t kGroups = 16;
constexpr int kNobody = 0;

using Payload = std::array<std::uint8_t, 1500>;

UniqueFd open_socket(const NetNamespace& ns, const IpAddress& address) {
    UniqueFd fd = ns.socket(domain_of(address), SOCK_DGRAM, 0);
    const int never = IP_PMTUDISC_DONT;
    if (address.family() == Family::v4)
        ::setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
    const SocketAddress local(address, kPort);
    if (::bind(fd.get(), local.get(), local.size()) != 0) broken_call("bind chatter");
    return fd;
}

}  // namespace

Chatter::Chatter() : speaker_([this] { run(); }) {}

Chatter::~Chatter() {
    ending_ = true;
    speaker_.join();
}

void Chatter::add(int group, const NetNamespace& ns, const IpAddress& address) {
    Endpoint added{.group = group,
                   .address = address,
                   .socket = open_socket(ns, address),
                   .arrived = std::vector<std::uint64_t>(kGroups)};
    const std::lock_guard lock(mutex_);
    endpoints_.push_back(std::move(added));
}

void Chatter::add_listener(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    endpoints_.push_back({.group = kNobody, .address = address});
}

std::uint64_t Chatter::arrived(int from, int at, Family family) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t count = 0;
    for (const Endpoint& endpoint : endpoints_) {
        if (endpoint.group == at && endpoint.address.family() == family)
            count += endpoint.arrived.at(static_cast<std::size_t>(from));
    }
    return count;
}

void Chatter::run() {
    for (std::size_t turn = 0; !ending_; ++turn) {
        {
            const std::lock_guard lock(mutex_);
            if (!endpoints_.empty()) speak(endpoints_[turn % endpoints_.size()]);
            for (Endpoint& endpoint : endpoints_)
                listen(endpoint);
        }
        std::this_thread::sleep_for(kPause);
    }
}

// The first byte says who speaks. A datagram that the local stack refuses is one less on the wire.
// Sizes are drawn: in turn, who has a small MTU could always get what is too large.
void Chatter::speak(Endpoint& from) {
    if (!from.socket) return;
    Payload payload{static_cast<std::uint8_t>(from.group)};
    for (const Endpoint& to : endpoints_) {
        if (to.group == from.group || to.address.family() != from.address.family()) continue;
        const SocketAddress address(to.address, kPort);
        const std::size_t size = kSizes.at(draw_() % kSizes.size());
        if (::sendto(from.socket.get(), payload.data(), size, MSG_DONTWAIT, address.get(),
                     address.size()) > 0)
            ++sent_;
    }
}

void Chatter::listen(Endpoint& at) {
    Payload payload;
    while (at.socket && ::recv(at.socket.get(), payload.data(), payload.size(), MSG_DONTWAIT) > 0)
        ++at.arrived.at(payload[0] % kGroups);
}

}  // namespace wgs::test
