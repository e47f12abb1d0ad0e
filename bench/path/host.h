// SPDX-License-Identifier: Apache-2.0
// A node with a pod, a NIC and a tunnel device, in network namespaces of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bench/lab/dataplane.h"
#include "bench/lab/prefixes.h"
#include "tests/support/net_namespace.h"

namespace wgs::bench {

enum class Steering {
    dropped,      // packets from the pod end where they come in: what making them costs
    plain,        // forwarded to the NIC in clear
    calico,       // Felix' rule and table
    transparent,  // ours, at the NIC
    fast,         // ours, at the pod's veth
};
std::string to_string(Steering steering);

enum class Rules { none, netfilter };
std::string to_string(Rules rules);

// The addresses are the same in every host.
inline constexpr const char* kPodAddress = "192.168.100.2";
inline constexpr const char* kPodMac = "02:00:00:00:01:02";
inline constexpr const char* kPodGatewayMac = "02:00:00:00:01:01";
inline constexpr const char* kNicMac = "02:00:00:00:02:01";
inline constexpr const char* kWireMac = "02:00:00:00:02:02";

struct HostOptions {
    Steering steering = Steering::plain;
    Rules rules = Rules::none;
    std::filesystem::path bpffs;  // for what is its own
    std::uint32_t peers = 8;
};

class Host {
  public:
    // What arrives at the pod or on the wire, `sink` drops. Borrowed.
    Host(HostOptions options, const std::vector<OwnedPrefix>& prefixes, int sink);
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    [[nodiscard]] const HostOptions& options() const { return options_; }
    [[nodiscard]] const test::NetNamespace& ns() const { return host_; }
    [[nodiscard]] std::uint32_t pod_link() const;  // the host's end of the pod's veth
    [[nodiscard]] std::uint32_t nic() const;

    // Packets that were handed to a device: "wgtun", "eth0" (the NIC), "pod0".
    [[nodiscard]] std::uint64_t transmitted(const std::string& device) const;
    // The device where packets from the pod to the mesh end; none: they do not get that far.
    [[nodiscard]] std::string goal() const;

  private:
    void connect() const;
    void add_sink(const test::NetNamespace& ns, const std::string& device, int sink) const;
    void steer_by_routes(const std::vector<OwnedPrefix>& prefixes) const;
    void steer_by_programs(const std::vector<OwnedPrefix>& prefixes);
    void attach(const std::string& device, wgs_hook hook) const;

    HostOptions options_;
    test::NetNamespace host_{"host"};
    test::NetNamespace pod_{"pod"};
    test::NetNamespace wire_{"wire"};
    UniqueFd tunnel_;
    std::unique_ptr<Dataplane> dataplane_;
};

}  // namespace wgs::bench
