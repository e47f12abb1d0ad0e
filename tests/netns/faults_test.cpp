// SPDX-License-Identifier: Apache-2.0
// Faults put into a running mesh without telling: status or doctor name each one, in words that
// lead to the fix, and have nothing more to say when it is mended. All share one mesh.
//
// Others are elsewhere. alarm_test: a dead peer, a one-way block, a peer that cannot be reached, a
// copied key, a stolen prefix, detached programs, a chain that is ended before ours, a deleted
// device, a killed wireguard-go, a black hole for large packets, a peer without an agent, a side
// that takes handshakes and no data (as threaded NAPI may stall), a clock that is set back (in
// guests).
// doctor_test: no agent, a small hop, modes of files, leftovers of Calico, marks of others,
// programs before ours. trust_test: different cluster secrets. etcd_test: no etcd.
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "model/key.h"
#include "tests/netns/fixture.h"
#include "tests/support/wireguard_control.h"

namespace wgs::test {
namespace {

// What is promised is ten seconds on an idle machine.
constexpr Millis kSoon = 30s;

class FaultsTest : public MeshTest {
  protected:
    static void TearDownTestSuite() { mesh().reset(); }
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        if (!mesh()) {
            mesh().emplace(ClusterOptions{.nodes = 2, .hosts = false});
            form_mesh(*mesh());
        }
        ASSERT_TRUE(mesh()->wait_ready()) << "the mesh has not recovered from the last fault";
    }
    // The next test begins with a mesh of its own.
    void TearDown() override {
        if (HasFailure()) mesh().reset();
    }

    static std::optional<Cluster>& mesh() {
        static std::optional<Cluster> mesh;
        return mesh;
    }
    static Node& left() { return mesh()->node(1); }
    static Node& right() { return mesh()->node(2); }

