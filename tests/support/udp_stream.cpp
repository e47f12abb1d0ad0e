// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "tests/support/socket_address.h"
#include "tests/support/traffic.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kPort = 7002;
constexpr int kReceiveBuffer = 8 << 20;
constexpr int kPollMs = 50;
constexpr Millis kStragglers = 1s;
constexpr std::size_t kPayload = 200;
constexpr int kLossesShown = 8;
constexpr int kMostBehind = 20;  // packets

using Payload = std::array<std::uint8_t, kPayload>;

UniqueFd open_socket(const NetNamespace& ns, int domain) {
    UniqueFd fd = ns.socket(domain, SOCK_DGRAM, 0);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
    return fd;
}

bool readable(int fd) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, kPollMs) > 0;
}

}  // namespace

UdpStream::UdpStream(const NetNamespace& from, const IpAddress& to, const NetNamespace& at,
                     int rate)
    : rate_(rate),
      client_(open_socket(from, domain_of(to))),
      server_(open_socket(at, domain_of(to))) {
    const SocketAddress address(to, kPort);
    if (::bind(server_.get(), address.get(), address.size()) != 0) broken_call("bind UDP server");
    if (::connect(client_.get(), address.get(), address.size()) != 0) {
        broken_call("connect UDP client");
    }
    echoer_ = std::thread([this] { echo(); });
    collector_ = std::thread([this] { collect(); });
    sender_ = std::thread([this] { send(); });
}

UdpStream::~UdpStream() {
    join();
}

StreamReport UdpStream::stop() {
    sending_ = false;
    sender_.join();
    std::this_thread::sleep_for(scaled(kStragglers));
    join();
    StreamReport report = echoes_;
    report.sent = sent_;
    report.arrived = arrived_;
    int shown = 0;
    for (std::uint64_t number = 0; number < report.sent && shown < kLossesShown; ++number) {
        if (number < seen_.size() && seen_[number]) continue;
        report.first_losses += fmt::format("{} ", number);
        ++shown;
    }
    return report;
}

void UdpStream::join() {
    sending_ = false;
    receiving_ = false;
    for (std::thread* thread : {&sender_, &echoer_, &collector_}) {
        if (thread->joinable()) thread->join();
    }
}

// A packet that the local stack refuses counts as sent: for the user it is lost.
void UdpStream::send() {
    const auto interval = std::chrono::nanoseconds(1s) / rate_;
    auto due = std::chrono::steady_clock::now();
    Payload payload{};
    while (sending_) {
        const std::uint64_t number = sent_;
        std::memcpy(payload.data(), &number, sizeof number);
        static_cast<void>(::send(client_.get(), payload.data(), payload.size(), 0));
        ++sent_;
        // Who was kept from running must not fill the queues at once.
        due = std::max(due + interval, std::chrono::steady_clock::now() - kMostBehind * interval);
        std::this_thread::sleep_until(due);
    }
}

void UdpStream::echo() {
    Payload payload;
    while (receiving_) {
        if (!readable(server_.get())) continue;
        sockaddr_storage peer = {};
        socklen_t size = sizeof peer;
        auto* address = reinterpret_cast<sockaddr*>(&peer);
        const ssize_t length =
            ::recvfrom(server_.get(), payload.data(), payload.size(), MSG_DONTWAIT, address, &size);
        if (length <= 0) continue;
        ++arrived_;
        ::sendto(server_.get(), payload.data(), static_cast<std::size_t>(length), 0, address, size);
    }
}

void UdpStream::collect() {
    Payload payload;
    while (receiving_) {
        if (!readable(client_.get())) continue;
        const ssize_t length = ::recv(client_.get(), payload.data(), payload.size(), MSG_DONTWAIT);
        if (length < static_cast<ssize_t>(sizeof(std::uint64_t))) continue;
        std::uint64_t number = 0;
        std::memcpy(&number, payload.data(), sizeof number);
        note_echo(number);
    }
}

void UdpStream::note_echo(std::uint64_t number) {
    if (number >= seen_.size()) seen_.resize(number + 1);
    if (seen_[number]) {
        ++echoes_.duplicated;
        return;
    }
    seen_[number] = true;
    ++echoes_.echoed;
    if (number < highest_) ++echoes_.reordered;
    highest_ = std::max(highest_, number);
}

}  // namespace wgs::test
