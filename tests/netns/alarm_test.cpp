// SPDX-License-Identifier: Apache-2.0
// Faults put into a running mesh: status names each of them, in words that lead to the fix.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "tests/netns/fixture.h"
#include "tests/support/bpf_link.h"
#include "tests/support/cni.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

// What is promised on an idle machine; scaled() and the loaded one get more.
constexpr Millis kSoon = 15s;

// While one lives, the machine's clock is behind.
class ClockSetBack {
  public:
    explicit ClockSetBack(time_t seconds) : seconds_(seconds) { move(-seconds_); }
    ClockSetBack(const ClockSetBack&) = delete;
    ClockSetBack& operator=(const ClockSetBack&) = delete;
    ~ClockSetBack() { move(seconds_); }

  private:
    static void move(time_t seconds) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        now.tv_sec += seconds;
        if (::clock_settime(CLOCK_REALTIME, &now) != 0) std::perror("clock_settime");
    }

    time_t seconds_;
};

class AlarmTest : public MeshTest {
  protected:
    void form(ClusterOptions options = {.nodes = 2}) {
        cluster_.emplace(std::move(options));
        form_mesh(*cluster_);
    }
    Node& left() { return cluster_->node(1); }
    Node& right() { return cluster_->node(2); }

    static nlohmann::json alarm(const Agent& agent, const std::string& kind,
                                const std::string& object) {
        const nlohmann::json status = agent.status();
        for (const auto& alarm : status["alarms"]) {
            if (alarm["kind"] == kind && alarm["object"] == object) return alarm;
        }
        return nullptr;
    }
    // The alarm is raised soon, and its words have `words` in them.
    static testing::AssertionResult names(const Agent& agent, const std::string& kind,
                                          const std::string& object, const std::string& words,
                                          Millis timeout = kSoon) {
        nlohmann::json found;
        if (!eventually(timeout, [&] {
                found = alarm(agent, kind, object);
                return !found.is_null();
            }))
            return testing::AssertionFailure() << agent.status().dump(2);
        const std::string text = found.dump();
        if (text.find(words) == std::string::npos) return testing::AssertionFailure() << text;
        const std::string screen = agent.cli({"status"}).output;
        if (screen.find(object + ": ") == std::string::npos)
            return testing::AssertionFailure() << "status does not show " << text << "\n" << screen;
        return testing::AssertionSuccess();
    }
    // One that is there gets these words in time.
    static testing::AssertionResult comes_to_say(const Agent& agent, const std::string& kind,
                                                 const std::string& object,
                                                 const std::string& words, Millis timeout) {
        std::string text;
        if (eventually(timeout, [&] {
                text = alarm(agent, kind, object).dump();
                return text.find(words) != std::string::npos;
            }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << text;
    }
    static testing::AssertionResult ends(const Agent& agent, const std::string& kind,
                                         const std::string& object) {
        if (eventually(30s, [&] { return alarm(agent, kind, object).is_null(); }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << alarm(agent, kind, object);
    }
    static std::string drop_rules(const std::string& hook, const std::string& match) {
        return "table inet fault_" + hook + " {\n chain c {\n type filter hook " + hook +
               " priority -300\n " + match + " drop\n }\n}\n";
    }
    // Drops what nft's `match` matches, at `hook` ("input", "output") of the namespace.
    static void drop(const NetNamespace& ns, const std::string& hook, const std::string& match) {
        const std::string rules = drop_rules(hook, match);
        const Outcome outcome = run({"nft", "-f", "-"}, {.ns = &ns, .input = rules});
        if (outcome.exit_code != 0) broken("nft: " + outcome.errors);
    }
    static void mend(const NetNamespace& ns) {
        static_cast<void>(run({"nft", "flush", "ruleset"}, {.ns = &ns}));
    }
    static std::optional<std::string> no_nft() {
        if (!has_tool("nft")) return "nft is not here";
        const NetNamespace scratch("nft probe");
        const Outcome outcome =
            run({"nft", "-f", "-"}, {.ns = &scratch, .input = drop_rules("input", "udp dport 1")});
        if (outcome.exit_code != 0) return "no nftables here: " + outcome.errors;
        return std::nullopt;
    }

    std::optional<Cluster> cluster_;
};

TEST_F(AlarmTest, ADeadPeerIsNamedThenStalledAndComesBack) {
    if (const auto obstacle = no_nft()) GTEST_SKIP() << *obstacle;
    form({.nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
    const auto capture = cluster_->capture();
    UdpStream stream(left().pod(), right().pod_address(Family::v4), right().pod(), 10);
    drop(right().ns(), "input", "udp dport 51820");
    drop(right().ns(), "output", "udp sport 51820");
    EXPECT_TRUE(names(left().agent(), "one_way", "node-2", "UDP port 51820"));
    EXPECT_TRUE(names(left().agent(), "stalled", "node-2", "does its agent run", 60s));
    EXPECT_EQ(left().agent().peer_state("node-2"), "stalled");
    EXPECT_EQ(left().agent().explain("10.1.0.10", "10.2.0.10").value("reason", ""), "stalled");
    EXPECT_EQ(left().agent().cli({"status", "--check"}).exit_code, 1);
    mend(right().ns());
    EXPECT_TRUE(ends(left().agent(), "stalled", "node-2"));
    EXPECT_TRUE(left().agent().wait_ready(1));
    EXPECT_TRUE(soon_encrypted(*cluster_, left(), right()));
    stream.stop();
    EXPECT_TRUE(nothing_in_clear(capture->stop()));
    EXPECT_NE(left().agent().log().find("alarm: stalled node-2"), std::string::npos);
    EXPECT_NE(left().agent().log().find("alarm has ended: stalled node-2"), std::string::npos);
}

TEST_F(AlarmTest, AOneWayBlockIsNamedByWhoSends) {
    if (const auto obstacle = no_nft()) GTEST_SKIP() << *obstacle;
    form();
    UdpStream stream(left().pod(), right().pod_address(Family::v4), right().pod(), 10);
    drop(left().ns(), "input", "udp dport 51820");
    EXPECT_TRUE(names(left().agent(), "one_way", "node-2", "one way is blocked"));
    EXPECT_EQ(left().agent().cli({"status", "--check"}).exit_code, 0) << "a suspicion so far";
    mend(left().ns());
    EXPECT_TRUE(ends(left().agent(), "one_way", "node-2"));
    stream.stop();
}

// As with a lost wake-up of threaded NAPI: the receive side takes handshakes, and no data.
TEST_F(AlarmTest, AReceiveSideThatStandsStillIsNamedThoughHandshakesComplete) {
    if (const auto obstacle = no_nft()) GTEST_SKIP() << *obstacle;
    form({.nodes = 2, .policy = "require", .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
    const auto capture = cluster_->capture();
    UdpStream stream(left().pod(), right().pod_address(Family::v4), right().pod(), 10);
    drop(right().ns(), "input", "udp dport 51820 @th,64,8 4");
    EXPECT_TRUE(names(left().agent(), "one_way", "node-2", "sending to"));
    EXPECT_TRUE(
        comes_to_say(left().agent(), "one_way", "node-2", "a receive side may stand still", 60s));
    EXPECT_TRUE(names(left().agent(), "stalled", "node-2", "CVE-2026-52945", 120s));
    EXPECT_EQ(left().agent().peer_state("node-2"), "stalled");
    mend(right().ns());
    EXPECT_TRUE(ends(left().agent(), "stalled", "node-2"));
    EXPECT_TRUE(left().agent().wait_ready(1));
    stream.stop();
    EXPECT_TRUE(nothing_in_clear(capture->stop()));
}

TEST_F(AlarmTest, AClockThatIsSetBackIsNamedUntilItIsRight) {
    if (std::getenv("WGS_MAY_SET_CLOCK") == nullptr)
        GTEST_SKIP() << "the clock of this machine is not ours to set";
    form();
    {
        const ClockSetBack an_hour(3600);
        EXPECT_TRUE(names(left().agent(), "clock", "clock", "the clock has gone back"));
        EXPECT_TRUE(talk_encrypted(*cluster_, left(), right())) << "sessions live on";
    }
    EXPECT_TRUE(ends(left().agent(), "clock", "clock"));
    EXPECT_TRUE(talk_encrypted(*cluster_, left(), right()));
}

TEST_F(AlarmTest, APeerThatCannotBeReachedIsNamed) {
    form();
    write_node_file(*cluster_, "node-9",
                    "name: node-9\naddresses: [192.168.50.99]\nprefixes: [10.9.0.0/24]\n"
                    "public_key: \"" +
                        unused_public_key() + "\"\n");
    EXPECT_TRUE(names(left().agent(), "no_handshake", "node-9", "nothing comes back"));
    EXPECT_EQ(left().agent().cli({"status", "--check"}).exit_code, 1);
    const Outcome peer = left().agent().cli({"peers", "node-9"});
    EXPECT_NE(peer.output.find("PROBLEM  no handshake"), std::string::npos) << peer.output;
    EXPECT_NE(peer.output.find("192.168.50.99"), std::string::npos) << peer.output;
    EXPECT_EQ(left().agent().cli({"peers", "node-7"}).exit_code, 1);
}

TEST_F(AlarmTest, ACopiedKeyAndAStolenPrefixAreNamed) {
    form();
    const std::string key = left().agent().peer("node-2").value("public_key", "");
    write_node_file(*cluster_, "node-9",
                    "name: node-9\naddresses: [192.168.50.99]\nprefixes: [10.2.0.0/24]\n"
                    "public_key: \"" +
                        key + "\"\n");
    EXPECT_TRUE(names(left().agent(), "key_conflict", "node-2", "remove the private key"));
    EXPECT_TRUE(names(left().agent(), "key_conflict", "node-9", "another node has the same"));
    EXPECT_TRUE(names(left().agent(), "rejected", "node-9", "belongs to node-2"));
    std::filesystem::remove(cluster_->mesh() / "node-9.yaml");
    EXPECT_TRUE(ends(left().agent(), "key_conflict", "node-2"));
    EXPECT_TRUE(left().agent().wait_ready(1));
}

TEST_F(AlarmTest, ADetachedProgramIsNamedThoughItIsBack) {
    form();
    const int links = detach_pinned_links(left().agent().bpffs());
    const bool filters = delete_clsact(left().ns(), "eth0");
    ASSERT_TRUE(links > 0 || filters) << "found neither BPF links nor a clsact qdisc";
    EXPECT_TRUE(names(left().agent(), "lost_hook", "wgs_nic_out of eth0", "detached by somebody"));
    EXPECT_TRUE(left().agent().wait_ready(1));
    EXPECT_EQ(left().agent().cli({"status", "--check"}).exit_code, 0) << "it is mended";
}

TEST_F(AlarmTest, AProgramThatEndsTheChainIsNamedByWhoGetsClearText) {
    cluster_.emplace(ClusterOptions{.nodes = 2});
    const CniPrograms rude(left().ns(), "eth0", kernel_has_tcx() ? CniKind::tcx : CniKind::clsact,
                           CniManners::rude);
    form_mesh(*cluster_);
    UdpStream stream(left().pod(), right().pod_address(Family::v4), right().pod(), 10);
    EXPECT_TRUE(names(right().agent(), "clear_text", "node-1", "are its programs attached"));
    stream.stop();
}

TEST_F(AlarmTest, ADeletedDeviceIsNamedThoughItIsBack) {
    form();
    left().ns().ip("link del wgsteer0\n");
    EXPECT_TRUE(names(left().agent(), "lost_device", "wgsteer0", "made again"));
    EXPECT_TRUE(left().agent().wait_ready(1));
}

TEST_F(AlarmTest, KilledUserspaceWireguardIsNamed) {
    form();
    const std::vector<pid_t> engines = left().ns().processes("wireguard-go");
    if (engines.empty()) GTEST_SKIP() << "the tunnel is a kernel device";
    for (const pid_t engine : engines)
        ::kill(engine, SIGKILL);
    EXPECT_TRUE(names(left().agent(), "lost_device", "wgsteer0", "who kills wireguard-go"));
}

TEST_F(AlarmTest, ABlackHoleForLargePacketsIsNamed) {
    if (const auto obstacle = no_nft()) GTEST_SKIP() << *obstacle;
    form();
    drop(left().pod(), "input", "icmp type destination-unreachable");
    Process sender({"ping", "-q", "-M", "do", "-s", "1460", "-i", "0.3", "-w", "30",
                    right().pod_address(Family::v4).to_string()},
                   {.ns = &left().pod()});
    EXPECT_TRUE(names(left().agent(), "mtu", "node-2", "lower the MTU of the pods"));
}

TEST_F(AlarmTest, ProbesAndMetricsTellOfThem) {
    form();
    write_node_file(*cluster_, "node-9", "name: node-9\naddresses: [192.168.50.99]\n");
    EXPECT_TRUE(names(left().agent(), "no_key", "node-9", "start wgsteerd there"));
    const Within inside(left().ns());
    const auto metrics = http_get("http://127.0.0.1:9586/metrics");
    ASSERT_TRUE(metrics);
    EXPECT_NE(
        metrics->body.find(R"(wgsteer_alarm{kind="no_key",object="node-9",severity="warning"} 1)"),
        std::string::npos)
        << metrics->body;
    for (const char* path : {"/healthz", "/readyz"}) {
        const auto reply = http_get(std::string("http://127.0.0.1:9586") + path);
        ASSERT_TRUE(reply) << path;
        EXPECT_EQ(reply->status, 200) << path << reply->body;
    }
}

}  // namespace
}  // namespace wgs::test
