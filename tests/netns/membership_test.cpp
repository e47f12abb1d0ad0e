// SPDX-License-Identifier: Apache-2.0
// Nodes come, go and change while the mesh runs.
#include <fmt/format.h>

#include <fstream>

#include "base/file.h"
#include "tests/netns/fixture.h"

namespace wgs::test {
namespace {

class MembershipTest : public MeshTest {
  protected:
    // The name of the peer which a packet from node 1 to `destination` is steered to, or "".
    static std::string steered_to(Cluster& cluster, const std::string& destination) {
        const nlohmann::json answer = cluster.node(1).agent().explain("10.1.0.10", destination);
        if (answer.value("verdict", "") != "steer") return "";
        return answer.value("peer", "");
    }

    static void set_prefixes(Node& node, std::vector<std::string> prefixes) {
        node.agent().stop();
        node.agent().settings().prefixes = std::move(prefixes);
        node.agent().start();
    }
};

TEST_F(MembershipTest, NodeJoinsAMeshOfEightWithinThreeSeconds) {
    Cluster cluster({.nodes = 8});
    form_mesh(cluster);
    Node& joining = cluster.add_node();
    joining.agent().start();
    ASSERT_TRUE(eventually(5s, [&] { return exists(joining.agent().node_file()); }));

    EXPECT_TRUE(eventually(3s, [&] {
        for (int number = 1; number <= 8; ++number) {
            if (cluster.node(number).agent().peer_state("node-9") != "ready") return false;
        }
        return true;
    }));
    ASSERT_TRUE(joining.agent().wait_ready(8));
    EXPECT_TRUE(talk_encrypted(cluster, joining, cluster.node(1)));
    EXPECT_TRUE(talk_encrypted(cluster, joining, cluster.node(8)));
}

TEST_F(MembershipTest, LeavingNodeIsForgotten) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    Agent& leaving = cluster.node(3).agent();
    leaving.kill9();
    std::filesystem::remove(leaving.node_file());

    const Agent& watching = cluster.node(1).agent();
    EXPECT_TRUE(eventually(5s, [&] { return watching.peer("node-3").is_null(); }));
    EXPECT_TRUE(watching.wait_ready(1));
    const nlohmann::json answer = watching.explain("10.1.0.10", "10.3.0.10");
    EXPECT_EQ(answer.value("verdict", ""), "pass") << answer;
    EXPECT_EQ(answer.value("reason", ""), "no_peer") << answer;
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_F(MembershipTest, NodeWithANewKeyIsReadyAgain) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    Agent& changing = cluster.node(2).agent();
    const std::string old_key = cluster.node(1).agent().peer("node-2").value("public_key", "");
    ASSERT_EQ(changing.stop(), 0);
    std::filesystem::remove_all(changing.settings().directory / "state");
    changing.start();

    EXPECT_TRUE(eventually(5s, [&] {
        return cluster.node(1).agent().peer("node-2").value("public_key", "") != old_key;
    }));
    EXPECT_TRUE(cluster.wait_ready());
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(3), cluster.node(2)));
}

TEST_F(MembershipTest, NodeWithANewAddressIsReachedThere) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    Node& moving = cluster.node(2);
    ASSERT_EQ(moving.agent().stop(), 0);
    moving.ns().ip(
        "addr del 192.168.50.2/24 dev eth0\naddr add 192.168.50.102/24 dev eth0\n"
        "route replace 10.1.0.0/24 via 192.168.50.1 dev eth0\n"
        "route replace 10.3.0.0/24 via 192.168.50.3 dev eth0\n");
    for (const int other : {1, 3}) {
        cluster.node(other).ns().ip("route replace 10.2.0.0/24 via 192.168.50.102 dev eth0\n");
    }
    moving.agent().settings().addresses = {"192.168.50.102", "fd50::2"};
    moving.agent().start();

    EXPECT_TRUE(eventually(5s, [&] {
        return cluster.node(1).agent().peer("node-2").value("endpoint", "") ==
               "192.168.50.102:51820";
    }));
    ASSERT_TRUE(cluster.wait_ready());
    const auto capture = cluster.capture();
    EXPECT_TRUE(reaches(cluster.node(1).pod(), moving.pod_address(Family::v4)));
    EXPECT_TRUE(reaches(moving.pod(), cluster.node(3).pod_address(Family::v6)));
    EXPECT_TRUE(reaches(cluster.node(1).ns(), IpAddress::parse("192.168.50.102").value()));
    EXPECT_TRUE(only_encrypted(capture->stop()));
}

TEST_F(MembershipTest, PrefixMovesWhenTheOldHolderLetsGoFirst) {
    Cluster cluster({.nodes = 3});
    cluster.node(2).agent().settings().prefixes.emplace_back("10.99.0.0/24");
    form_mesh(cluster);
    ASSERT_EQ(steered_to(cluster, "10.99.0.1"), "node-2");

    set_prefixes(cluster.node(2), {"10.2.0.0/24", "fd10:2::/64"});
    EXPECT_TRUE(eventually(5s, [&] { return steered_to(cluster, "10.99.0.1").empty(); }));
    set_prefixes(cluster.node(3), {"10.3.0.0/24", "fd10:3::/64", "10.99.0.0/24"});
    EXPECT_TRUE(eventually(10s, [&] { return steered_to(cluster, "10.99.0.1") == "node-3"; }));
}

