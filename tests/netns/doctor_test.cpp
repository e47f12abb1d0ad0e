// SPDX-License-Identifier: Apache-2.0
// The doctor on real nodes that something is wrong with.
#include <fstream>
#include <set>
#include <sstream>

#include "model/key.h"
#include "tests/netns/fixture.h"
#include "tests/support/cni.h"

namespace wgs::test {
namespace {

class DoctorTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (!IsSkipped()) cluster_.emplace(ClusterOptions{.nodes = 2, .hosts = false});
    }

    Node& node() { return cluster_->node(1); }

    nlohmann::json examine(int expected_code) {
        const Outcome outcome = node().agent().cli({"doctor", "-o", "json"});
        EXPECT_EQ(outcome.exit_code, expected_code) << outcome.output << outcome.errors;
        return nlohmann::json::parse(outcome.output, nullptr, false);
    }

    // "GRADE check: text" of the findings of this check, without those that are fine.
    std::string complaints(const std::string& check, int expected_code) {
        std::string lines;
        const nlohmann::json document = examine(expected_code);
        for (const auto& finding : document["findings"]) {
            if (finding["check"] != check || finding["grade"] == "ok") continue;
            EXPECT_NE(finding["fix"], "");
            lines += finding["grade"].get<std::string>() + ": " +
                     finding["text"].get<std::string>() + "\n";
        }
        return lines;
    }

    std::optional<Cluster> cluster_;
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(DoctorTest, FindsNoFailureInASoundMesh) {
    form_mesh(*cluster_);
    const nlohmann::json document = examine(0);
    EXPECT_EQ(document["failures"], 0) << document.dump(1);
    std::set<std::string> fine;
    for (const auto& finding : document["findings"])
        if (finding["grade"] == "ok") fine.insert(finding["check"]);
    for (const char* check : {"agent", "peers", "bpffs", "files", "underlay", "tunnel", "programs",
                              "marks", "mtu", "leaks", "config"})
        EXPECT_TRUE(fine.contains(check)) << check << document.dump(1);
    EXPECT_TRUE(has(node().agent().cli({"doctor"}).output, "0 failures"));
}

TEST_F(DoctorTest, WorksWithoutTheAgent) {
    form_mesh(*cluster_);
    node().agent().kill9();
    EXPECT_TRUE(has(complaints("agent", 1), "no agent answers"));
    EXPECT_EQ(complaints("programs", 1), "") << "what it has set up is still there";
}

TEST_F(DoctorTest, MeasuresAHopThatIsTooSmall) {
    form_mesh(*cluster_);
    // The switch between the nodes passes 1400 bytes and says nothing.
    run({"nft",
         "add table bridge small; add chain bridge small forward { type filter hook forward "
         "priority 0; }; add rule bridge small forward meta length > 1414 drop"},
        {.ns = &cluster_->underlay()});
    const std::string found = complaints("mtu", 1);
    EXPECT_TRUE(has(found, "node-2 (192.168.50.2) takes 14")) << found;
    EXPECT_TRUE(has(found, "but 1500 are sent")) << found;
    EXPECT_TRUE(has(found, "black hole")) << found;
}

TEST_F(DoctorTest, SeesProgramsLeftoversModesAndClosedPorts) {
    form_mesh(*cluster_);
    const NetNamespace& ns = node().ns();

    const auto key = node().agent().settings().directory / "state" / "private.key";
    std::filesystem::permissions(key, std::filesystem::perms(0644));
    EXPECT_TRUE(has(complaints("files", 1), key.string() + " has mode 0644"));
    std::filesystem::permissions(key, std::filesystem::perms(0600));

    ns.ip(
        "rule add pref 99 not fwmark 0x100000/0x100000 lookup 1\n"
        "rule add pref 120 fwmark 0x2000/0x2000 lookup 7");
    EXPECT_TRUE(has(complaints("calico", 1), "ip rule 99: not fwmark 0x100000/0x100000 lookup 1"));
    EXPECT_TRUE(has(complaints("marks", 1), "ip rule 120: fwmark 0x2000/0x2000 lookup 7"));
    ns.ip("rule del pref 99\nrule del pref 120");

    run({"nft",
         "add table inet t; add chain inet t c { type filter hook output priority 0; }; add "
         "rule inet t c meta mark set meta mark or 0x1000"},
        {.ns = &ns});
    EXPECT_TRUE(has(complaints("marks", 0), "nft uses mark bits of ours"))
        << complaints("marks", 0);
    run({"nft", "delete table inet t"}, {.ns = &ns});
}

TEST_F(DoctorTest, SeesAForeignProgramBeforeOurs) {
    form_mesh(*cluster_);
    const CniPrograms foreign(node().ns(), "eth0", CniKind::clsact);
    std::string found;
    EXPECT_TRUE(eventually(20s, [&] {
        found = complaints("programs", 0);
        return has(found, " before wgs_nic_out at the egress of eth0");
    })) << found;
}

TEST_F(DoctorTest, SeesThatAPeerIsSilentWherePingsGoThroughTheTunnel) {
    cluster_.reset();
    cluster_.emplace(ClusterOptions{.nodes = 2, .hosts = true});
    form_mesh(*cluster_);
    run({"nft",
         "add table inet block; add chain inet block in { type filter hook input priority 0; "
         "}; add rule inet block in udp dport 51820 drop"},
        {.ns = &cluster_->node(2).ns()});
    const std::string found = complaints("peers", 1);
    EXPECT_TRUE(has(found, "node-2 is sent to and answers nothing")) << found;
}

TEST_F(DoctorTest, ReportHasEverythingButSecrets) {
    form_mesh(*cluster_);
    const auto file = cluster_->workspace().directory() / "report.tar";
    EXPECT_EQ(node().agent().cli({"doctor", "--report", file}).exit_code, 0);
    const Outcome listing = run({"tar", "-tf", file});
    EXPECT_EQ(listing.exit_code, 0) << listing.errors;
    for (const char* name : {"doctor.txt", "status.json", "peers.json", "config.yaml", "links.txt",
                             "bpf.txt", "kernel-log.txt"})
        EXPECT_TRUE(has(listing.output, std::string("wgsteer-report/") + name + "\n")) << name;
    EXPECT_TRUE(has(run({"tar", "-xOf", file, "wgsteer-report/status.json"}).output, "node-1"));

    std::stringstream archive;
    archive << std::ifstream(file, std::ios::binary).rdbuf();
    for (const auto& other : cluster_->nodes()) {
        std::string text;
        std::ifstream(other->agent().settings().directory / "state" / "private.key") >> text;
        const auto key = PrivateKey::parse(text);
        ASSERT_TRUE(key) << text;
        const auto bytes = key->bytes();
        EXPECT_FALSE(has(archive.str(), text));
        EXPECT_FALSE(has(archive.str(), key->to_hex()));
        EXPECT_FALSE(has(archive.str(), std::string(bytes.begin(), bytes.end())));
        EXPECT_TRUE(has(archive.str(), key->public_key().to_base64())) << "these are no secret";
    }
}

}  // namespace
}  // namespace wgs::test
