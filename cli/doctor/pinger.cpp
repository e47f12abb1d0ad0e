// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/pinger.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

namespace wgs::cli {
namespace {

constexpr std::uint32_t kIcmpHeader = 8;
constexpr std::uint32_t kTimestamp = 20;   // ICMP header and three times
constexpr std::int64_t kDay = 86'400'000;  // in ms

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress socket_address(const IpAddress& address) {
    SocketAddress result;
    const auto bytes = address.bytes();
    if (address.family() == Family::v4) {
        sockaddr_in v4{.sin_family = AF_INET};
        std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&result.storage, &v4, sizeof(v4));
        result.size = sizeof(v4);
    } else {
        sockaddr_in6 v6{.sin6_family = AF_INET6};
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        std::memcpy(&result.storage, &v6, sizeof(v6));
        result.size = sizeof(v6);
    }
    return result;
}

void set(int socket, int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof(value));
}

// Sizes up to the device's MTU leave, whatever the kernel has learnt of the way.
void forbid_fragments(int socket, Family family) {
    if (family == Family::v4) {
        set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
        set(socket, IPPROTO_IP, IP_RECVERR, 1);
    } else {
        set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
        set(socket, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
        set(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    }
}

// RFC 1071.
std::uint16_t checksum(std::span<const std::uint8_t> data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < data.size(); i += 2)
        sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
    if (data.size() % 2 != 0) sum += static_cast<std::uint32_t>(data.back() << 8);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

void put16(std::span<std::uint8_t> data, std::size_t at, std::uint16_t value) {
    data[at] = static_cast<std::uint8_t>(value >> 8);
    data[at + 1] = static_cast<std::uint8_t>(value & 0xff);
}

void put32(std::span<std::uint8_t> data, std::size_t at, std::uint32_t value) {
    put16(data, at, static_cast<std::uint16_t>(value >> 16));
    put16(data, at + 2, static_cast<std::uint16_t>(value & 0xffff));
}

std::uint16_t get16(std::span<const std::uint8_t> data, std::size_t at) {
    return static_cast<std::uint16_t>(data[at] << 8 | data[at + 1]);
}

std::uint32_t get32(std::span<const std::uint8_t> data, std::size_t at) {
    return static_cast<std::uint32_t>(get16(data, at)) << 16 | get16(data, at + 2);
}

std::uint32_t milliseconds_of_day() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count() % kDay);
}

std::uint32_t ip_header(Family family) {
    return family == Family::v4 ? 20 : 40;
}

std::string name_of(const sock_extended_err& error, Family family) {
    const auto* offender = reinterpret_cast<const char*>(SO_EE_OFFENDER(&error));
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family == Family::v4) {
        sockaddr_in address{};
        std::memcpy(&address, offender, sizeof(address));
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    } else {
        sockaddr_in6 address{};
        std::memcpy(&address, offender, sizeof(address));
        ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

}  // namespace

Result<Pinger> Pinger::open(const IpAddress& address) {
    const bool v4 = address.family() == Family::v4;
    UniqueFd socket(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                 v4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6)));
    if (!socket) return os_error(errno, "open a socket for pings");
    forbid_fragments(socket.get(), address.family());
    const SocketAddress to = socket_address(address);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0)
        return os_error(errno, "find the way to " + address.to_string());
    std::random_device random;
    return Pinger(std::move(socket), address.family(), static_cast<std::uint16_t>(random()));
}

// The sequence number is the size, so that an answer says of which it is.
bool Pinger::send(std::uint32_t size) {
    std::vector<std::uint8_t> message(size - ip_header(family_));
    message[0] = family_ == Family::v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    put16(message, 4, id_);
    put16(message, 6, static_cast<std::uint16_t>(size));
    if (family_ == Family::v4) put16(message, 2, checksum(message));
    return ::send(socket_.get(), message.data(), message.size(), 0) >= 0;
}

void Pinger::ask_for_time() {
    if (family_ != Family::v4) return;
    std::vector<std::uint8_t> message(kTimestamp);
    message[0] = ICMP_TIMESTAMP;
    put16(message, 4, id_);
    put32(message, 8, milliseconds_of_day());
    put16(message, 2, checksum(message));
    ::send(socket_.get(), message.data(), message.size(), 0);
}

void Pinger::receive() {
    std::array<std::uint8_t, 65536> buffer{};
    take_errors();
    for (;;) {
        const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno != EAGAIN && errno != EINTR) {
            take_errors();  // one of them was reported in place of a message
            continue;
        }
        if (size < 0) return;
        std::span<const std::uint8_t> packet(buffer.data(), static_cast<std::size_t>(size));
        // IPv4's raw sockets hand out the header too.
        const std::size_t header =
            family_ == Family::v4 && !packet.empty() ? (packet[0] & 0x0fU) * 4 : 0;
        if (packet.size() >= header + kIcmpHeader) take(packet.subspan(header));
    }
}

void Pinger::take(std::span<const std::uint8_t> message) {
    const std::uint8_t echo = family_ == Family::v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
    if (get16(message, 4) != id_) return;
    if (message[0] == echo)
        largest_ = std::max(largest_, static_cast<std::uint32_t>(get16(message, 6)));
    if (family_ != Family::v4 || message[0] != ICMP_TIMESTAMPREPLY || message.size() < kTimestamp)
        return;
    const std::int64_t asked = get32(message, 8);
    const std::int64_t middle = (asked + std::int64_t{milliseconds_of_day()}) / 2;
    std::int64_t ahead = (middle - std::int64_t{get32(message, 12)}) % kDay;
    if (ahead > kDay / 2) ahead -= kDay;
    if (ahead < -kDay / 2) ahead += kDay;
    ahead_ = std::chrono::milliseconds(ahead);
}

void Pinger::take_errors() {
    for (;;) {
        alignas(cmsghdr) std::array<char, 512> control{};
        msghdr message{.msg_control = control.data(), .msg_controllen = control.size()};
        if (::recvmsg(socket_.get(), &message, MSG_ERRQUEUE) < 0) return;
        for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
             part = CMSG_NXTHDR(&message, part)) {
            const bool ours = part->cmsg_type == IP_RECVERR || part->cmsg_type == IPV6_RECVERR;
            if (!ours) continue;
            const auto& error = *reinterpret_cast<const sock_extended_err*>(CMSG_DATA(part));
            if (error.ee_errno != EMSGSIZE) continue;
            complaint_ = error.ee_origin == SO_EE_ORIGIN_LOCAL ? "this node's route"
                                                               : name_of(error, family_);
            complaint_mtu_ = error.ee_info;
        }
    }
}

}  // namespace wgs::cli
