// SPDX-License-Identifier: Apache-2.0
// Nodes whose agents are drivers of Felix.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include "tests/netns/fixture.h"
#include "tests/support/felix_parent.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kOtherPort = 41414;

using Parameters = std::map<std::string, std::string>;

const Parameters& encrypted() {
    static const Parameters kParameters = {{"WireguardEnabled", "true"},
                                           {"WireguardHostEncryptionEnabled", "true"}};
    return kParameters;
}

Parameters with(Parameters parameters, const std::string& name, const std::string& value) {
    parameters[name] = value;
    return parameters;
}

class FelixMeshTest : public MeshTest {
  protected:
    // The Felix of a node, and its driver. Takes the place of the one that was there.
    FelixParent& start(Node& node, Generation generation, const Parameters& parameters) {
        const auto directory = node.agent().config_file().parent_path();
        std::filesystem::create_directories(directory);
        std::ofstream(node.agent().config_file()) << fmt::format(
            "run_dir: {0}/run\nstate_dir: {0}/state\nbpffs: {0}/bpf\n"
            "source: {{felix: {{}}}}\nunderlay: [eth0]\nmax_peers: 16384\n",
            directory.string());
        auto& parent = parents_[node.number()];
        parent.reset();
        parent =
            std::make_unique<FelixParent>(FelixParentOptions{.ns = &node.ns(),
                                                             .directory = directory / "pipes",
                                                             .config = node.agent().config_file(),
                                                             .mark = cluster_->workspace().mark()},
                                          generation);
        parent->say(parent->speaker().config(with(parameters, "FelixHostname", node.name())));
        return *parent;
    }
    FelixParent& parent(int number) { return *parents_.at(number); }

    // What the calculation graph has on a node: its hosts and routes, as seen from `to`.
    std::string describe(FelixSpeaker& speaker, const Node& node, const Node& to) const {
        return describe_v4(speaker, node, to) + describe_v6(speaker, node, to) +
               speaker.host(node.name(), node.host_address(Family::v4).to_string(),
                            node.host_address(Family::v6).to_string());
    }
    std::string describe_v6(FelixSpeaker& speaker, const Node& node, const Node& to) const {
        const bool local = node.number() == to.number();
        std::string frames =
            speaker.route(node.pod_prefix(Family::v6).to_string(), node.name(),
                          local ? RouteType::local_workload : RouteType::remote_workload);
        if (const auto key = keys_v6_.find(node.number());
            key != keys_v6_.end() && !key->second.empty())
            frames += speaker.endpoint_v6(node.name(), key->second, "fd10::1");
        return frames;
    }
    std::string describe_v4(FelixSpeaker& speaker, const Node& node, const Node& to) const {
        const bool local = node.number() == to.number();
        std::string frames =
            speaker.route(node.pod_prefix(Family::v4).to_string(), node.name(),
                          local ? RouteType::local_workload : RouteType::remote_workload) +
            speaker.route(node.host_address(Family::v4).to_string() + "/32", node.name(),
                          local ? RouteType::local_host : RouteType::remote_host);
        if (const auto key = keys_.find(node.number()); key != keys_.end() && !key->second.empty())
            frames += speaker.endpoint(node.name(), key->second);
        return frames;
    }
    std::string snapshot(const Node& to) {
        std::string frames;
        for (const auto& node : cluster_->nodes())
            frames += describe(parent(to.number()).speaker(), *node, to);
        return frames;
    }
    void sync(const Node& node) {
        FelixParent& felix = parent(node.number());
        felix.say(snapshot(node) + felix.speaker().in_sync());
    }
    // Keys go through the datastore to everybody.
    void exchange_keys() {
        for (const auto& node : cluster_->nodes()) {
            const auto key = parent(node->number()).key();
            if (!key) broken("no key from " + node->name() + "\n" + parent(node->number()).log());
            keys_[node->number()] = *key;
            keys_v6_[node->number()] = parent(node->number()).key(6).value_or("");
        }
    }
    void form(const Parameters& parameters = encrypted(), std::size_t peers = 1) {
        cluster_ = std::make_unique<Cluster>(ClusterOptions{.nodes = 2});
        start(node(1), Generation::v3_29, parameters);
        start(node(2), Generation::v3_33, parameters);
        exchange_keys();
        sync(node(1));
        sync(node(2));
        await_answer(1);
        await_answer(2);
        await_ready(peers);
    }
    // Each of the two steers to the other one.
    void await_ready(std::size_t peers = 1) {
        if (!node(1).agent().wait_ready(peers) || !node(2).agent().wait_ready(peers))
            broken("the mesh does not form\n" + parent(1).log() + parent(2).log());
    }
    void await_answer(int number) {
        const Node& asked = cluster_->node(number);
        if (!eventually(20s, [&] {
                return http_get(asked.agent().socket(), "/v1/status", 1s).has_value();
            }))
            broken("no answer\n" + parent(number).log());
    }
    Node& node(int number) { return cluster_->node(number); }

