// SPDX-License-Identifier: Apache-2.0
// Damage from outside is repaired while the agent runs.
#include <csignal>

#include "model/key.h"
#include "tests/netns/fixture.h"
#include "tests/support/bpf_link.h"
#include "tests/support/wireguard_control.h"

namespace wgs::test {
namespace {

class HealingTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 2});
        form_mesh(*cluster_);
    }

    Node& left() { return cluster_->node(1); }
    Node& right() { return cluster_->node(2); }

    testing::AssertionResult heals() {
        const auto result = soon_encrypted(*cluster_, left(), right());
        if (result && !cluster_->wait_ready()) {
            return testing::AssertionFailure() << "encrypts, but is not in sync";
        }
        return result;
    }

    WireguardControl control() { return {left().ns(), left().agent().run_dir(), "wgsteer0"}; }

    std::optional<Cluster> cluster_;
};

TEST_F(HealingTest, DeletedDeviceIsMadeAgain) {
    left().ns().ip("link del wgsteer0\n");
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, DeviceSetDownComesUp) {
    left().ns().ip("link set wgsteer0 down\n");
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, RemovedPeerIsAddedAgain) {
    if (const auto obstacle = control().obstacle()) GTEST_SKIP() << *obstacle;
    const std::string key = left().agent().peer("node-2").value("public_key", "");
    control().remove_peer(PublicKey::parse(key).value());
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, AlteredMarkIsRestored) {
    if (const auto obstacle = control().obstacle()) GTEST_SKIP() << *obstacle;
    control().set_fwmark(0x7);
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, DetachedProgramsAreAttachedAgain) {
    const int links = detach_pinned_links(left().agent().bpffs());
    const bool filters = delete_clsact(left().ns(), "eth0");
    ASSERT_TRUE(links > 0 || filters) << "found neither BPF links nor a clsact qdisc";
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, ReplacedNicIsSteered) {
    left().replace_nic();
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, NicSetDownAndUpIsSteered) {
    left().ns().ip("link set eth0 down\n");
    std::this_thread::sleep_for(300ms);
    left().restore_nic();
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, KilledUserspaceWireguardIsStartedAgain) {
    const std::vector<pid_t> engines = left().ns().processes("wireguard-go");
    if (engines.empty()) GTEST_SKIP() << "the tunnel is a kernel device";
    for (const pid_t engine : engines)
        ::kill(engine, SIGKILL);
    EXPECT_TRUE(heals());
    EXPECT_EQ(left().ns().processes("wireguard-go").size(), 1U);
}

TEST_F(HealingTest, DamageWhileTheAgentIsAwayIsRepairedAtStart) {
    left().agent().kill9();
    left().ns().ip("link del wgsteer0\n");
    left().agent().start();
    EXPECT_TRUE(heals());
}

TEST_F(HealingTest, DeletedOwnNodeFileIsWrittenAgain) {
    std::filesystem::remove(left().agent().node_file());
    EXPECT_TRUE(eventually(10s, [&] { return exists(left().agent().node_file()); }));
    EXPECT_TRUE(heals());
}

}  // namespace
}  // namespace wgs::test
