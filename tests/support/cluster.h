// SPDX-License-Identifier: Apache-2.0
// Nodes with a pod each, on one layer-2 underlay.
//
// Node i: eth0 192.168.50.i/24 and fd50::i/64, pod prefixes 10.i.0.0/24 and fd10:i::/64, pod
// addresses 10.i.0.10 and fd10:i::10. Each node routes the pods of the others through their
// underlay addresses, as a CNI without overlay does. rp_filter is strict everywhere.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/ip.h"
#include "tests/support/agent.h"
#include "tests/support/capture.h"
#include "tests/support/net_namespace.h"
#include "tests/support/workspace.h"

namespace wgs::test {

// How a pod is connected to its node: by a veth that has the pod prefix, by a veth to which only
// the pod's addresses are routed (Calico), or as a port of a bridge that has the pod prefix.
enum class PodStyle { subnet, routed, bridged };

struct ClusterOptions {
    int nodes = 3;
    std::string policy = "prefer";
    bool hosts = true;
    std::string path = "transparent";
    PodStyle pods = PodStyle::subnet;
    std::string guard = "off";
    std::optional<int> vlan = {};                    // underlay is eth0.VLAN
    std::vector<std::string> cluster_prefixes = {};  // none: not configured
    bool per_family = false;                         // a tunnel for each family
    int max_peers = 0;                               // 0: as the agent has it
};

class Cluster;

class Node {
  public:
    Node(const Cluster& cluster, int number);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node() = default;

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] std::string name() const;
    [[nodiscard]] const NetNamespace& ns() const { return host_; }
    [[nodiscard]] const NetNamespace& pod() const { return pod_; }
    [[nodiscard]] Agent& agent() { return agent_; }
    [[nodiscard]] const Agent& agent() const { return agent_; }
    [[nodiscard]] IpAddress host_address(Family family) const;
    [[nodiscard]] IpAddress pod_address(Family family) const;
    [[nodiscard]] Prefix pod_prefix(Family family) const;
    // The device that carries the underlay addresses.
    [[nodiscard]] std::string underlay() const;

    // Deletes the NIC and makes another one of the same name with the same addresses and routes.
    void replace_nic() const;
    // Sets the NIC up with its addresses and routes, of which the kernel drops some when it goes
    // down.
    void restore_nic() const;
    // Connects the pod by a new veth, when it has none.
    void connect_pod() const;
    // Sends packets for the pods of another node to that node.
    void route_to(const Node& other) const;

  private:
    void connect_nic() const;
    [[nodiscard]] std::string pod_link_script() const;
    void use_strict_sysctls(const NetNamespace& ns) const;
    [[nodiscard]] AgentSettings agent_settings() const;

    const Cluster* cluster_;
    int number_;
    NetNamespace host_;
    NetNamespace pod_;
    Agent agent_;
};

class Cluster {
  public:
    explicit Cluster(ClusterOptions options = {});
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    // On a failed test prints what the agents have logged.
    ~Cluster();

    Node& add_node();
    [[nodiscard]] Node& node(int number) {
        return *nodes_.at(static_cast<std::size_t>(number - 1));
    }
    [[nodiscard]] const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }

    void start_agents();
    // Every agent sees all others ready.
    [[nodiscard]] bool wait_ready(Millis timeout = 20s) const;

    // Listens to the underlay. Clear text is what runs between pod and cluster prefixes, and
    // between node addresses as well if hosts are encrypted.
    [[nodiscard]] std::unique_ptr<Capture> capture() const;

    [[nodiscard]] const ClusterOptions& options() const { return options_; }
    [[nodiscard]] const NetNamespace& underlay() const { return switch_; }
    [[nodiscard]] const Workspace& workspace() const { return workspace_; }
    [[nodiscard]] std::filesystem::path mesh() const { return workspace_.directory() / "mesh"; }

  private:
    ClusterOptions options_;
    Workspace workspace_;
    NetNamespace switch_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace wgs::test