    // Pods and hosts in IPv4, of which nothing is visible.
    testing::AssertionResult talk() {
        WireRules rules;
        rules.wireguard_ports.insert(kOtherPort);
        for (const int number : {1, 2}) {
            rules.protected_prefixes.push_back(node(number).pod_prefix(Family::v4));
            rules.protected_prefixes.emplace_back(node(number).host_address(Family::v4));
        }
        Capture capture(cluster_->underlay(), rules);
        const bool answered = reaches(node(1).pod(), node(2).pod_address(Family::v4)) &&
                              reaches(node(2).pod(), node(1).pod_address(Family::v4)) &&
                              reaches(node(1).ns(), node(2).host_address(Family::v4)) &&
                              reaches(node(2).ns(), node(1).pod_address(Family::v4));
        if (!answered) return testing::AssertionFailure() << "no answer";
        return only_encrypted(capture.stop());
    }

    void TearDown() override {
        if (HasFailure()) {
            for (const auto& [number, felix] : parents_)
                std::fprintf(stderr, "---- driver of node-%d ----\n%s\n", number,
                             felix->log().c_str());
        }
        parents_.clear();
    }

    std::unique_ptr<Cluster> cluster_;
    std::map<int, std::unique_ptr<FelixParent>> parents_;
    std::map<int, std::string> keys_;
    std::map<int, std::string> keys_v6_;
};

TEST_F(FelixMeshTest, TwoDriversOfDifferentFelixesEncrypt) {
    form();
    EXPECT_TRUE(talk());
    EXPECT_EQ(node(1).agent().peer("node-2").value("endpoint", ""), "192.168.50.2:51820");
    EXPECT_EQ(node(1).agent().status()["tunnels"][0].value("device", ""), "wireguard.cali");
    EXPECT_EQ(parent(1).heard().keys[6], std::vector<std::string>{""});
    EXPECT_FALSE(parent(1).heard().garbled);
}

TEST_F(FelixMeshTest, EachFamilyHasADeviceAndAKeyOfItsOwn) {
    form(with(encrypted(), "WireguardEnabledV6", "true"), 2);
    EXPECT_TRUE(node(1).ns().has_link("wireguard.cali"));
    EXPECT_TRUE(node(1).ns().has_link("wg-v6.cali"));
    EXPECT_NE(keys_[1], keys_v6_[1]);
    WireRules rules;
    rules.wireguard_ports = {51820, 51821};
    for (const int number : {1, 2}) {
        for (const Family family : kFamilies)
            rules.protected_prefixes.push_back(node(number).pod_prefix(family));
    }
    Capture capture(cluster_->underlay(), rules);
    for (const Family family : kFamilies) {
        EXPECT_TRUE(reaches(node(1).pod(), node(2).pod_address(family)));
        EXPECT_TRUE(reaches(node(2).pod(), node(1).pod_address(family)));
    }
    EXPECT_TRUE(only_encrypted(capture.stop()));

    // One family is switched off; the other one goes on.
    for (const int number : {1, 2}) {
        EXPECT_EQ(parent(number).hang_up(), 0);
        start(node(number), Generation::v3_33, encrypted());
        sync(node(number));
        await_answer(number);
        EXPECT_EQ(parent(number).key(6), "");
    }
    await_ready();
    EXPECT_TRUE(eventually(20s, [&] { return !node(1).ns().has_link("wg-v6.cali"); }));
    EXPECT_TRUE(talk());
    EXPECT_TRUE(reaches(node(1).pod(), node(2).pod_address(Family::v6)));
}

TEST_F(FelixMeshTest, TheDataplaneOutlivesFelixAndTheNextDriverTakesItOver) {
    form();
    const std::string key = keys_[1];
    EXPECT_EQ(parent(1).hang_up(), 0);
    EXPECT_TRUE(talk());

    start(node(1), Generation::v3_32, encrypted());
    EXPECT_EQ(parent(1).key(), key);
    // In the middle of a snapshot nothing has changed.
    parent(1).say(describe(parent(1).speaker(), node(2), node(1)).substr(0, 40));
    await_answer(1);
    EXPECT_TRUE(talk());
    parent(1).kill9();
    start(node(1), Generation::v3_32, encrypted());
    sync(node(1));
    await_answer(1);
    EXPECT_TRUE(node(1).agent().wait_ready(1));
    EXPECT_TRUE(talk());
}

