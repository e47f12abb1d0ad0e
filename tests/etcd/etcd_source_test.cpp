// SPDX-License-Identifier: Apache-2.0
// The etcd source against a real etcd.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "source/node_json.h"
#include "tests/etcd/sourcing.h"

namespace wgs::test {
namespace {

const std::string kPrefix = "/wgsteer/nodes/";
// One that does not lapse while the test itself is held up.
constexpr auto kLongLease = 60s;

class EtcdSourceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!has_tool("etcd") || !has_tool("etcdctl")) GTEST_SKIP() << "etcd is not installed";
    }

    [[nodiscard]] static EtcdConfig config(const EtcdCluster& etcd,
                                           std::chrono::seconds lease = 5s) {
        return {.endpoints = etcd.endpoints(), .lease = lease};
    }
    // A source that is in step, with its own key written.
    static std::unique_ptr<Sourcing> join(const EtcdCluster& etcd, const NodeInfo& self,
                                          std::chrono::seconds lease = 5s) {
        auto one = std::make_unique<Sourcing>(self.name, config(etcd, lease));
        one->source->start();
        static_cast<void>(one->source->publish(self));
        EXPECT_TRUE(one->until([&] {
            return one->mesh.completed == 1 &&
                   etcd.get(kPrefix + self.name) == format_node_json(self);
        }));
        return one;
    }
    static void put(const EtcdCluster& etcd, const NodeInfo& info) {
        etcd.put(kPrefix + info.name, format_node_json(info));
    }

    const NodeInfo a_ = node({"a", {"192.168.50.1"}, {"10.1.0.0/24"}, 1});
    const NodeInfo b_ = node({"b", {"192.168.50.2"}, {"10.2.0.0/24", "fd10:2::/64"}, 2});
    const NodeInfo c_ = node({"c", {"192.168.50.3", "fd50::3"}, {}, 3});
};

TEST_F(EtcdSourceTest, TellsWhatIsThereAndWhatChanges) {
    EtcdCluster etcd;
    etcd.start();
    put(etcd, b_);
    etcd.put("/wgsteer/nodesbefore", "x");
    etcd.put("/wgsteer/nodes0", "x");
    const auto one = join(etcd, a_);
    EXPECT_EQ(one->mesh.nodes.at("b"), b_);
    put(etcd, c_);
    EXPECT_TRUE(one->until([&] { return one->mesh.nodes.contains("c"); }));
    EXPECT_EQ(one->mesh.nodes.at("c"), c_);
    NodeInfo changed = b_;
    changed.port = 7;
    put(etcd, changed);
    EXPECT_TRUE(one->until([&] { return one->mesh.nodes.at("b") == changed; }));
    EXPECT_FALSE(one->mesh.nodes.contains("a"));
    EXPECT_TRUE(one->until([&] { return one->source->problems().empty(); })) << one->complaints();
}

TEST_F(EtcdSourceTest, WritesItsKeyUnderALeaseThatIsKeptAlive) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_);
    // It is not written anew for longer than the lease, unless the test was held up for as long.
    bool kept = false;
    for (int tries = 0; tries < 5 && !kept; ++tries) {
        const std::int64_t revision = etcd.revision_of(kPrefix + "a");
        const auto end = std::chrono::steady_clock::now() + 7s;
        one->until([&] { return std::chrono::steady_clock::now() > end; });
        kept = revision != 0 && etcd.revision_of(kPrefix + "a") == revision;
    }
    EXPECT_TRUE(kept);
    EXPECT_EQ(etcd.get(kPrefix + "a"), format_node_json(a_));
    one->source.reset();
    EXPECT_TRUE(eventually(20s, [&] { return etcd.get(kPrefix + "a").empty(); }));
}

