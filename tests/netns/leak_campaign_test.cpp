// SPDX-License-Identifier: Apache-2.0
// A mesh under policy require to which everything happens, while everybody talks to everybody: not
// one packet may be on the wire in clear. WGS_SEED=N repeats a run, WGS_CAMPAIGN_STEPS=N sets its
// length.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <random>

#include "tests/netns/fixture.h"
#include "tests/support/chatter.h"

namespace wgs::test {
namespace {

constexpr int kSteps = 500;
constexpr int kStepsOfSlowMachine = 20;
constexpr int kFirstNodes = 3;
constexpr int kMaxNodes = 4;
constexpr std::size_t kStepsTold = 15;
constexpr Millis kLongestPause = 150ms;
constexpr Millis kSettleTimeout = 40s;

// The underlay belongs to it, so that a node is protected before the others have heard of it.
const std::vector<std::string> kClusterPrefixes = {"10.0.0.0/8", "fd10::/16", "192.168.50.0/24",
                                                   "fd50::/64"};
// What moves from node to node, and an address inside for each.
const std::vector<std::string> kMovingPrefixes = {"10.99.0.0/24", "fd10:99::/64"};
const std::vector<std::string> kMovingAddresses = {"10.99.0.10", "fd10:99::10"};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

ClusterOptions options() {
    return {.nodes = kFirstNodes, .policy = "require", .cluster_prefixes = kClusterPrefixes};
}

void introduce(Chatter& chatter, const Node& node) {
    for (const Family family : kFamilies) {
        chatter.add(node.number(), node.pod(), node.pod_address(family));
        chatter.add(node.number(), node.ns(), node.host_address(family));
    }
}

class Campaign {
  public:
    explicit Campaign(std::uint64_t seed) : random_(seed), cluster_(options()) {
        cluster_.start_agents();
        capture_ = cluster_.capture();
        for (const auto& node : cluster_.nodes())
            introduce(chatter_, *node);
        for (const std::string& address : kMovingAddresses)
            chatter_.add_listener(IpAddress::parse(address).value());
        move_prefixes_to(cluster_.node(1));
    }

    // One thing happens to the mesh; the line that names it.
    void step() {
        const auto& choice = kSteps_.at(draw_weighted());
        (this->*choice.run)();
        std::this_thread::sleep_for(Millis(draw(static_cast<int>(kLongestPause.count()))));
    }

    // All agents run and are ready, every node hears every other one, and no watcher saw a leak.
    void settle() {
        note("settle");
        for (const auto& node : cluster_.nodes()) {
            if (!node->agent().running()) node->agent().launch();
            node->agent().await_start();
        }
        if (!everybody_ready()) broken("the mesh does not become ready again");
        expect_everybody_hears();
        EXPECT_TRUE(nothing_leaked(cluster_));
    }

    [[nodiscard]] bool seen_clear() const { return capture_->seen_clear(); }
    [[nodiscard]] WireCounts finish() { return capture_->stop(); }
    [[nodiscard]] std::uint64_t sent() const { return chatter_.sent(); }
    [[nodiscard]] std::string last_steps() const {
        return fmt::format("the last steps:\n  {}", fmt::join(journal_, "\n  "));
    }

  private:
    struct Choice {
        unsigned weight;
        void (Campaign::*run)();
    };

    // Below `limit`.
    int draw(int limit) { return std::uniform_int_distribution(0, limit - 1)(random_); }

    std::size_t draw_weighted() {
        std::vector<unsigned> weights;
        for (const Choice& choice : kSteps_)
            weights.push_back(choice.weight);
        return std::discrete_distribution<std::size_t>(weights.begin(), weights.end())(random_);
    }

    Node& any_node() { return cluster_.node(1 + draw(static_cast<int>(cluster_.nodes().size()))); }

    void note(const std::string& what) {
        journal_.push_back(what);
        if (journal_.size() > kStepsTold) journal_.pop_front();
    }

    void kill() {
        Node& node = any_node();
        note("kill " + node.name());
        node.agent().kill9();
    }

    void stop() {
        Node& node = any_node();
        note("stop " + node.name());
        if (node.agent().running()) node.agent().stop();
    }

    void restart() {
        Node& node = any_node();
        note("restart " + node.name());
        node.agent().launch();
    }

    void leave() {
        Node& node = any_node();
        note(node.name() + " leaves");
        node.agent().kill9();
        std::filesystem::remove(node.agent().node_file());
    }

    // A node that was away, or a new one. Before its first agent has started nothing protects it.
    void join() {
        for (const auto& node : cluster_.nodes()) {
            if (node->agent().running()) continue;
            note(node->name() + " joins again");
            return node->agent().launch();
        }
        if (cluster_.nodes().size() >= kMaxNodes) return restart();
        note("a new node joins");
        Node& added = cluster_.add_node();
        added.agent().start();
        introduce(chatter_, added);
        route_moving_prefixes(added);
    }

    void change_key() {
        Node& node = any_node();
        note("new key for " + node.name());
        node.agent().kill9();
        std::filesystem::remove_all(node.agent().settings().directory / "state");
        node.agent().launch();
    }

    void move_prefixes() { move_prefixes_to(any_node()); }

    // Old and new holder publish in any order: both may claim it for a while, or none.
    void move_prefixes_to(Node& to) {
        Node& from = cluster_.node(holder_);
        if (to.number() == holder_ && claimed_) return restart();
        note(fmt::format("prefixes move from {} to {}", from.name(), to.name()));
        from.agent().settings().prefixes = own_prefixes(from);
        to.agent().settings().prefixes = own_prefixes(to);
        for (const std::string& prefix : kMovingPrefixes)
            to.agent().settings().prefixes.push_back(prefix);
        holder_ = to.number();
        claimed_ = true;
        const bool old_first = draw(2) == 0;
        if (old_first) from.agent().launch();
        for (const auto& node : cluster_.nodes())
            route_moving_prefixes(*node);
        to.agent().launch();
        if (!old_first && &from != &to) from.agent().launch();
    }

