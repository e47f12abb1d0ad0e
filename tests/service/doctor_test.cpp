// SPDX-License-Identifier: Apache-2.0
// What the doctor makes of facts.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/version.h"
#include "cli/doctor/archive.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/report.h"
#include "model/key.h"
#include "tests/support/process.h"

namespace wgs::cli {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::int64_t kNow = 1'700'000'000;

Json peer(const char* name, const char* state, std::int64_t handshake, int rx, int tx) {
    return {{"name", name},
            {"state", state},
            {"last_handshake", handshake},
            {"rx_bytes", rx},
            {"tx_bytes", tx}};
}

DeviceFacts underlay() {
    return {.name = "eth0",
            .mtu = 1500,
            .up = true,
            .threaded = false,
            .rp_filter = 1,
            .gro = true,
            .gso = true,
            .egress = {{.name = "wgs_nic_out", .id = 1, .kind = "tcx"},
                       {.name = "wgs_leak_watch", .id = 2, .kind = "tcx"}},
            .ingress = {{.name = "wgs_nic_in", .id = 3, .kind = "tcx"}}};
}

// Of a node where all is well.
Facts sound() {
    Facts facts{.config = {.node = "node-a"}, .config_file = "/etc/wgsteer/wgsteer.yaml"};
    facts.config.prefixes = {*Prefix::parse("10.1.0.0/24")};
    facts.now = std::chrono::system_clock::time_point(std::chrono::seconds(kNow));
    facts.kernel = {.release = "6.12.80", .version = "#1 SMP", .has_wireguard = true};
    facts.agent = {.answers = true,
                   .status = {{"in_sync", true},
                              {"problems", Json::array()},
                              {"leaks", 0},
                              {"hooks", Json::array({{{"attached", true}}})}},
                   .peers = Json::array({peer("node-b", "ready", kNow - 30, 100, 100)}),
                   .later = Json::array({peer("node-b", "ready", kNow - 30, 200, 200)}),
                   .version = std::string(kVersion),
                   .open_files = 65536};
    facts.underlays = {underlay()};
    facts.tunnels = {{.name = "wgsteer0",
                      .mtu = 1440,
                      .up = true,
                      .threaded = false,
                      .ingress = {{.name = "wgs_wg_in", .id = 4, .kind = "tcx"}}}};
    facts.forwarding4 = true;
    facts.key = {.path = "/var/lib/wgsteer/private.key", .exists = true, .mode = 0600};
    facts.state_dir = {.path = "/var/lib/wgsteer", .exists = true, .mode = 0700};
    facts.mesh = {.path = "/etc/wgsteer/mesh", .exists = true, .mode = 0755};
    facts.probes = {{.peer = "node-b",
                     .address = "192.168.50.2",
                     .state = "ready",
                     .sent = true,
                     .answers = true,
                     .wanted = 1500,
                     .largest = 1500,
                     .clock_ahead = 3ms}};
    return facts;
}

// "GRADE check: text" of all that is not well.
std::vector<std::string> complaints(const Facts& facts) {
    std::vector<std::string> lines;
    for (const Finding& finding : examine(facts)) {
        if (finding.grade == Grade::ok) continue;
        EXPECT_NE(finding.fix, "") << finding.text;
        lines.push_back(std::string(to_string(finding.grade)) + " " + finding.check + ": " +
                        finding.text);
    }
    return lines;
}

using Lines = std::vector<std::string>;

Lines fixes(const Facts& facts) {
    Lines lines;
    for (const Finding& finding : examine(facts))
        if (!finding.fix.empty()) lines.push_back(finding.fix);
    return lines;
}

TEST(Doctor, HasNothingToSayAboutASoundNode) {
    EXPECT_EQ(complaints(sound()), Lines{});
    EXPECT_GT(examine(sound()).size(), 15U) << "what was looked at is told all the same";
}

TEST(Doctor, TakesAnAbsentAgentForAFinding) {
    Facts facts = sound();
    facts.agent = {.error = "no agent answers on /run/wgsteer/api.sock"};
    EXPECT_EQ(complaints(facts), Lines{"failure agent: no agent answers on /run/wgsteer/api.sock"});
}

TEST(Doctor, RepeatsTheProblemsOfTheAgent) {
    Facts facts = sound();
    facts.agent.status["problems"].push_back({{"object", "node-b"}, {"message", "claims ours"}});
    EXPECT_EQ(complaints(facts), Lines{"failure agent: node-b: claims ours"});
}

TEST(Doctor, RepeatsTheAlarmsOfTheAgentWithTheirAdvice) {
    Facts facts = sound();
    facts.agent.status["problems"].push_back({{"object", "node-b"}, {"message", "claims ours"}});
    facts.agent.status["alarms"] = Json::array({{{"kind", "rejected"},
                                                 {"object", "node-b"},
                                                 {"severity", "problem"},
                                                 {"message", "claims ours"},
                                                 {"advice", "correct it"}},
                                                {{"kind", "one_way"},
                                                 {"object", "node-c"},
                                                 {"severity", "warning"},
                                                 {"message", "silent"},
                                                 {"advice", "ping it"}}});
    EXPECT_EQ(complaints(facts),
              (Lines{"failure agent: node-b: claims ours", "warning agent: node-c: silent"}));
    EXPECT_EQ(fixes(facts), (Lines{"correct it", "ping it"}));
    facts.agent.peers = Json::array({peer("node-b", "waiting", 0, 0, 0)});
    EXPECT_EQ(complaints(facts).size(), 2U) << "its alarm says more than its state";
}

TEST(Doctor, TellsAnAgentThatIsStoppedFromOneThatIsAway) {
    Facts facts = sound();
    facts.agent = {.process = 77, .stopped = true, .error = "timeout"};
    EXPECT_EQ(complaints(facts),
              Lines{"failure agent: does not answer: its process 77 is stopped"});
    EXPECT_TRUE(fixes(facts)[0].starts_with("kill -CONT 77"));
    facts.agent.stopped = false;
    EXPECT_EQ(complaints(facts),
              Lines{"failure agent: its process 77 is there, but has not answered: timeout"});
}

TEST(Doctor, TellsAWatcherWithNothingToWatchFromABrokenOne) {
    Facts facts = sound();
    facts.agent.leak_test_failed = true;
    EXPECT_EQ(complaints(facts), Lines{"failure leaks: the watcher does not pass its self-test"});
}

TEST(Doctor, SeesPeersThatAreReachedElsewhere) {
    Facts facts = sound();
    facts.agent.peers[0]["endpoint"] = "192.0.2.9:40000";
    facts.agent.peers[0]["published_endpoint"] = "192.168.50.2:51820";
    facts.probes[0].port_closed = true;
    EXPECT_EQ(complaints(facts),
              Lines{"warning endpoint: node-b is reached at 192.0.2.9:40000, but has published "
                    "192.168.50.2:51820: a NAT is between, or its address has changed"});
}

TEST(Doctor, SurvivesDocumentsOfAnotherShape) {
    Facts facts = sound();
    facts.agent.status = Json::array();
    facts.agent.peers = Json{{"a", 1}};
    facts.agent.later = nullptr;
    EXPECT_FALSE(complaints(facts).empty());
}

TEST(Doctor, NamesPeersThatAreNotReadyAndWhatToDo) {
    Facts facts = sound();
    facts.agent.peers =
        Json::array({peer("b", "waiting", 0, 0, 0), peer("c", "conflict", 0, 0, 0)});
    EXPECT_EQ(complaints(facts),
              (Lines{"warning peers: b is waiting", "failure peers: c is conflict"}));
}

TEST(Doctor, SeesOneWayPeersByTheirOldHandshake) {
    Facts facts = sound();
    facts.agent.peers = Json::array({peer("node-b", "ready", kNow - 400, 100, 100)});
    facts.agent.later = Json::array({peer("node-b", "ready", kNow - 400, 100, 248)});
    EXPECT_EQ(complaints(facts), Lines{"failure peers: node-b is sent to and answers nothing, its "
                                       "handshake is 400 s old"});
    facts.agent.later = Json::array({peer("node-b", "ready", kNow - 400, 192, 248)});
    EXPECT_EQ(complaints(facts), Lines{}) << "it answers";
}

TEST(Doctor, SeesASilentPeerAtOnceWherePingsGoThroughTheTunnel) {
    Facts facts = sound();
    facts.agent.later = Json::array({peer("node-b", "ready", kNow - 30, 100, 248)});
    EXPECT_EQ(complaints(facts), Lines{});
    facts.probes[0].inside = true;
    facts.probes[0].answers = false;
    EXPECT_EQ(
        complaints(facts),
        (Lines{"failure peers: node-b is sent to and answers nothing, its handshake is 30 s old",
               "warning reach: node-b (192.168.50.2) does not answer pings through the "
               "tunnel"}));
}

TEST(Doctor, SeesAClockThatWasSetBack) {
    Facts facts = sound();
    facts.agent.peers = Json::array({peer("node-b", "ready", kNow + 3600, 1, 1)});
    EXPECT_EQ(complaints(facts), Lines{"failure clock: the last handshake with node-b is 3600 s in "
                                       "the future: the clock was set back"});
}

TEST(Doctor, SeesAPeersClockThatDiffers) {
    Facts facts = sound();
    facts.probes[0].clock_ahead = -90s;
    EXPECT_EQ(complaints(facts),
              Lines{"warning clock: differs from that of node-b by 90 s: ours is behind"});
}

TEST(Doctor, FindsTheStableVersionOfAKernel) {
    using Version = KernelVersion;
    EXPECT_EQ(kernel_version("6.12.40", "#1 SMP"), (Version{6, 12, 40}));
    EXPECT_EQ(kernel_version("6.1.0-40-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1 (2025)"),
              (Version{6, 1, 153}));
    EXPECT_EQ(kernel_version("6.18-rc1", ""), (Version{6, 18, 0}));
    EXPECT_EQ(kernel_version("custom", ""), std::nullopt);
}

TEST(Doctor, KnowsTheKernelsThatStallWithThreadedNapi) {
    for (const KernelVersion bad :
         {KernelVersion{5, 15, 186}, KernelVersion{5, 15, 200}, KernelVersion{6, 1, 142},
          KernelVersion{6, 1, 163}, KernelVersion{6, 6, 94}, KernelVersion{6, 6, 126},
          KernelVersion{6, 12, 34}, KernelVersion{6, 12, 73}})
        EXPECT_TRUE(has_napi_stall(bad)) << bad[0] << "." << bad[1] << "." << bad[2];
    for (const KernelVersion good : {KernelVersion{5, 15, 185}, KernelVersion{6, 1, 141},
                                     KernelVersion{6, 1, 164}, KernelVersion{6, 12, 74}})
        EXPECT_FALSE(has_napi_stall(good)) << good[0] << "." << good[1] << "." << good[2];
    Facts facts = sound();
    facts.kernel.release = "6.12.40";
    EXPECT_TRUE(complaints(facts)[0].starts_with("warning napi: ")) << "threaded NAPI is off";
    facts.tunnels[0].threaded = true;
    EXPECT_TRUE(complaints(facts)[0].starts_with("failure napi: "));
    facts.kernel.release = "6.12.80";
    EXPECT_EQ(complaints(facts), Lines{});
}

TEST(Doctor, SeesWhatTheKernelLacks) {
    Facts facts = sound();
    facts.kernel.has_wireguard = false;
    EXPECT_TRUE(complaints(facts)[0].starts_with("failure wireguard: neither"));
    facts.kernel.has_wireguard_go = true;
    EXPECT_TRUE(complaints(facts)[0].starts_with("warning wireguard: wireguard-go"));
    facts = sound();
    facts.kernel.release = "5.10.200";
    facts.kernel.clock_synchronised = false;
    facts.kernel.jit = false;
    facts.agent.capabilities = 0;
    facts.agent.open_files = 1024;
    facts.bpffs = false;
    EXPECT_EQ(complaints(facts).size(), 6U);
}

TEST(Doctor, SeesFilesThatOthersMayReadOrWrite) {
    Facts facts = sound();
    facts.key.mode = 0644;
    EXPECT_EQ(complaints(facts),
              Lines{"failure files: private key /var/lib/wgsteer/private.key has "
                    "mode 0644: others may read it"});
    facts = sound();
    facts.mesh.mode = 0777;
    EXPECT_EQ(complaints(facts),
              Lines{"failure files: /etc/wgsteer/mesh has mode 0777: anybody may write there"});
    facts.mesh = {.path = "/etc/wgsteer/mesh"};
    EXPECT_TRUE(complaints(facts)[0].starts_with("failure files: /etc/wgsteer/mesh is missing"));
}

TEST(Doctor, SeesFileSystemsWithoutRoom) {
    Facts facts = sound();
    facts.state_dir.full = true;
    EXPECT_EQ(complaints(facts), Lines{"failure files: /var/lib/wgsteer cannot be written: its "
                                       "file system is full, or read-only"});
}

TEST(Doctor, SeesTablesThatAreNoLongerPinned) {
    Facts facts = sound();
    facts.unpinned = {"wgs_peers_v1", "wgs_root4_v1"};
    EXPECT_EQ(complaints(facts), Lines{"failure bpffs: wgs_peers_v1, wgs_root4_v1 is not pinned "
                                       "in /sys/fs/bpf/wgsteer"});
}

TEST(Doctor, SeesAddressesThatNoDeviceHas) {
    Facts facts = sound();
    facts.lacking = {"192.168.50.1"};
    facts.held = {"192.168.50.77", "10.1.0.1"};
    EXPECT_EQ(complaints(facts),
              Lines{"warning underlay: no device of this node has 192.168.50.1 of 'addresses'; "
                    "they have 192.168.50.77, 10.1.0.1"});
}

TEST(Doctor, LooksAtEachTunnel) {
    Facts facts = sound();
    DeviceFacts second = facts.tunnels[0];
    second.name = "wgsteer0-v6";
    second.ingress.insert(second.ingress.begin(), {.name = "taker", .id = 5, .kind = "tcx"});
    second.mtu = 1472;
    facts.tunnels.push_back(second);
    facts.tunnels.push_back({.name = "wgsteer1", .exists = false});
    const Lines lines = complaints(facts);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_TRUE(lines[0].starts_with("failure mtu: wgsteer0-v6 has MTU 1472"));
    EXPECT_EQ(lines[1], "failure tunnel: wgsteer1 is missing");
    EXPECT_TRUE(lines[2].starts_with("warning programs: taker (id 5) before wgs_wg_in"));
}

TEST(Doctor, SeesPacketFiltersThatTakeThePacketsOfTunnels) {
    Facts facts = sound();
    facts.filters = {{.where = "nft", .line = "udp dport 51820 drop"},
                     {.where = "nft", .line = "policy drop", .policy = true}};
    EXPECT_EQ(complaints(facts), Lines{"failure firewall: nft throws away packets of the tunnels: "
                                       "udp dport 51820 drop"})
        << "peers are ready: something lets them in";
    facts.agent.peers[0]["state"] = "waiting";
    facts.filters.erase(facts.filters.begin());
    EXPECT_TRUE(complaints(facts).back().starts_with("warning firewall: nft drops what no rule"));
    facts = sound();
    facts.probes[0].refused = true;
    EXPECT_EQ(complaints(facts),
              Lines{"failure firewall: this node refuses to send UDP to node-b (192.168.50.2)"});
}

TEST(Doctor, ReadsBlocksOutOfPacketFilters) {
    const auto in = [](std::string_view rules) { return blocks_in(rules, {51820, 51821}, "nft"); };
    EXPECT_EQ(in("  udp dport 51820 drop\n").size(), 1U);
    EXPECT_EQ(in("  udp sport 51821 counter packets 3 bytes 9 drop\n").size(), 1U);
    EXPECT_EQ(in("  udp dport { 53, 51820 } reject\n").size(), 1U);
    EXPECT_EQ(in("-A INPUT -p udp -m udp --dport 51820 -j DROP\n").size(), 1U);
    EXPECT_EQ(
        in("-A INPUT -p udp -m multiport --dports 53,51821 -j REJECT --reject-with x\n").size(),
        1U);
    EXPECT_EQ(in("  udp dport 51820 accept\n  udp dport 5182 drop\n").size(), 0U);
    EXPECT_EQ(in("  tcp dport 51820 drop\n").size(), 0U);
    const auto rule = in("table inet f {\n\tchain c {\n\t\tudp dport 51820 drop\n\t}\n}\n");
    ASSERT_EQ(rule.size(), 1U);
    EXPECT_EQ(rule[0].line, "udp dport 51820 drop (chain c of table inet f)");
    const std::string strict =
        "chain input {\n type filter hook input priority filter; policy drop;\n";
    ASSERT_EQ(in(strict).size(), 1U);
    EXPECT_TRUE(in(strict)[0].policy);
    EXPECT_EQ(in(strict + " udp dport 51820 accept\n").size(), 0U);
    EXPECT_EQ(in(":INPUT DROP [0:0]\n").size(), 1U);
}

TEST(Doctor, SeesAHopThatIsTooSmall) {
    Facts facts = sound();
    facts.probes[0].largest = 1400;
    EXPECT_EQ(
        complaints(facts),
        Lines{"failure mtu: node-b (192.168.50.2) takes 1400 bytes, but 1500 are sent; larger "
              "ones vanish, without a word: a black hole"});
    EXPECT_EQ(fixes(facts),
              Lines{"mend the MTU of the hop, or set wireguard.mtu: 1312 on all nodes"});
    facts.probes[0].inside = true;
    EXPECT_EQ(fixes(facts),
              Lines{"mend the MTU of the hop, or set wireguard.mtu: 1392 on all nodes"});
    facts.probes[0].hop = "10.0.0.1";
    EXPECT_TRUE(complaints(facts)[0].ends_with("larger ones vanish, as 10.0.0.1 says"));
    facts.probes[0] = {
        .peer = "node-b", .address = "192.168.50.2", .sent = true, .port_closed = true};
    EXPECT_EQ(complaints(facts).size(), 2U) << "closed, and silent";
    facts.probes[0].sent = false;
    EXPECT_EQ(complaints(facts),
              Lines{"failure reach: there is no route to node-b (192.168.50.2)"});
}

TEST(Doctor, SeesDevicesThatAreDownOrMissing) {
    Facts facts = sound();
    facts.underlays[0].up = false;
    facts.tunnels[0].exists = false;
    EXPECT_EQ(complaints(facts),
              (Lines{"failure underlay: eth0 is down", "failure tunnel: wgsteer0 is missing"}));
    facts = sound();
    facts.underlays[0].gro = false;
    facts.underlays[0].mtu = 1400;
    facts.forwarding4 = false;
    EXPECT_EQ(complaints(facts),
              (Lines{"warning offloads: GRO is off on eth0: each packet costs more",
                     "failure mtu: wgsteer0 has MTU 1440, eth0 has room for 1312",
                     "failure forwarding: IPv4 forwarding is off: pods reach nobody"}));
}

TEST(Doctor, SeesProgramsOfOthersAndTheirPlace) {
    Facts facts = sound();
    auto& egress = facts.underlays[0].egress;
    egress.insert(egress.begin(), {.name = "cil_to_netdev", .id = 77, .kind = "bpf"});
    EXPECT_EQ(complaints(facts),
              Lines{"warning programs: cil_to_netdev (id 77) before wgs_nic_out at the egress of "
                    "eth0: packets that it ends with TC_ACT_OK, or redirects, leave in clear"});
    facts = sound();
    facts.underlays[0].egress.push_back({.kind = "flower"});
    facts.underlays[0].ingress.insert(facts.underlays[0].ingress.begin(),
                                      {.name = "taker", .id = 5});
    const Lines lines = complaints(facts);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(lines[0].starts_with("warning programs: flower filter after wgs_nic_out"));
    EXPECT_TRUE(lines[1].starts_with("warning programs: taker (id 5) before wgs_nic_in"));
    facts = sound();
    facts.underlays[0].egress.clear();
    EXPECT_EQ(complaints(facts),
              Lines{"failure programs: wgs_nic_out is not at the egress of eth0, "
                    "where there is nothing"});
    facts = sound();
    facts.underlays[0].xdp = {.name = "xdp_lb", .id = 9, .kind = "xdp"};
    EXPECT_TRUE(complaints(facts)[0].starts_with("warning programs: XDP program xdp_lb"));
    facts.config.guard = GuardMode::native;
    EXPECT_TRUE(complaints(facts)[0].starts_with("failure programs: XDP program xdp_lb"));
}

TEST(Doctor, SeesWhatCalicoHasLeft) {
    Facts facts = sound();
    facts.rules = {
        {.priority = 99, .mark = 0x100000, .mask = 0x100000, .table = 1, .inverted = true}};
    facts.other_wireguards = {"wg-vpn", "wireguard.cali"};
    EXPECT_EQ(complaints(facts),
              (Lines{"failure calico: ip rule 99: not fwmark 0x100000/0x100000 lookup 1 is of "
                     "Calico's WireGuard: it routes our packets away",
                     "failure calico: device wireguard.cali of Calico is there"}));
}

TEST(Doctor, SeesWhoElseUsesOurMarks) {
    Facts facts = sound();
    facts.rules = {{.priority = 100, .mark = 0x1000, .mask = 0xf000, .table = 7},
                   {.priority = 101, .mark = 0x4000, .mask = 0x4000, .table = 7}};
    EXPECT_EQ(complaints(facts), Lines{"failure marks: ip rule 100: fwmark 0x1000/0xf000 lookup 7 "
                                       "looks at mark bits of ours"});
}

TEST(Doctor, ReadsMarksOutOfPacketFilters) {
    const auto in = [](std::string_view rules) { return marks_in(rules, 0x3000, "nft").size(); };
    EXPECT_EQ(in("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"), 0U);
    EXPECT_EQ(in("-A X -j MARK --set-xmark 0x2000/0x2000\n"), 1U);
    EXPECT_EQ(in("-A X -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\n"), 0U);
    EXPECT_EQ(in("  meta mark & 0x00003000 == 0x00001000 accept\n"), 1U);
    EXPECT_EQ(in("  meta mark set 0x1\n  ip saddr 0x1000\n"), 0U);
    EXPECT_EQ(in("-A X -m mark --mark 0x1000/0xffffffff -j DROP\n"), 1U);
    EXPECT_EQ(in("\t\tmeta mark set meta mark or 0x00001000 counter"), 1U);
}

TEST(Doctor, PrintsEachFindingWithItsFix) {
    Findings findings;
    ok(findings, "kernel", "6.12");
    fail(findings, "files", "bad", "chmod");
    EXPECT_EQ(render_findings(findings),
              "ok    kernel        6.12\nFAIL  files         bad\n"
              "                    -> chmod\n\n1 failures, 0 warnings, 1 ok\n");
    const Json document = Json::parse(findings_document(findings));
    EXPECT_EQ(document["failures"], 1);
    EXPECT_EQ(document["findings"][1],
              Json({{"grade", "failure"}, {"check", "files"}, {"text", "bad"}, {"fix", "chmod"}}));
}

class Directory : public testing::Test {
  protected:
    void SetUp() override { std::filesystem::create_directories(path_); }
    void TearDown() override { std::filesystem::remove_all(path_); }
    std::filesystem::path path_ =
        std::filesystem::path(testing::TempDir()) / ("doctor." + std::to_string(::getpid()));
};

using Report = Directory;

TEST_F(Report, KnowsASecretInAllItsForms) {
    const PrivateKey key = PrivateKey::generate();
    std::ofstream(path_ / "private.key") << key.to_base64() << "\n";
    Config config;
    config.state_dir = path_;
    const auto bytes = key.bytes();
    const std::string raw(bytes.begin(), bytes.end());
    const std::string text = cleansed("base64 " + key.to_base64() + " hex " + key.to_hex() +
                                          " raw " + raw + " public " + key.public_key().to_base64(),
                                      secrets_of(config));
    EXPECT_EQ(text, "base64 (removed) hex (removed) raw (removed) public " +
                        key.public_key().to_base64());
}

TEST_F(Report, IsAnArchiveThatTarReads) {
    Archive archive;
    archive.add("report/a.txt", "one\n");
    archive.add("report/b.txt", std::string(1000, 'x'));
    archive.add("report/empty", "");
    std::ofstream(path_ / "report.tar", std::ios::binary) << archive.bytes();
    const auto tar = [&](const std::string& options, const std::string& name) {
        std::vector<std::string> argv{"tar", options, path_ / "report.tar"};
        if (!name.empty()) argv.push_back(name);
        const test::Outcome outcome = test::run(argv);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
        return outcome.output;
    };
    EXPECT_EQ(tar("-tf", ""), "report/a.txt\nreport/b.txt\nreport/empty\n");
    EXPECT_EQ(tar("-xOf", "report/b.txt"), std::string(1000, 'x'));
}

}  // namespace
}  // namespace wgs::cli
