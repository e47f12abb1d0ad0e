// SPDX-License-Identifier: Apache-2.0
// The attached programs on real devices: a veth is the NIC, and a tun device, of which the test is
// the other side, stands in for WireGuard.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox.h"
#include "skeletons/hooks.h"
#include "world.h"

namespace wgs {

inline constexpr std::size_t kLargest = 9000;

UniqueFd open_packet_socket(unsigned ifindex, bool with_virtio_header);
// The next packet that equals `wanted`; others, such as the kernel's own discovery, are skipped.
testing::AssertionResult receives(int fd, const Bytes& wanted);

class Live : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    // Largest inner packet for the ready peer.
    void set_mtu(std::uint16_t mtu) const;
    // Puts a frame on its way out of the NIC.
    static void send(const Bytes& frame);
    // The same, whatever the sender is told about it.
    static void try_send(const Bytes& frame, int times = 1);
    // The same, in an skb whose head holds the Ethernet header only.
    static void send_in_pages(const Bytes& frame);
    [[nodiscard]] std::uint64_t counted(wgs_hook hook, wgs_reason reason) const;

    World world_{World::Options{}};
    Bpffs bpffs_{new_bpffs_path()};
    Hooks hooks_{bpffs_};
    UniqueFd tun_;

  private:
    void attach(const char* device, wgs_hook hook) const;
};

}  // namespace wgs
