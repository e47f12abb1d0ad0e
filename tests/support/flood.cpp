// SPDX-License-Identifier: Apache-2.0
#include "tests/support/flood.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "tests/support/environment.h"

namespace wgs::test {
namespace {

constexpr std::size_t kMessageSize = 148;
constexpr std::uint8_t kInitiation = 1;
constexpr auto kBurstInterval = 1ms;
constexpr std::size_t kBatch = 64;

ifreq ask_device(const NetNamespace& ns, const std::string& device, unsigned long what) {
    const UniqueFd socket = ns.socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request = {};
    device.copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(socket.get(), what, &request) != 0) broken_call("inspect device " + device);
    return request;
}

// RFC 1071, over 20 bytes.
std::uint16_t header_checksum(const iphdr& header) {
    std::array<std::uint16_t, sizeof header / 2> words = {};
    std::memcpy(words.data(), &header, sizeof header);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words)
        sum += word;
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

}  // namespace

std::array<std::uint8_t, 6> mac_of(const NetNamespace& ns, const std::string& device) {
    const ifreq answer = ask_device(ns, device, SIOCGIFHWADDR);
    std::array<std::uint8_t, 6> mac = {};
    std::memcpy(mac.data(), answer.ifr_hwaddr.sa_data, mac.size());
    return mac;
}

HandshakeFlood::HandshakeFlood(const NetNamespace& from, const std::string& device,
                               const FloodTarget& target, const ForgedSources& sources,
                               int per_second)
    : socket_(from.socket(AF_PACKET, SOCK_RAW, 0)) {
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = ask_device(from, device, SIOCGIFINDEX).ifr_ifindex;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        broken_call("bind to " + device);
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    make_frames(target, sources);
    sender_ = std::thread([this, per_second] { send(per_second); });
}

HandshakeFlood::~HandshakeFlood() {
    stop();
}

std::uint64_t HandshakeFlood::stop() {
    sending_ = false;
    if (sender_.joinable()) sender_.join();
    return sent_;
}

void HandshakeFlood::make_frames(const FloodTarget& target, const ForgedSources& sources) {
    ethhdr ethernet = {};
    std::ranges::copy(target.mac, ethernet.h_dest);
    ethernet.h_source[0] = 2;
    ethernet.h_proto = htons(ETH_P_IP);
    udphdr udp = {};
    udp.source = htons(target.port);
    udp.dest = htons(target.port);
    udp.len = htons(sizeof udp + kMessageSize);
    iphdr ip = {};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.tot_len = htons(sizeof ip + sizeof udp + kMessageSize);
    std::memcpy(&ip.daddr, target.address.data(), sizeof ip.daddr);
    std::uint32_t first = 0;
    std::memcpy(&first, sources.first.data(), sizeof first);
    for (std::uint32_t i = 0; i < sources.count; ++i) {
        ip.saddr = htonl(ntohl(first) + i);
        ip.check = 0;
        ip.check = header_checksum(ip);
        Frame frame;
        frame.fill(0x5a);
        std::memcpy(frame.data(), &ethernet, sizeof ethernet);
        std::memcpy(&frame[14], &ip, sizeof ip);
        std::memcpy(&frame[34], &udp, sizeof udp);
        std::ranges::copy(std::array<std::uint8_t, 4>{kInitiation}, &frame[42]);
        frames_.push_back(frame);
    }
}

void HandshakeFlood::send(int per_second) {
    const auto begin = std::chrono::steady_clock::now();
    auto due = begin;
    while (sending_) {
        const std::chrono::duration<double> since = std::chrono::steady_clock::now() - begin;
        const auto owed = static_cast<std::uint64_t>(since.count() * per_second);
        while (sending_ && sent_ < owed)
            send_burst(std::min<std::uint64_t>(kBatch, owed - sent_));
        due += kBurstInterval;
        std::this_thread::sleep_until(due);
    }
}

void HandshakeFlood::send_burst(std::size_t count) {
    std::array<iovec, kBatch> parts = {};
    std::array<mmsghdr, kBatch> messages = {};
    for (std::size_t i = 0; i < count; ++i) {
        Frame& frame = frames_[next_++ % frames_.size()];
        parts[i] = {.iov_base = frame.data(), .iov_len = frame.size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    // What does not fit the device's queue is lost, as it would be on a wire.
    ::sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), 0);
    sent_ += count;
}

}  // namespace wgs::test
