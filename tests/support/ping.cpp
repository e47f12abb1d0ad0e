// SPDX-License-Identifier: Apache-2.0
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/support/socket_address.h"
#include "tests/support/traffic.h"

namespace wgs::test {
namespace {

constexpr Millis kBetweenPings = 100ms;

// Type, code, checksum, identifier, sequence number, and some payload; the same for both families.
struct Echo {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint16_t checksum = 0;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    std::array<std::uint8_t, 48> payload{};
};

struct Reply {
    Echo echo;
    int ttl = 0;
};

// RFC 1071. The kernel does this for ICMPv6 only.
std::uint16_t checksum(const Echo& echo) {
    std::array<std::uint16_t, sizeof(Echo) / 2> words{};
    std::memcpy(words.data(), &echo, sizeof echo);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words)
        sum += word;
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16)));
}

Echo make_request(Family family) {
    static std::atomic<std::uint16_t> sequence = 0;
    Echo echo{
        .type = family == Family::v4 ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST},
        .identifier = static_cast<std::uint16_t>(::getpid()),
        .sequence = ++sequence};
    if (family == Family::v4) echo.checksum = checksum(echo);
    return echo;
}

UniqueFd open_socket(const NetNamespace& from, const IpAddress& to) {
    const bool v4 = to.family() == Family::v4;
    UniqueFd fd =
        from.socket(domain_of(to), SOCK_RAW, v4 ? static_cast<int>(IPPROTO_ICMP) : IPPROTO_ICMPV6);
    const int on = 1;
    if (!v4) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
    return fd;
}

int hop_limit(msghdr& message) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != IPPROTO_IPV6 || item->cmsg_type != IPV6_HOPLIMIT) continue;
        int value = 0;
        std::memcpy(&value, CMSG_DATA(item), sizeof value);
        return value;
    }
    return -1;
}

// A raw IPv4 socket delivers the IP header too, a raw IPv6 socket does not.
std::optional<Reply> receive(int fd, Family family) {
    std::array<std::uint8_t, 1500> buffer{};
    std::array<std::uint8_t, 64> control{};
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(fd, &message, MSG_DONTWAIT);
    const std::size_t header =
        family == Family::v4 ? static_cast<std::size_t>(buffer[0] & 0x0f) * 4 : 0;
    if (length < static_cast<ssize_t>(header + sizeof(Echo))) return std::nullopt;

    Reply reply;
    std::memcpy(&reply.echo, buffer.data() + header, sizeof reply.echo);
    reply.ttl = family == Family::v4 ? buffer[8] : hop_limit(message);
    return reply;
}

bool answers(const Reply& reply, const Echo& request, Family family) {
    const int wanted = family == Family::v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
    return reply.echo.type == wanted && reply.echo.identifier == request.identifier &&
           reply.echo.sequence == request.sequence;
}

std::optional<int> await_reply(int fd, const Echo& request, Family family, Millis timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left =
            std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        if (left <= 0 || ::poll(&entry, 1, static_cast<int>(left)) <= 0) return std::nullopt;
        const std::optional<Reply> reply = receive(fd, family);
        if (reply && answers(*reply, request, family)) return reply->ttl;
    }
}

}  // namespace

std::optional<int> ping(const NetNamespace& from, const IpAddress& to, Millis timeout) {
    const UniqueFd fd = open_socket(from, to);
    const Echo request = make_request(to.family());
    const SocketAddress address(to, 0);
    if (::sendto(fd.get(), &request, sizeof request, 0, address.get(), address.size()) < 0) {
        return std::nullopt;  // no route, or a device that is gone: unreachable like a lost packet
    }
    return await_reply(fd.get(), request, to.family(), scaled(timeout));
}

bool reaches(const NetNamespace& from, const IpAddress& to, Millis timeout) {
    return eventually(timeout, [&] {
        if (ping(from, to, 300ms)) return true;
        std::this_thread::sleep_for(kBetweenPings);
        return false;
    });
}

}  // namespace wgs::test