    static std::vector<std::string> own_prefixes(const Node& node) {
        std::vector<std::string> prefixes;
        for (const Family family : kFamilies)
            prefixes.push_back(node.pod_prefix(family).to_string());
        return prefixes;
    }

    void route_moving_prefixes(const Node& node) {
        const Node& holder = cluster_.node(holder_);
        const bool here = &node == &holder;
        std::string script;
        for (std::size_t i = 0; i < kMovingPrefixes.size(); ++i) {
            const Family family = kFamilies[i];
            const IpAddress way = here ? node.pod_address(family) : holder.host_address(family);
            script += fmt::format("route replace {} via {}\n", kMovingPrefixes[i], way.to_string());
        }
        node.ns().ip(script);
        node.pod().ip(
            here ? "addr replace 10.99.0.10/32 dev lo\naddr replace fd10:99::10/128 dev lo\n"
                 : "addr flush dev lo scope global\n");
    }

    void change_mtu() {
        const Node& node = any_node();
        const int mtu = 1300 + 20 * draw(11);
        note(fmt::format("MTU of {} is {}", node.name(), mtu));
        node.ns().ip(fmt::format("link set eth0 mtu {}\n", mtu));
    }

    void lose_tunnel() {
        const Node& node = any_node();
        note(node.name() + " loses its tunnel");
        static_cast<void>(run({"ip", "link", "del", "wgsteer0"}, {.ns = &node.ns()}));
    }

    // Only a mesh in which all are ready has nothing to say in clear under `prefer`.
    void change_policy() {
        settle();
        Node& node = any_node();
        note("policy prefer and back on " + node.name());
        for (const char* policy : {"prefer", "require"}) {
            node.agent().settings().policy = policy;
            node.agent().start();
            if (!everybody_ready()) broken(std::string("not ready under ") + policy);
        }
        expect_everybody_hears();
    }

    [[nodiscard]] bool everybody_ready() const { return cluster_.wait_ready(kSettleTimeout); }

    void expect_everybody_hears() {
        for (const auto& from : cluster_.nodes())
            for (const auto& at : cluster_.nodes())
                if (from != at) expect_hears(from->number(), at->number());
    }

    void expect_hears(int from, int at) {
        for (const Family family : kFamilies) {
            const std::uint64_t before = chatter_.arrived(from, at, family);
            EXPECT_TRUE(
                eventually(10s, [&] { return chatter_.arrived(from, at, family) > before; }))
                << "node " << at << " does not hear node " << from << " over "
                << (family == Family::v4 ? "IPv4" : "IPv6");
        }
    }

    static constexpr std::array<Choice, 11> kSteps_ = {{{12, &Campaign::kill},
                                                        {5, &Campaign::stop},
                                                        {20, &Campaign::restart},
                                                        {8, &Campaign::leave},
                                                        {20, &Campaign::join},
                                                        {8, &Campaign::change_key},
                                                        {8, &Campaign::move_prefixes},
                                                        {10, &Campaign::change_mtu},
                                                        {5, &Campaign::lose_tunnel},
                                                        {1, &Campaign::change_policy},
                                                        {2, &Campaign::settle}}};

    std::mt19937_64 random_;
    Cluster cluster_;
    std::unique_ptr<Capture> capture_;
    Chatter chatter_;
    int holder_ = 1;  // of the moving prefixes
    bool claimed_ = false;
    std::deque<std::string> journal_;
};

using LeakCampaignTest = MeshTest;

TEST_F(LeakCampaignTest, NothingIsEverInClear) {
    const std::uint64_t seed = from_environment("WGS_SEED", std::random_device{}());
    const std::uint64_t steps =
        from_environment("WGS_CAMPAIGN_STEPS", slow_machine() ? kStepsOfSlowMachine : kSteps);
    fmt::print("WGS_SEED={} WGS_CAMPAIGN_STEPS={}\n", seed, steps);
    Campaign campaign(seed);
    for (std::uint64_t step = 1; step <= steps; ++step) {
        SCOPED_TRACE(fmt::format("WGS_SEED={}, step {}", seed, step));
        ASSERT_NO_THROW(campaign.step()) << campaign.last_steps();
        ASSERT_FALSE(campaign.seen_clear()) << campaign.last_steps() << "\n"
                                            << nothing_in_clear(campaign.finish()).message();
        ASSERT_FALSE(HasFailure()) << campaign.last_steps();
    }
    ASSERT_NO_THROW(campaign.settle()) << campaign.last_steps();
    EXPECT_GT(campaign.sent(), 10 * steps);
    EXPECT_TRUE(only_encrypted(campaign.finish()));
}

// The instruments of the campaign, with nothing to protect what they see.
TEST_F(LeakCampaignTest, TheSameCaptureFiresWithoutEncryption) {
    const Cluster cluster(options());
    const auto capture = cluster.capture();
    std::uint64_t sent = 0;
    {
        Chatter chatter;
        for (const auto& node : cluster.nodes())
            introduce(chatter, *node);
        ASSERT_TRUE(eventually(10s, [&] { return chatter.sent() > 1000; }));
        sent = chatter.sent();
    }
    const WireCounts counts = capture->stop();
    EXPECT_EQ(counts.wireguard, 0U);
    EXPECT_GT(counts.clear, sent * 9 / 10);
}

}  // namespace
}  // namespace wgs::test
