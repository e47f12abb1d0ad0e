// SPDX-License-Identifier: Apache-2.0
#include "tests/support/capture.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "tests/support/environment.h"

namespace wgs::test {
namespace {

constexpr int kReceiveBuffer = 64 << 20;
constexpr std::size_t kSamples = 5;
constexpr int kPollMs = 50;

std::uint64_t missed_frames(int fd) {
    tpacket_stats stats = {};
    socklen_t size = sizeof stats;
    if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) {
        broken_call("read capture statistics");
    }
    return stats.tp_drops;
}

}  // namespace

Capture::Capture(const NetNamespace& ns, WireRules rules)
    : rules_(std::move(rules)), socket_(ns.socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
    listener_ = std::thread([this] { listen(); });
}

Capture::~Capture() {
    ending_ = true;
    if (listener_.joinable()) listener_.join();
}

WireCounts Capture::stop() {
    ending_ = true;
    listener_.join();
    counts_.missed = missed_frames(socket_.get());
    return counts_;
}

void Capture::listen() {
    pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    while (!ending_) {
        ::poll(&entry, 1, kPollMs);
        while (take_frame()) {
        }
    }
    while (take_frame()) {
    }
}

bool Capture::take_frame() {
    std::array<std::uint8_t, 256> head;
    sockaddr_ll from = {};
    socklen_t size = sizeof from;
    const ssize_t length = ::recvfrom(socket_.get(), head.data(), head.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 0) return false;
    if (from.sll_pkttype != PACKET_OUTGOING && from.sll_hatype != ARPHRD_LOOPBACK) {
        count(std::span(head).first(static_cast<std::size_t>(length)));
    }
    return true;
}

void Capture::count(std::span<const std::uint8_t> frame) {
    switch (classify(frame, rules_)) {
        case FrameKind::wireguard:
            ++counts_.wireguard;
            break;
        case FrameKind::neighbour:
            ++counts_.neighbour;
            break;
        case FrameKind::clear:
            ++counts_.clear;
            seen_clear_ = true;
            if (counts_.clear_samples.size() < kSamples) {
                counts_.clear_samples.push_back(hex_head(frame));
            }
            break;
        case FrameKind::piece:
            ++counts_.pieces;
            break;
        case FrameKind::other:
            ++counts_.other;
            break;
    }
}

}  // namespace wgs::test