    // All that the two say is wrong.
    static std::string screens(const Agent& agent) {
        return agent.cli({"status"}).output + agent.cli({"doctor"}).output;
    }
    static bool say(const Agent& agent, const std::vector<std::string>& words) {
        const std::string text = screens(agent);
        return std::ranges::all_of(
            words, [&](const std::string& part) { return text.find(part) != std::string::npos; });
    }
    static testing::AssertionResult names(const Agent& agent,
                                          const std::vector<std::string>& words) {
        if (eventually(kSoon, [&] { return say(agent, words); }))
            return testing::AssertionSuccess();
        auto failure = testing::AssertionFailure();
        for (const std::string& part : words)
            failure << "'" << part << "' ";
        return failure << "not in\n" << screens(agent);
    }
    static testing::AssertionResult is_silent_about(const Agent& agent, const std::string& words) {
        if (eventually(kSoon, [&] { return !say(agent, {words}); }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "'" << words << "' still in\n" << screens(agent);
    }
    static void rule(const std::string& hook, const std::string& rule) {
        const std::string rules = "table inet fault {\n chain c {\n type filter hook " + hook +
                                  " priority -300\n " + rule + "\n }\n}\n";
        const Outcome outcome = run({"nft", "-f", "-"}, {.ns = &left().ns(), .input = rules});
        if (outcome.exit_code != 0) broken("nft: " + outcome.errors);
    }
    static void no_rules() {
        static_cast<void>(run({"nft", "flush", "ruleset"}, {.ns = &left().ns()}));
    }
    static pid_t process(const Node& node, const std::string& name) {
        const std::vector<pid_t> found = node.ns().processes(name);
        return found.empty() ? 0 : found.front();
    }
    static bool has_nft() {
        if (!has_tool("nft")) return false;
        const NetNamespace scratch("nft probe");
        return run({"nft", "add table inet t"}, {.ns = &scratch}).exit_code == 0;
    }
    static std::filesystem::path directory() { return left().agent().settings().directory; }
};

TEST_F(FaultsTest, NothingIsSaidOfASoundMesh) {
    EXPECT_TRUE(eventually(kSoon, [] {
        return left().agent().cli({"doctor"}).exit_code == 0 &&
               left().agent().status()["alarms"].empty();
    })) << screens(left().agent());
}

TEST_F(FaultsTest, ARuleThatDropsTheTunnelsPacketsOnTheirWayOut) {
    if (!has_nft()) GTEST_SKIP() << "nft is not here";
    rule("output", "udp dport 51820 drop");
    EXPECT_TRUE(names(left().agent(),
                      {"firewall", "throws away packets of the tunnels", "udp dport 51820 drop",
                       "this node refuses to send UDP to "
                       "node-2",
                       "delete the rule"}));
    no_rules();
    EXPECT_TRUE(is_silent_about(left().agent(), "FAIL  firewall"));
}

TEST_F(FaultsTest, ARuleThatDropsTheTunnelsPacketsOnTheirWayIn) {
    if (!has_nft()) GTEST_SKIP() << "nft is not here";
    rule("input", "udp dport { 51820, 51821 } drop");
    EXPECT_TRUE(names(left().agent(),
                      {"firewall", "udp dport { 51820, 51821 } drop", "chain c of table inet"}));
    no_rules();
    EXPECT_TRUE(is_silent_about(left().agent(), "FAIL  firewall"));
}

TEST_F(FaultsTest, ADeviceSetDownByHand) {
    left().ns().ip("link set wgsteer0 down\n");
    EXPECT_TRUE(names(left().agent(), {"wgsteer0: somebody else set it down", "network managers"}));
}

TEST_F(FaultsTest, APeerRemovedByHand) {
    const WireguardControl control(left().ns(), left().agent().run_dir(), "wgsteer0");
    if (const auto obstacle = control.obstacle()) GTEST_SKIP() << *obstacle;
    const std::string key = left().agent().peer("node-2").value("public_key", "");
    control.remove_peer(PublicKey::parse(key).value());
    EXPECT_TRUE(names(left().agent(), {"removed a peer from it", "who uses 'wg'"}));
}

TEST_F(FaultsTest, ATableThatIsNoLongerPinned) {
    const auto pin = left().agent().bpffs() / "maps" / "wgs_peers_v1";
    std::filesystem::remove(pin);
    EXPECT_TRUE(names(left().agent(), {"bpffs", "wgs_peers_v1 is not pinned", "restart wgsteer"}));
    EXPECT_EQ(left().agent().stop(), 0);
    left().agent().start();
    EXPECT_TRUE(is_silent_about(left().agent(), "is not pinned"));
}

TEST_F(FaultsTest, AnUnderlayDeviceThatIsDown) {
    left().ns().ip("link set eth0 down\n");
    EXPECT_TRUE(names(left().agent(),
                      {"PROBLEM  eth0: the underlay device is down", "ip link set eth0 up"}));
    EXPECT_EQ(left().agent().cli({"status", "--check"}).exit_code, 1);
    left().restore_nic();
    EXPECT_TRUE(is_silent_about(left().agent(), "the underlay device is down"));
}

TEST_F(FaultsTest, ACableThatIsPulled) {
    mesh()->underlay().ip("link set port2 down\n");
    EXPECT_TRUE(names(right().agent(), {"eth0: the underlay device is down", "NO-CARRIER"}));
    EXPECT_TRUE(names(left().agent(), {"node-2 (192.168.50.2) does not answer pings"}));
    mesh()->underlay().ip("link set port2 up\n");
    EXPECT_TRUE(is_silent_about(right().agent(), "the underlay device is down"));
}

TEST_F(FaultsTest, AnUnderlayWithAnotherMtuThanTheOthers) {
    left().ns().ip("link set eth0 mtu 1400\n");
    EXPECT_TRUE(names(right().agent(), {"mtu", "node-1 (192.168.50.1) takes", "but 1500 are sent",
                                        "mend the MTU of the hop"}));
    left().ns().ip("link set eth0 mtu 1500\n");
    EXPECT_TRUE(is_silent_about(right().agent(), "but 1500 are sent"));
    EXPECT_FALSE(say(left().agent(), {"changed its MTU"})) << "nobody else has";
}

TEST_F(FaultsTest, AnAddressThatHasChanged) {
    left().ns().ip(
        "addr del 192.168.50.1/24 dev eth0\n"
        "addr add 192.168.50.77/24 dev eth0\n");
    EXPECT_TRUE(names(left().agent(), {"no device of this node has 192.168.50.1 of 'addresses'",
                                       "192.168.50.77", "correct 'addresses'"}));
    left().ns().ip("addr del 192.168.50.77/24 dev eth0\n");
    left().restore_nic();
    EXPECT_TRUE(is_silent_about(left().agent(), "of 'addresses'"));
}

TEST_F(FaultsTest, ForwardingThatIsOff) {
    left().ns().sysctl("ipv4/ip_forward", "0");
    EXPECT_TRUE(names(left().agent(),
                      {"IPv4 forwarding is off: pods reach nobody", "net.ipv4.ip_forward=1"}));
    left().ns().sysctl("ipv4/ip_forward", "1");
    EXPECT_TRUE(is_silent_about(left().agent(), "forwarding is off"));
    left().restore_nic();
}

TEST_F(FaultsTest, ASourceThatIsAway) {
    const auto away = mesh()->mesh().string() + ".away";
    std::filesystem::rename(mesh()->mesh(), away);
    EXPECT_TRUE(names(left().agent(), {"read directory", "No such file or directory",
                                       "the source has nothing to read"}));
    std::filesystem::rename(away, mesh()->mesh());
    EXPECT_TRUE(is_silent_about(left().agent(), "No such file or directory"));
}

TEST_F(FaultsTest, ANodeFileThatIsNone) {
    write_node_file(*mesh(), "node-8", "name: node-8\naddresses: [192.168.50\n");
    EXPECT_TRUE(names(left().agent(), {"PROBLEM  node-8.yaml: node-8.yaml:", "last good state"}));
    std::filesystem::remove(mesh()->mesh() / "node-8.yaml");
    EXPECT_TRUE(is_silent_about(left().agent(), "node-8.yaml"));
}

TEST_F(FaultsTest, TwoMachinesWithOneName) {
    const std::string rival = "name: node-2\naddresses: [192.168.50.9]\nprefixes: [10.2.0.0/24]\n";
    const auto keep_writing = [&](const Agent& agent, const std::vector<std::string>& words) {
        return eventually(kSoon, [&] {
            write_node_file(*mesh(), "node-2",
                            rival + "public_key: \"" + unused_public_key() + "\"\n");
            std::this_thread::sleep_for(1500ms);  // the agent writes its own once in a second
            return say(agent, words);
        });
    };
    EXPECT_TRUE(keep_writing(left().agent(), {"PROBLEM  node-2: has published another key",
                                              "two machines have this name", "set 'node'"}))
        << screens(left().agent());
    EXPECT_TRUE(say(right().agent(), {"node-2.yaml: written by another agent",
                                      "a second machine has the name of this node"}))
        << screens(right().agent());
    mesh().reset();  // the alarm stays for ten minutes
}

TEST_F(FaultsTest, AnAgentThatIsStopped) {
    const pid_t agent = process(left(), "wgsteerd");
    ASSERT_NE(agent, 0);
    ::kill(agent, SIGSTOP);
    const Outcome status = left().agent().cli({"status"});
    EXPECT_EQ(status.exit_code, 3);
    EXPECT_NE(status.errors.find("process " + std::to_string(agent) + " is stopped"),
              std::string::npos)
        << status.errors;
    const Outcome doctor = left().agent().cli({"doctor"});
    EXPECT_NE(doctor.output.find("kill -CONT " + std::to_string(agent)), std::string::npos)
        << doctor.output;
    ::kill(agent, SIGCONT);
    EXPECT_TRUE(is_silent_about(left().agent(), "is stopped"));
}

TEST_F(FaultsTest, AWireguardGoThatIsStopped) {
    const pid_t engine = process(left(), "wireguard-go");
    if (engine == 0) GTEST_SKIP() << "the tunnel is a kernel device";
    ::kill(engine, SIGSTOP);
    EXPECT_TRUE(names(left().agent(), {"PROBLEM  kernel: observe WireGuard",
                                       "wireguard-go does not answer", "kill -CONT"}));
    ::kill(engine, SIGCONT);
    EXPECT_TRUE(is_silent_about(left().agent(), "wireguard-go does not answer"));
}

TEST_F(FaultsTest, AnAddressTranslationInBetween) {
    if (!has_nft()) GTEST_SKIP() << "nft is not here";
    const Outcome translated =
        run({"nft", "-f", "-"}, {.ns = &right().ns(),
                                 .input = "table ip nat {\n chain c {\n type nat hook postrouting "
                                          "priority 100\n udp sport 51820 snat to "
                                          "192.168.50.2:40000\n }\n}\n"});
    if (translated.exit_code != 0) GTEST_SKIP() << "no translation here: " << translated.errors;
    right().ns().ip("link del wgsteer0\n");
    static_cast<void>(reaches(right().pod(), left().pod_address(Family::v4), 20s));
    EXPECT_TRUE(names(left().agent(), {"node-2 is reached at 192.168.50.2:40000",
                                       "a NAT is between", "wireguard.keepalive"}));
    static_cast<void>(run({"nft", "flush", "ruleset"}, {.ns = &right().ns()}));
    mesh().reset();  // it stays where it was heard last
}

TEST_F(FaultsTest, AStateDirectoryWithoutRoom) {
    const std::string state = directory() / "state";
    ASSERT_EQ(::mount("tmpfs", state.c_str(), "tmpfs", 0, "size=4k,mode=700"), 0);
    std::ofstream(state + "/full") << std::string(8192, 'x');
    EXPECT_TRUE(names(left().agent(), {state + " cannot be written", "df -h"}));
    ASSERT_EQ(::umount2(state.c_str(), MNT_DETACH), 0);
    EXPECT_TRUE(is_silent_about(left().agent(), "cannot be written"));
}

TEST_F(FaultsTest, AConfigurationThatDoesNotParse) {
    const auto broken_file = directory() / "edited.yaml";
    std::ofstream(broken_file) << to_yaml(left().agent().settings()) << "polcy: require\n";
    const Outcome doctor = left().agent().cli({"doctor", "--config", broken_file});
    EXPECT_EQ(doctor.exit_code, 1);
    EXPECT_NE(doctor.output.find("polcy: unknown key"), std::string::npos) << doctor.output;
}

TEST_F(FaultsTest, HostsThatOnlyOneSideEncrypts) {
    EXPECT_EQ(left().agent().stop(), 0);
    left().agent().settings().hosts = true;
    left().agent().start();
    ASSERT_TRUE(left().agent().wait_ready(1));
    // The answers come in clear.
    Process pings(
        {"ping", "-q", "-i", "0.2", "-w", "60", right().host_address(Family::v4).to_string()},
        {.ns = &left().ns()});
    EXPECT_TRUE(names(left().agent(), {"packets have come from it in clear", "are 'hosts' and"}));
    pings.signal(SIGKILL);
    mesh().reset();
}

TEST_F(FaultsTest, AnotherProgramOnTheTunnelsPort) {
    EXPECT_EQ(left().agent().stop(), 0);
    EXPECT_EQ(left().agent().cleanup().exit_code, 0);
    const UniqueFd taken = left().ns().socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in port{
        .sin_family = AF_INET, .sin_port = htons(51820), .sin_addr = {}, .sin_zero = {}};
    ASSERT_EQ(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&port), sizeof(port)), 0);
    left().agent().start();
    EXPECT_TRUE(names(left().agent(),
                      {"Address already in use", "another program has our UDP port", "ss -ulnp"}));
    mesh().reset();
}

TEST_F(FaultsTest, MoreNodesThanTheTablesTake) {
    mesh().reset();
    mesh().emplace(ClusterOptions{.nodes = 2, .hosts = false, .max_peers = 1});
    form_mesh(*mesh());
    write_node_file(*mesh(), "node-9", "name: node-9\naddresses: [192.168.50.99]\n");
    EXPECT_TRUE(names(left().agent(), {"PROBLEM  node-9: node-9: there are more nodes than "
                                       "max_peers",
                                       "raise 'max_peers'"}));
    mesh().reset();
}

TEST_F(FaultsTest, ASecondTunnelThatSomebodyReadsBeforeUs) {
    mesh().reset();
    mesh().emplace(ClusterOptions{.nodes = 2, .hosts = false, .per_family = true});
    form_mesh(*mesh());
    EXPECT_TRUE(names(left().agent(), {"wgsteer0-v6 is up", "wgsteer0-v6 ingress: wgs_wg_in"}));
    mesh().reset();
}

}  // namespace
}  // namespace wgs::test
