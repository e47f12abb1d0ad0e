// SPDX-License-Identifier: Apache-2.0
// Who does not know the secret of the cluster gets no session.
#include <thread>

#include "base/file.h"
#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"
#include "tests/support/wireguard_control.h"

namespace wgs::test {
namespace {

constexpr int kRate = 500;  // packets a second, each echoed

class TrustTest : public MeshTest {
  protected:
    static std::filesystem::path secret_of(const Node& node) {
        return node.agent().config_file().parent_path() / "secret";
    }
    static void write_secret(const std::filesystem::path& path, char letter) {
        const Status written = write_file_atomically(path, std::string(40, letter), 0600);
        if (!written) broken(written.error().message);
    }
    static void give_secret(Node& node, char letter) {
        node.agent().settings().cluster_secret_file = secret_of(node).string();
        std::filesystem::create_directories(secret_of(node).parent_path());
        write_secret(secret_of(node), letter);
    }
    // All peers of all agents use the secret with this id.
    static bool all_use(Cluster& cluster, const std::string& id) {
        for (const auto& node : cluster.nodes()) {
            for (const auto& peer : node->agent().peers()) {
                if (peer.at("secret") != nlohmann::json(id)) return false;
            }
        }
        return true;
    }
    static std::string newest_secret(const Node& node) {
        const nlohmann::json ids = node.agent().status().at("secrets");
        return ids.empty() ? "" : ids.front().get<std::string>();
    }
};

TEST_F(TrustTest, NodeWithoutTheSecretGetsNoSession) {
    Cluster cluster({.nodes = 3, .policy = "require"});
    give_secret(cluster.node(1), 'o');
    give_secret(cluster.node(2), 'o');
    give_secret(cluster.node(3), 'x');  // in the directory, but it does not know ours
    cluster.start_agents();
    Agent& left = cluster.node(1).agent();
    Agent& forged = cluster.node(3).agent();
    ASSERT_TRUE(eventually(20s, [&] {
        return left.peer_state("node-2") == "ready" && left.peer_state("node-3") == "waiting" &&
               forged.peer_state("node-1") == "waiting";
    }));
    EXPECT_FALSE(eventually(8s, [&] {
        return left.peer_state("node-3") == "ready" || forged.peer_state("node-1") == "ready";
    }));
    EXPECT_TRUE(left.peer("node-3").at("last_handshake").is_null());
    EXPECT_TRUE(eventually(20s, [&] {
        return left.status().dump().find("knows no cluster secret of ours") != std::string::npos;
    })) << left.status();
    EXPECT_EQ(left.peer("node-2").at("secret"), newest_secret(cluster.node(2)));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));

    write_secret(secret_of(cluster.node(3)), 'o');  // noticed without a restart
    EXPECT_TRUE(cluster.wait_ready(30s));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(3)));
}

TEST_F(TrustTest, ExchangingTheSecretLosesNothing) {
    expect_lossless([] {
        Cluster cluster({.nodes = 2, .policy = "require", .per_family = true});
        for (const auto& node : cluster.nodes())
            give_secret(*node, 'o');
        form_mesh(cluster);
        const std::string before = newest_secret(cluster.node(1));
        EXPECT_TRUE(all_use(cluster, before));
        const auto capture = cluster.capture();
        UdpStream outward(cluster.node(1).pod(), cluster.node(2).pod_address(Family::v4),
                          cluster.node(2).pod(), kRate);
        UdpStream inward(cluster.node(2).pod(), cluster.node(1).pod_address(Family::v6),
                         cluster.node(1).pod(), kRate);
        for (const auto& node : cluster.nodes()) {
            write_secret(secret_of(*node).string() + ".next", 'n');
            std::this_thread::sleep_for(300ms);
        }
        EXPECT_TRUE(eventually(20s, [&] {
            const std::string next = newest_secret(cluster.node(1));
            return next != before && all_use(cluster, next);
        }));
        const std::string next = newest_secret(cluster.node(1));
        for (const auto& node : cluster.nodes()) {
            std::filesystem::rename(secret_of(*node).string() + ".next", secret_of(*node));
            std::this_thread::sleep_for(300ms);
        }
        EXPECT_TRUE(eventually(20s, [&] {
            return all_use(cluster, next) &&
                   cluster.node(2).agent().status().at("secrets") == nlohmann::json::array({next});
        }));
        EXPECT_TRUE(cluster.wait_ready());
        const Loss loss = loss_of(cluster, {&outward, &inward});
        EXPECT_TRUE(only_encrypted(capture->stop()));

        // New sessions need keys of the new secret on either side.
        const Agent& left = cluster.node(1).agent();
        const WireguardControl control(cluster.node(1).ns(), left.run_dir(), "wgsteer0");
        if (!control.obstacle()) {
            const std::string key = left.peer("node-2").value("public_key", "");
            const auto handshake = left.peer("node-2").at("last_handshake");
            control.remove_peer(PublicKey::parse(key).value());
            EXPECT_TRUE(eventually(30s, [&] {
                const auto now = left.peer("node-2").at("last_handshake");
                return !now.is_null() && now != handshake;
            }));
        }
        EXPECT_TRUE(soon_encrypted(cluster, cluster.node(1), cluster.node(2)));
        return loss;
    });
}

}  // namespace
}  // namespace wgs::test