TEST_F(EtcdSourceTest, TakesALapsedLeaseForAbsenceAndAMarkForLeaving) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_, kLongLease);  // lists once, so it sees the mark
    auto two = join(etcd, b_);
    auto three = join(etcd, c_);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b", "c"}); }));
    two.reset();  // dies
    EXPECT_TRUE(three->source->withdraw());
    EXPECT_EQ(etcd.get(kPrefix + "c"), "");
    EXPECT_TRUE(one->until([&] { return one->mesh.removed == std::vector<std::string>{"c"}; }));
    EXPECT_TRUE(one->until([&] { return one->mesh.away_nodes.contains("b"); }));
    EXPECT_TRUE(one->mesh.has({"b"}));
    EXPECT_TRUE(one->until([&] {
        return one->complaints() == kPrefix +
                                        ": 1 of 1 nodes have no key any more, b first; they stay "
                                        "while their sessions live\n";
    })) << one->complaints();

    one->mesh.living = {"b"};
    one->skipped += 6min;
    EXPECT_FALSE(one->until([&] { return !one->mesh.nodes.contains("b"); }, 1s));
    one->mesh.living = {};
    // The time of absence begins anew if etcd was out of reach meanwhile.
    bool gone = false;
    for (int tries = 0; tries < 5 && !gone; ++tries) {
        one->skipped += 6min;
        gone = one->until([&] { return !one->mesh.nodes.contains("b"); }, 10s);
    }
    EXPECT_TRUE(gone);
    EXPECT_TRUE(one->until([&] { return one->source->problems().empty(); })) << one->complaints();
}

TEST_F(EtcdSourceTest, WithdrawsWhatIsNotThereWithoutAWord) {
    EtcdCluster etcd;
    etcd.start();
    Sourcing one("a", config(etcd), 10s);
    EXPECT_TRUE(one.source->withdraw());
    EXPECT_EQ(etcd.get(kPrefix + "a"), "");
    etcd.kill_all();
    EXPECT_FALSE(one.source->withdraw());
}

TEST_F(EtcdSourceTest, RestoresItsKeyWhenSomebodyChangesOrDeletesIt) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_);
    const auto restored = [&] { return etcd.get(kPrefix + "a") == format_node_json(a_); };
    for (int i = 0; i < 2; ++i) {
        etcd.erase(kPrefix + "a");
        EXPECT_TRUE(one->until(restored));
        etcd.put(kPrefix + "a", "nonsense");
        EXPECT_TRUE(one->until(restored));
    }
    EXPECT_TRUE(one->complained("was changed by somebody else, and written again"));
    // The same value without the lease would outlive us.
    etcd.put(kPrefix + "a", format_node_json(a_));
    EXPECT_TRUE(one->until([&] {
        return etcd.ctl({"get", kPrefix + "a", "-w=json"}).find("lease") != std::string::npos;
    }));
}

TEST_F(EtcdSourceTest, RemovesNobodyWhileEtcdIsOutOfReach) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_);
    put(etcd, b_);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b"}); }));
    etcd.kill_all();
    ASSERT_TRUE(one->until([&] { return !one->source->problems().empty(); }));
    EXPECT_FALSE(one->mesh.reports.empty());
    one->skipped += 10min;
    EXPECT_FALSE(one->until([&] { return !one->mesh.has({"b"}); }, 1s));
    EXPECT_EQ(one->source->problems().size(), 1u);
    EXPECT_TRUE(one->mesh.away_nodes.empty());

    etcd.start();
    put(etcd, c_);
    EXPECT_TRUE(one->until([&] { return one->mesh.has({"b", "c"}); }));
    EXPECT_TRUE(one->until([&] { return one->source->problems().empty(); }));
    EXPECT_EQ(one->mesh.completed, 1);
}

TEST_F(EtcdSourceTest, NoticesAPausedEtcdAndGoesOnWhereItWas) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_, kLongLease);
    put(etcd, b_);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b"}); }));
    etcd.signal(SIGSTOP);
    one->skipped += kLongLease / 3;
    EXPECT_TRUE(one->until([&] { return !one->source->problems().empty(); }));
    etcd.signal(SIGCONT);
    EXPECT_TRUE(one->until([&] { return one->source->problems().empty(); }));
    const std::size_t before = one->mesh.upserts;
    put(etcd, c_);
    EXPECT_TRUE(one->until([&] { return one->mesh.has({"b", "c"}); }));
    EXPECT_EQ(one->mesh.upserts, before + 1);  // nothing was listed again
    EXPECT_TRUE(one->mesh.removed.empty());
}