TEST_F(FelixMeshTest, X1_X5_X6_SwitchedOffItLeavesNothingAndTrafficGoesInClear) {
    form();
    parent(1).say(parent(1).speaker().config(
        with(encrypted(), "FelixHostname", "node-1")));  // the same again is no change
    EXPECT_FALSE(eventually(500ms, [&] { return !parent(1).running(); }));
    const Parameters off = with(encrypted(), "WireguardEnabled", "false");
    parent(1).say(parent(1).speaker().config(with(off, "FelixHostname", "node-1")));
    EXPECT_EQ(parent(1).wait(), 0);

    start(node(1), Generation::v3_29, off);
    EXPECT_EQ(parent(1).key(4), "");
    EXPECT_EQ(parent(1).key(6), "");
    EXPECT_TRUE(eventually(10s, [&] { return !node(1).ns().has_link("wireguard.cali"); }));
    // The others hear that there is no key any more.
    parent(2).say(parent(2).speaker().endpoint_remove("node-1"));
    EXPECT_TRUE(reaches(node(1).pod(), node(2).pod_address(Family::v4), 10s));
    EXPECT_TRUE(reaches(node(2).ns(), node(1).pod_address(Family::v4), 10s));
    sync(node(1));
    EXPECT_FALSE(eventually(500ms, [&] { return node(1).ns().has_link("wireguard.cali"); }));
    EXPECT_EQ(parent(1).hang_up(), 0);
}

TEST_F(FelixMeshTest, X2_WhereNothingIsThereNothingIsDone) {
    cluster_ = std::make_unique<Cluster>(ClusterOptions{.nodes = 1});
    FelixParent& felix = start(node(1), Generation::v3_33, {});
    EXPECT_EQ(felix.key(4), "");
    EXPECT_EQ(felix.key(6), "");
    sync(node(1));
    EXPECT_EQ(felix.hang_up(), 0);
    for (const char* made : {"run", "state", "bpf"})
        EXPECT_FALSE(std::filesystem::exists(node(1).agent().settings().directory / made)) << made;
    EXPECT_EQ(felix.log().find("remov"), std::string::npos) << felix.log();
}

TEST_F(FelixMeshTest, X3_WhatCannotBeRemovedIsTriedAgain) {
    cluster_ = std::make_unique<Cluster>(ClusterOptions{.nodes = 1});
    start(node(1), Generation::v3_33, encrypted());
    await_answer(1);
    ASSERT_TRUE(eventually(20s, [&] { return node(1).ns().has_link("wireguard.cali"); }));
    EXPECT_EQ(parent(1).hang_up(), 0);
    const auto saved = node(1).agent().run_dir() / "config.yaml";
    // Another kind of device with this name is not ours to remove.
    node(1).ns().ip("link del wireguard.cali\nlink add wireguard.cali type bridge\n");
    FelixParent& felix = start(node(1), Generation::v3_33, {});
    EXPECT_EQ(felix.key(4), "");
    const auto times = [&] {
        const std::string log = felix.log();
        int count = 0;
        for (std::size_t at = 0; (at = log.find("trying again", at)) != std::string::npos; ++at)
            ++count;
        return count;
    };
    EXPECT_TRUE(eventually(20s, [&] { return times() >= 2; })) << felix.log();
    EXPECT_TRUE(node(1).ns().has_link("wireguard.cali"));
    EXPECT_TRUE(std::filesystem::exists(saved));
    node(1).ns().ip("link del wireguard.cali\n");
    EXPECT_TRUE(eventually(20s, [&] { return !std::filesystem::exists(saved); })) << felix.log();
    EXPECT_TRUE(felix.running());
    EXPECT_EQ(felix.hang_up(), 0);
}

TEST_F(FelixMeshTest, C24_AChangedNameAndPortTakeEffectWithTheRestart) {
    form();
    const Parameters changed = with(with(encrypted(), "WireguardInterfaceName", "wg.other"),
                                    "WireguardListeningPort", std::to_string(kOtherPort));
    for (const int number : {1, 2}) {
        parent(number).say(
            parent(number).speaker().config(with(changed, "FelixHostname", node(number).name())));
        EXPECT_EQ(parent(number).wait(), 0);
        start(node(number), Generation::v3_32, changed);
        sync(node(number));
        await_answer(number);
    }
    await_ready();
    EXPECT_TRUE(eventually(20s, [&] { return !node(1).ns().has_link("wireguard.cali"); }));
    EXPECT_TRUE(node(1).ns().has_link("wg.other"));
    EXPECT_EQ(node(1).agent().peer("node-2").value("endpoint", ""),
              fmt::format("192.168.50.2:{}", kOtherPort));
    EXPECT_TRUE(talk());
}

