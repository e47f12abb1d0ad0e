// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <future>

#include "tests/support/socket_address.h"
#include "tests/support/traffic.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kPort = 7001;
constexpr std::size_t kChunk = 16384;

using Deadline = std::chrono::steady_clock::time_point;

// What the receiver saw, sent back to the sender.
struct Digest {
    std::uint64_t bytes = 0;
    std::uint64_t sum = 14695981039346656037ULL;  // FNV-1a

    void add(std::span<const std::uint8_t> data) {
        bytes += data.size();
        for (const std::uint8_t byte : data)
            sum = (sum ^ byte) * 1099511628211ULL;
    }
    bool operator==(const Digest&) const = default;
};

bool await(int fd, short events, Deadline deadline) {
    const auto left =
        std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    return left > 0 && ::poll(&entry, 1, static_cast<int>(left)) > 0;
}

void use_nonblocking(const UniqueFd& fd) {
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
}

// At every address: on the way the destination may be translated.
UniqueFd listen_at(const NetNamespace& at, Family family) {
    const IpAddress any = IpAddress::parse(family == Family::v4 ? "0.0.0.0" : "::").value();
    UniqueFd fd = at.socket(domain_of(any), SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const SocketAddress local(any, kPort);
    if (::bind(fd.get(), local.get(), local.size()) != 0) broken_call("bind TCP server");
    if (::listen(fd.get(), 1) != 0) broken_call("listen");
    use_nonblocking(fd);
    return fd;
}

// Reads to the end of the stream, then answers with what was read.
void serve(int listener, Deadline deadline) {
    if (!await(listener, POLLIN, deadline)) return;
    const UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    Digest digest;
    std::array<std::uint8_t, kChunk> buffer;
    while (await(connection.get(), POLLIN, deadline)) {
        const ssize_t count = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0) break;
        digest.add(std::span(buffer).first(static_cast<std::size_t>(count)));
    }
    ::send(connection.get(), &digest, sizeof digest, MSG_NOSIGNAL);
}

bool connect_to(const UniqueFd& fd, const IpAddress& address, Deadline deadline) {
    use_nonblocking(fd);
    const SocketAddress remote(address, kPort);
    if (::connect(fd.get(), remote.get(), remote.size()) == 0) return true;
    if (errno != EINPROGRESS || !await(fd.get(), POLLOUT, deadline)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0;
}

// Sends a pattern without a short period, so that shifted data does not look right.
std::optional<Digest> send_pattern(int fd, std::size_t bytes, Deadline deadline) {
    Digest digest;
    std::uint32_t state = 1;
    std::array<std::uint8_t, kChunk> chunk;
    while (digest.bytes < bytes) {
        for (std::uint8_t& byte : chunk) {
            state = state * 1664525 + 1013904223;
            byte = static_cast<std::uint8_t>(state >> 24);
        }
        std::span<const std::uint8_t> left =
            std::span(chunk).first(std::min(chunk.size(), bytes - digest.bytes));
        digest.add(left);
        while (!left.empty()) {
            if (!await(fd, POLLOUT, deadline)) return std::nullopt;
            const ssize_t count = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN) return std::nullopt;
            if (count > 0) left = left.subspan(static_cast<std::size_t>(count));
        }
    }
    ::shutdown(fd, SHUT_WR);
    return digest;
}

bool confirmed(int fd, const Digest& sent, Deadline deadline) {
    Digest received{.bytes = 0, .sum = 0};
    return await(fd, POLLIN, deadline) &&
           ::recv(fd, &received, sizeof received, 0) == ssize_t{sizeof received} &&
           received == sent;
}

}  // namespace

bool tcp_transfer(const NetNamespace& from, const IpAddress& to, const NetNamespace& at,
                  std::size_t bytes, Millis timeout) {
    const Deadline deadline = std::chrono::steady_clock::now() + scaled(timeout);
    const UniqueFd listener = listen_at(at, to.family());
    const UniqueFd client = from.socket(domain_of(to), SOCK_STREAM, 0);
    const auto server = std::async(std::launch::async, [&] { serve(listener.get(), deadline); });
    if (!connect_to(client, to, deadline)) return false;
    const std::optional<Digest> sent = send_pattern(client.get(), bytes, deadline);
    return sent && confirmed(client.get(), *sent, deadline);
}

}  // namespace wgs::test