TEST_F(EtcdSourceTest, ListsAgainWhatWasCompactedMeanwhile) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_, kLongLease);
    for (const NodeInfo& info : {b_, c_})
        put(etcd, info);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b", "c"}); }));
    // The source does not run meanwhile, and its connection breaks.
    NodeInfo changed = c_;
    changed.port = 9;
    etcd.erase(kPrefix + "b");
    put(etcd, changed);
    etcd.kill_all();
    etcd.start();
    etcd.compact();
    EXPECT_TRUE(one->until([&] { return one->mesh.nodes.at("c") == changed; }));
    EXPECT_TRUE(one->until([&] { return one->mesh.away_nodes.contains("b"); }));
    EXPECT_TRUE(one->mesh.removed.empty());
}

TEST_F(EtcdSourceTest, KeepsEverybodyWhenEtcdHasLostItsData) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_);
    const auto two = join(etcd, b_);
    put(etcd, c_);
    const auto both = [&](const std::function<bool()>& condition) {
        return Sourcing::run_until({one.get(), two.get()}, condition);
    };
    ASSERT_TRUE(both([&] { return one->mesh.has({"b", "c"}) && two->mesh.has({"a", "c"}); }));
    etcd.kill_all();
    etcd.wipe();
    etcd.start();
    EXPECT_TRUE(both([&] { return etcd.get(kPrefix + "a") == format_node_json(a_); }));
    EXPECT_TRUE(both([&] { return etcd.get(kPrefix + "b") == format_node_json(b_); }));
    EXPECT_TRUE(both([&] { return one->mesh.away_nodes == std::set<std::string>{"c"}; }));
    EXPECT_TRUE(one->mesh.reported("has lost its data")) << one->complaints();
    EXPECT_TRUE(one->mesh.removed.empty());
    EXPECT_TRUE(one->mesh.has({"b", "c"}));
    put(etcd, c_);
    EXPECT_TRUE(both([&] { return one->source->problems().empty(); }));
}

TEST_F(EtcdSourceTest, KeepsEverybodyWhenAllKeysAreDeleted) {
    EtcdCluster etcd;
    etcd.start();
    const auto one = join(etcd, a_);
    for (const NodeInfo& info : {b_, c_})
        put(etcd, info);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b", "c"}); }));
    etcd.ctl({"del", "--prefix", "/"});
    EXPECT_TRUE(one->until([&] { return one->mesh.away_nodes.size() == 2; }));
    EXPECT_TRUE(one->until([&] { return !etcd.get(kPrefix + "a").empty(); }));
    EXPECT_TRUE(one->mesh.has({"b", "c"}));
}

TEST_F(EtcdSourceTest, GoesToAnotherMemberWhenOneFails) {
    EtcdCluster etcd(3);
    etcd.start();
    const auto one = join(etcd, a_);
    int changes = 0;
    const auto follows = [&] {
        NodeInfo changed = b_;
        changed.port = static_cast<std::uint16_t>(1000 + ++changes);
        put(etcd, changed);
        return one->until(
            [&] { return one->mesh.nodes.contains("b") && one->mesh.nodes.at("b") == changed; });
    };
    EXPECT_TRUE(follows());
    for (int member = 1; member <= 3; ++member) {
        etcd.signal_member(member, SIGSTOP);
        etcd.speak_to(member % 3 + 1);
        ASSERT_TRUE(etcd.wait_healthy()) << "without member " << member;
        EXPECT_TRUE(follows()) << "without member " << member;
        etcd.signal_member(member, SIGCONT);
        etcd.speak_to(0);
        ASSERT_TRUE(etcd.wait_healthy());
    }
    EXPECT_TRUE(one->mesh.removed.empty());
}

TEST_F(EtcdSourceTest, NoticesThatTheMajorityIsGone) {
    EtcdCluster etcd(3);
    etcd.start();
    const auto one = join(etcd, a_);
    put(etcd, b_);
    ASSERT_TRUE(one->until([&] { return one->mesh.has({"b"}); }));
    etcd.kill_member(1);
    etcd.kill_member(2);
    EXPECT_TRUE(one->until([&] { return !one->source->problems().empty(); }));
    // That the member that is left goes on answering, until it misses the others, is no health.
    EXPECT_TRUE(one->until_it_lasts([&] { return !one->source->problems().empty(); }, 3s));
    etcd.start_member(1);
    etcd.start_member(2);
    EXPECT_TRUE(one->until([&] { return one->source->problems().empty(); }));
    EXPECT_TRUE(one->mesh.has({"b"}));
}

