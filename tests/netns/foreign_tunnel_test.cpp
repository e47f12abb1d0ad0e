// SPDX-License-Identifier: Apache-2.0
// WireGuard of somebody else between the same nodes, beside ours.
#include <fmt/format.h>

#include "kernel/wireguard.h"
#include "tests/netns/fixture.h"

namespace wgs::test {
namespace {

class ForeignTunnelTest : public MeshTest {
  protected:
    static constexpr std::uint16_t kPort = 51999;

    // What the agent of a node says to its outer packets to the other node.
    static std::string reason(Cluster& cluster, int from, int to) {
        const std::string port = std::to_string(kPort);
        const Outcome shown = cluster.node(from).agent().cli(
            {"explain", "--src", cluster.node(from).host_address(Family::v4).to_string(), "--dst",
             cluster.node(to).host_address(Family::v4).to_string(), "--proto", "udp", "--sport",
             port, "--dport", port, "-o", "json"});
        const auto answer = nlohmann::json::parse(shown.output, nullptr, false);
        return answer.is_object() ? answer.value("reason", "") : shown.errors;
    }
    static bool both_say(Cluster& cluster, const std::string& wanted) {
        return reason(cluster, 1, 2) == wanted && reason(cluster, 2, 1) == wanted;
    }

    struct End {
        PrivateKey key = PrivateKey::generate();
        std::unique_ptr<WireguardBackend> device;
    };
    static void must(const Status& done) {
        if (!done) broken(done.error().message);
    }
    static void create(const Node& node, End& end) {
        const Within within(node.ns());
        end.device = open_wireguard(BackendChoice::kernel,
                                    {.device = "wgother0", .run_dir = {}, .private_key = end.key})
                         .value();
        must(end.device->create());
    }
    static void connect(const Node& node, End& end, const Node& to, const End& other) {
        const Within within(node.ns());
        must(end.device->configure({.port = kPort, .fwmark = 0, .mtu = 1380}));
        const PeerUpdate peer{
            .public_key = other.key.public_key(),
            .endpoint = Endpoint{.address = to.host_address(Family::v4), .port = kPort},
            .add_allowed_ips = {Prefix::parse(fmt::format("172.31.0.{}/32", to.number())).value()}};
        must(end.device->update_peers({&peer, 1}));
        node.ns().ip(fmt::format("addr add 172.31.0.{}/24 dev wgother0\n", node.number()));
    }
};

TEST_F(ForeignTunnelTest, OfTheKernelIsLeftAloneWhileItIsThere) {
    if (!kernel_has_link_type("wireguard")) GTEST_SKIP() << "this kernel has no WireGuard";
    Cluster cluster({.nodes = 2, .policy = "require"});
    form_mesh(cluster);
    EXPECT_TRUE(both_say(cluster, "steered"));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    End left;
    End right;
    create(cluster.node(1), left);
    create(cluster.node(2), right);
    connect(cluster.node(1), left, cluster.node(2), right);
    connect(cluster.node(2), right, cluster.node(1), left);
    EXPECT_TRUE(eventually(20s, [&] { return both_say(cluster, "bypass"); }));
    const auto capture = cluster.capture();
    EXPECT_TRUE(reaches(cluster.node(1).ns(), IpAddress::parse("172.31.0.2").value(), 20s));
    EXPECT_GE(capture->stop().clear, 2U) << "its packets are not on the wire as they are";
    EXPECT_TRUE(nothing_leaked(cluster));
    for (const int number : {1, 2})
        cluster.node(number).ns().ip("link del wgother0\n");
    EXPECT_TRUE(eventually(20s, [&] { return both_say(cluster, "steered"); }));
}

}  // namespace
}  // namespace wgs::test