// Resident memory in MiB.
std::size_t memory_of(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) / 1024;
    }
    return 0;
}

class FelixScaleTest : public FelixMeshTest {
  protected:
    static constexpr int kNodes = 10'000;
    static constexpr int kRoutes = 10;  // of each
    // One in so many has a key: wireguard-go takes 0.1 MiB and a millisecond for each.
    static constexpr int kKeyEvery = 5;

    static std::string name(int number) { return fmt::format("worker-{}", number); }
    static std::string route(int number, int index) {
        const int block = number * kRoutes + index;
        return fmt::format("10.{}.{}.{}/26", 64 + block / 1024, block / 4 % 256, block % 4 * 64);
    }
    // Base64 of 32 bytes which are a key of nobody.
    static std::string public_key(int number) {
        return fmt::format("{:0>8}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", number).substr(0, 42) +
               "E=";
    }
    static std::string everything(FelixSpeaker& speaker) {
        std::string frames;
        for (int number = 0; number < kNodes; ++number) {
            for (int index = 0; index < kRoutes; ++index)
                frames +=
                    speaker.route(route(number, index), name(number), RouteType::remote_workload);
        }
        for (int number = 0; number < kNodes; number += kKeyEvery)
            frames += speaker.endpoint(name(number), public_key(number));
        for (int number = 0; number < kNodes; ++number)
            frames += speaker.host(name(number), fmt::format("172.{}.{}.{}", 16 + number / 62500,
                                                             number / 250 % 250, number % 250 + 1));
        return frames + speaker.in_sync();
    }
    [[nodiscard]] std::string owner(const std::string& address) {
        return node(1).agent().explain("10.1.0.10", address).value("peer", "");
    }
    [[nodiscard]] bool all_there() {
        const nlohmann::json status = node(1).agent().status();
        return status.value("in_sync", false) && status["peers"].value("total", 0) == kNodes;
    }
};

TEST_F(FelixScaleTest, TenThousandNodesAndAThousandChangesASecond) {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point start) {
        return std::chrono::duration_cast<Millis>(Clock::now() - start).count();
    };
    cluster_ = std::make_unique<Cluster>(ClusterOptions{.nodes = 1});
    FelixParent& felix = start(node(1), Generation::v3_33, encrypted());
    await_answer(1);
    const std::string frames = everything(felix.speaker());
    const auto first_byte = Clock::now();
    felix.say(frames);
    felix.say(describe(felix.speaker(), node(1), node(1)));
    ASSERT_TRUE(eventually(90s, [&] { return all_there(); })) << node(1).agent().status();
    std::printf("full sync: %lld ms, %zu MiB resident\n", static_cast<long long>(since(first_byte)),
                memory_of(felix.pid()));
    EXPECT_EQ(owner("10.64.0.5"), name(0));
    EXPECT_LT(memory_of(felix.pid()), 96U);

    // Each block moves to the next node, one after the other.
    constexpr int kChanges = 3'000;
    const auto storm = Clock::now();
    for (int change = 0; change < kChanges; ++change) {
        std::this_thread::sleep_until(storm + std::chrono::milliseconds(change));
        felix.say(
            felix.speaker().route(route(change, 0), name(change + 1), RouteType::remote_workload));
    }
    const auto last_byte = Clock::now();
    const std::string last = route(kChanges - 1, 0);
    const std::string address = last.substr(0, last.find('/'));
    EXPECT_TRUE(eventually(60s, [&] { return owner(address) == name(kChanges); }));
    std::printf("storm of %d changes: %lld ms, the last one seen %lld ms later\n", kChanges,
                static_cast<long long>(since(storm) - since(last_byte)),
                static_cast<long long>(since(last_byte)));
}

TEST_F(FelixMeshTest, WithoutFelixItSaysWhoStartsIt) {
    const Outcome outcome = run({"sh", "-c", "exec \"$0\" 3<&- 4>&-", binary("wgsteer-felix")});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.errors.find("Felix starts this program"), std::string::npos);
}

}  // namespace
}  // namespace wgs::test