class EtcdLogin : public EtcdSourceTest {
  protected:
    void start() {
        etcd_.use_tls(authority_.issue("etcd", {"IP:127.0.0.1"}), authority_.certificate());
        etcd_.start();
        etcd_.ctl({"user", "add", "root:rootpw"});
        etcd_.ctl({"user", "grant-role", "root", "root"});
        etcd_.ctl({"role", "add", "node"});
        etcd_.ctl({"role", "grant-permission", "--prefix=true", "node", "readwrite", kPrefix});
        etcd_.ctl({"user", "add", "agent:agentpw"});
        etcd_.ctl({"user", "grant-role", "agent", "node"});
        etcd_.ctl({"auth", "enable"});
        etcd_.use_login("root:rootpw");
    }
    [[nodiscard]] EtcdConfig login(const std::string& user, const std::string& password) const {
        const auto file = etcd_.workspace().directory() / "password";
        std::ofstream(file) << password << "\n";
        EtcdConfig result = config(etcd_);
        result.ca_file = etcd_.authority_file();
        result.username = user;
        result.password_file = file;
        return result;
    }

    Authority authority_{"authority"};
    EtcdCluster etcd_;
};

TEST_F(EtcdLogin, WorksWithTlsAndAPassword) {
    start();
    put(etcd_, b_);
    Sourcing one("a", login("agent", "agentpw"), 5s);
    one.source->start();
    static_cast<void>(one.source->publish(a_));
    EXPECT_TRUE(one.until([&] { return !etcd_.get(kPrefix + "a").empty(); })) << one.complaints();
    EXPECT_TRUE(one.until([&] { return one.mesh.has({"b"}); }));
    // Tokens of this kind are lost with the server.
    etcd_.kill_all();
    etcd_.start();
    put(etcd_, c_);
    EXPECT_TRUE(one.until([&] { return one.mesh.has({"b", "c"}); })) << one.complaints();
    EXPECT_TRUE(one.source->withdraw());
    EXPECT_EQ(etcd_.get(kPrefix + "a"), "");
}

TEST_F(EtcdLogin, NamesAWrongPasswordAndReadsItAgain) {
    start();
    Sourcing one("a", login("agent", "wrong"), 5s);
    one.source->start();
    EXPECT_TRUE(one.until([&] { return one.complained("authentication failed"); }));
    std::ofstream(etcd_.workspace().directory() / "password") << "agentpw";
    EXPECT_TRUE(one.until([&] { return one.mesh.completed == 1; }));
    EXPECT_TRUE(one.until([&] { return one.source->problems().empty(); }));
}

TEST_F(EtcdLogin, NamesWhatItMayNotDo) {
    start();
    etcd_.ctl({"user", "add", "stranger:pw"});
    Sourcing one("a", login("stranger", "pw"), 5s);
    one.source->start();
    EXPECT_TRUE(one.until([&] { return one.complained("permission denied"); }));
    Sourcing two("a", login("", ""), 5s);
    two.source->start();
    EXPECT_TRUE(two.until([&] { return two.complained("user name is empty"); }));
}

TEST_F(EtcdLogin, RefusesAServerOfAnotherAuthority) {
    start();
    std::ofstream(etcd_.authority_file()) << Authority("stranger").certificate();
    Sourcing one("a", login("agent", "agentpw"), 5s);
    one.source->start();
    EXPECT_TRUE(one.until([&] { return one.complained("certificate"); }));
    EXPECT_EQ(one.mesh.completed, 0);
}

TEST_F(EtcdSourceTest, KeepsTheLastGoodStateOfABadValue) {
    EtcdCluster etcd;
    etcd.start();
    put(etcd, b_);
    etcd.put(kPrefix + "No_Node", "{}");
    const auto one = join(etcd, a_);
    etcd.put(kPrefix + "b", "{\"name\": \"b\", \"port\": 0}");
    etcd.put(kPrefix + "c", "[]");
    for (const char* what :
         {"No_Node': is not the key of a node", "nodes/b': port: expected a number from 1 to 65535",
          "nodes/c': not a JSON object"})
        EXPECT_TRUE(one->until([&] { return one->complained(what); })) << what;
    EXPECT_TRUE(one->mesh.has({"b"}));
    EXPECT_EQ(one->mesh.nodes.at("b"), b_);
}

}  // namespace
}  // namespace wgs::test
