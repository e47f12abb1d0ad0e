// SPDX-License-Identifier: Apache-2.0
// Two nodes with a pod each, whose NICs face each other, with real WireGuard between them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bench/lab/dataplane.h"
#include "bench/path/host.h"
#include "kernel/wireguard.h"
#include "model/key.h"
#include "tests/support/net_namespace.h"

namespace wgs::bench {

// One of the two; `number` is 1 or 2.
class StreamNode {
  public:
    StreamNode(int number, Steering steering, std::filesystem::path directory);
    ~StreamNode();
    StreamNode(const StreamNode&) = delete;
    StreamNode& operator=(const StreamNode&) = delete;

    [[nodiscard]] const test::NetNamespace& host() const { return host_; }
    [[nodiscard]] const test::NetNamespace& pod() const { return pod_; }
    [[nodiscard]] IpAddress pod_address() const;

    // Once the NICs are connected.
    void add_routes() const;
    void add_netfilter() const;
    // Encrypts to the other node, whose key is `other`, and steers to it.
    void encrypt(const PublicKey& other);
    [[nodiscard]] PublicKey key() const { return key_.public_key(); }
    [[nodiscard]] BackendKind backend() const { return device_->kind(); }

  private:
    [[nodiscard]] std::string device_name() const;
    [[nodiscard]] std::uint32_t index_of(const std::string& device) const;
    void open_device(const PublicKey& other);
    void steer_by_routes() const;
    void steer_by_programs();
    void fill_tables();

    int number_;
    Steering steering_;
    std::filesystem::path directory_;
    test::NetNamespace host_{"node"};
    test::NetNamespace pod_{"pod"};
    PrivateKey key_ = PrivateKey::generate();
    std::unique_ptr<WireguardBackend> device_;
    std::unique_ptr<Dataplane> dataplane_;
};

class Pair {
  public:
    // Below `directory` is what wireguard-go needs.
    Pair(Steering steering, Rules rules, const std::filesystem::path& directory);

    [[nodiscard]] const StreamNode& sender() const { return first_; }
    [[nodiscard]] const StreamNode& receiver() const { return second_; }

  private:
    StreamNode first_;
    StreamNode second_;
};

}  // namespace wgs::bench