TEST_F(MembershipTest, PrefixMovesWhenTheNewHolderClaimsFirst) {
    Cluster cluster({.nodes = 3});
    cluster.node(3).agent().settings().prefixes.emplace_back("10.99.0.0/24");
    form_mesh(cluster);
    ASSERT_EQ(steered_to(cluster, "10.99.0.1"), "node-3");

    set_prefixes(cluster.node(2), {"10.2.0.0/24", "fd10:2::/64", "10.99.0.0/24"});
    ASSERT_TRUE(cluster.wait_ready());
    EXPECT_EQ(steered_to(cluster, "10.99.0.1"), "node-3");
    set_prefixes(cluster.node(3), {"10.3.0.0/24", "fd10:3::/64"});
    EXPECT_TRUE(eventually(10s, [&] { return steered_to(cluster, "10.99.0.1") == "node-2"; }));
}

TEST_F(MembershipTest, MovedPrefixCarriesTraffic) {
    Cluster cluster({.nodes = 3});
    cluster.node(2).agent().settings().prefixes.emplace_back("10.99.0.0/24");
    form_mesh(cluster);
    set_prefixes(cluster.node(2), {"10.2.0.0/24", "fd10:2::/64"});
    set_prefixes(cluster.node(3), {"10.3.0.0/24", "fd10:3::/64", "10.99.0.0/24"});
    cluster.node(3).pod().ip("addr add 10.99.0.10/32 dev eth0\n");
    cluster.node(3).ns().ip("route add 10.99.0.0/24 via 10.3.0.10\n");
    cluster.node(1).ns().ip("route add 10.99.0.0/24 via 192.168.50.3\n");
    ASSERT_TRUE(eventually(10s, [&] { return steered_to(cluster, "10.99.0.10") == "node-3"; }));

    const auto capture = cluster.capture();
    EXPECT_TRUE(reaches(cluster.node(1).pod(), IpAddress::parse("10.99.0.10").value()));
    EXPECT_TRUE(only_encrypted(capture->stop()));
}

TEST_F(MembershipTest, SharedKeyStopsBothClaimantsUntilResolved) {
    Cluster cluster({.nodes = 3});
    form_mesh(cluster);
    const Agent& watching = cluster.node(1).agent();
    const std::string key = watching.peer("node-2").value("public_key", "");
    write_node_file(cluster, "node-x",
                    fmt::format("name: node-x\naddresses: [192.168.50.77]\n"
                                "prefixes: [10.77.0.0/24]\npublic_key: \"{}\"\nport: 51820\n",
                                key));

    EXPECT_TRUE(eventually(5s, [&] {
        return watching.peer_state("node-2") == "conflict" &&
               watching.peer_state("node-x") == "conflict";
    }));
    EXPECT_EQ(steered_to(cluster, "10.2.0.10"), "");
    EXPECT_EQ(steered_to(cluster, "10.77.0.1"), "");
    EXPECT_EQ(watching.status()["peers"].value("conflict", 0), 2);

    std::filesystem::remove(cluster.mesh() / "node-x.yaml");
    EXPECT_TRUE(cluster.wait_ready());
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_F(MembershipTest, SecondClaimOfAPrefixIsRefusedAndVisible) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    write_node_file(
        cluster, "node-x",
        fmt::format("name: node-x\naddresses: [192.168.50.77]\n"
                    "prefixes: [10.2.0.0/24, 10.77.0.0/24]\npublic_key: \"{}\"\nport: 51820\n",
                    unused_public_key()));
    const Agent& watching = cluster.node(1).agent();
    ASSERT_TRUE(eventually(5s, [&] { return watching.peer_state("node-x") == "waiting"; }));

    EXPECT_EQ(watching.peer("node-x")["prefixes"].dump().find("10.2.0.0/24"), std::string::npos);
    EXPECT_NE(watching.status().dump().find("10.2.0.0/24"), std::string::npos);
    EXPECT_EQ(steered_to(cluster, "10.2.0.10"), "node-2");
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

TEST_F(MembershipTest, HalfWrittenNodeFileKeepsTheLastGoodState) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    Agent& silent = cluster.node(2).agent();
    silent.kill9();  // or it would repair its file
    const std::string whole = read_file(silent.node_file(), 1 << 16).value();
    const auto overwrite = [&](const std::string& text) {
        std::ofstream(silent.node_file(), std::ios::trunc) << text;
    };

    overwrite(whole.substr(0, whole.size() / 2));
    const Agent& watching = cluster.node(1).agent();
    EXPECT_FALSE(eventually(2s, [&] { return watching.peer_state("node-2") != "ready"; }));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
    overwrite(whole);
    EXPECT_FALSE(eventually(1s, [&] { return watching.peer_state("node-2") != "ready"; }));
}

TEST_F(MembershipTest, ForeignFilesInTheMeshDirectoryAreIgnored) {
    Cluster cluster({.nodes = 2});
    form_mesh(cluster);
    write_node_file(cluster, "garbage", "this: [is not\n\x01\x02");
    write_node_file(cluster, "liar", "name: node-2\naddresses: [192.168.50.9]\n");
    std::ofstream(cluster.mesh() / "README") << "not a node\n";
    std::filesystem::create_directory(cluster.mesh() / "folder.yaml");

    const Agent& watching = cluster.node(1).agent();
    EXPECT_FALSE(eventually(2s, [&] { return watching.peers().size() != 1; }));
    EXPECT_TRUE(watching.wait_ready(1));
    EXPECT_TRUE(talk_encrypted(cluster, cluster.node(1), cluster.node(2)));
}

}  // namespace
}  // namespace wgs::test
