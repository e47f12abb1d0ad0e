// SPDX-License-Identifier: Apache-2.0
#include "bench/stream/tcp_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <vector>

#include "bench/lab/must.h"
#include "tests/support/socket_address.h"

namespace wgs::bench {
namespace {

constexpr std::uint16_t kPort = 7010;
constexpr std::size_t kChunk = 1 << 17;
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

UniqueFd listen_at(const test::NetNamespace& ns, const test::SocketAddress& address, int domain) {
    UniqueFd listener = ns.socket(domain, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    must_call(::bind(listener.get(), address.get(), address.size()) == 0 &&
                  ::listen(listener.get(), 1) == 0,
              "listen for a stream");
    return listener;
}

}  // namespace

TcpStream::TcpStream(const test::NetNamespace& from, const test::NetNamespace& to,
                     const IpAddress& address)
    : sender_(from.socket(test::domain_of(address), SOCK_STREAM, 0)) {
    const test::SocketAddress target(address, kPort);
    const UniqueFd listener = listen_at(to, target, test::domain_of(address));
    ::setsockopt(sender_.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    must_call(::connect(sender_.get(), target.get(), target.size()) == 0, "connect a stream");
    receiver_ = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    must_call(static_cast<bool>(receiver_), "accept a stream");
    thread_ = std::thread([this] { send(); });
}

TcpStream::~TcpStream() {
    ::shutdown(sender_.get(), SHUT_RDWR);
    thread_.join();
}

double TcpStream::measure(std::chrono::milliseconds duration) {
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t bytes = 0;
    std::vector<std::uint8_t> buffer(kChunk);
    pollfd readable{.fd = receiver_.get(), .events = POLLIN, .revents = 0};
    while (std::chrono::steady_clock::now() < begin + duration) {
        if (::poll(&readable, 1, 50) <= 0) continue;
        bytes += static_cast<std::uint64_t>(
            std::max<ssize_t>(0, ::recv(receiver_.get(), buffer.data(), buffer.size(), 0)));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(bytes) * 8 / took.count() / 1e6;
}

void TcpStream::send() const {
    const std::vector<std::uint8_t> buffer(kChunk, 0x5a);
    while (::send(sender_.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL) > 0) {
    }
}

}  // namespace wgs::bench
