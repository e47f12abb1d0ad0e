// SPDX-License-Identifier: Apache-2.0
// `path: fast`: pods' packets skip the host's stack, in both directions or in neither.
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdio>

#include "tests/netns/fixture.h"
#include "tests/netns/loss.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

constexpr int kRate = 1000;  // packets a second
constexpr std::size_t kTransfer = 3'000'000;
constexpr std::uint16_t kServicePort = 7005;

// Rules like those of a CNI: connections are tracked, and what makes no sense is dropped.
class ForwardRules {
  public:
    explicit ForwardRules(const NetNamespace& ns) : ns_(ns) {
        nft("add table inet cni\n"
            "add counter inet cni forwarded\n"
            "add counter inet cni invalid\n"
            "add chain inet cni forward { type filter hook forward priority 0; }\n"
            "add rule inet cni forward counter name forwarded\n"
            "add rule inet cni forward ct state invalid counter name invalid drop\n"
            "add rule inet cni forward ct state established,related,new accept\n"
            "add rule inet cni forward drop\n");
    }

    [[nodiscard]] int forwarded() const { return count("forwarded"); }
    [[nodiscard]] int invalid() const { return count("invalid"); }

    std::string nft(const std::string& script) const {
        const Outcome outcome = run({"nft", "-f", "-"}, {.ns = &ns_, .input = script});
        if (outcome.exit_code != 0) broken("nft: " + outcome.errors);
        return outcome.output;
    }

  private:
    [[nodiscard]] int count(const std::string& counter) const {
        const std::string text = nft("list counter inet cni " + counter + "\n");
        int packets = -1;
        std::sscanf(text.c_str() + text.find("packets"), "packets %d", &packets);
        return packets;
    }

    const NetNamespace& ns_;
};

bool serves_pods(const Node& node, int addresses) {
    const nlohmann::json status = node.agent().status();
    return status.value("in_sync", false) && status.value("fast_pods", -1) == addresses;
}

bool hooked(const Node& node) {
    const nlohmann::json status = node.agent().status();
    for (const auto& hook : status.at("hooks")) {
        if (hook.value("program", "") == "wgs_pod_out")
            return hook.value("device", "") == "veth-pod" && hook.value("attached", false);
    }
    return false;
}

// Both nodes know their pods, which have been heard.
void warm_up(const Node& left, const Node& right) {
    const bool warm = eventually(10s, [&] {
        return all_answer(left, right) && serves_pods(left, 2) && serves_pods(right, 2);
    });
    if (!warm || !all_answer(left, right)) broken("pods are not served");
}

testing::AssertionResult pods_transfer(const Node& left, const Node& right) {
    for (const Family family : kFamilies) {
        if (!tcp_transfer(left.pod(), right.pod_address(family), right.pod(), kTransfer) ||
            !tcp_transfer(right.pod(), left.pod_address(family), left.pod(), kTransfer))
            return testing::AssertionFailure() << "TCP over family " << static_cast<int>(family);
    }
    return testing::AssertionSuccess();
}

class FastPathTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (!IsSkipped() && !has_tool("nft")) GTEST_SKIP() << "nft is not here";
    }

    static void set_path(Node& node, const std::string& path) {
        node.agent().kill9();
        node.agent().settings().path = path;
        node.agent().start();
        if (!node.agent().wait_ready(1)) broken("no mesh with path: " + path);
    }
};

class FastPathStyleTest : public FastPathTest, public testing::WithParamInterface<PodStyle> {};

TEST_P(FastPathStyleTest, NeitherDirectionPassesTheStack) {
    Cluster cluster({.nodes = 2, .path = "fast", .pods = GetParam()});
    Node& left = cluster.node(1);
    Node& right = cluster.node(2);
    const ForwardRules left_rules(left.ns());
    const ForwardRules right_rules(right.ns());
    form_mesh(cluster);
    warm_up(left, right);
    EXPECT_TRUE(hooked(left));
    const int before = left_rules.forwarded() + right_rules.forwarded();

    EXPECT_TRUE(talk_encrypted(cluster, left, right));
    EXPECT_TRUE(pods_transfer(left, right));
    EXPECT_EQ(left_rules.forwarded() + right_rules.forwarded(), before);
    EXPECT_EQ(left_rules.invalid() + right_rules.invalid(), 0);
    EXPECT_GT(left.agent().status()["verdicts"]["delivered"], 0);
    for (const Family family : kFamilies)
        EXPECT_EQ(ping(left.pod(), right.pod_address(family)), 62) << "two hops, as if forwarded";
}

TEST_P(FastPathStyleTest, APodThatIsReplacedIsServedAgain) {
    Cluster cluster({.nodes = 2, .path = "fast", .pods = GetParam()});
    Node& left = cluster.node(1);
    Node& right = cluster.node(2);
    const ForwardRules rules(left.ns());
    form_mesh(cluster);
    warm_up(left, right);

    left.ns().ip("link del veth-pod\n");
    EXPECT_TRUE(eventually(2s, [&] { return serves_pods(left, 0); }));
    EXPECT_FALSE(hooked(left));
    left.connect_pod();
    warm_up(left, right);
    EXPECT_TRUE(hooked(left));
    const int before = rules.forwarded();
    EXPECT_TRUE(talk_encrypted(cluster, left, right));
    EXPECT_EQ(rules.forwarded(), before);
}

std::string style_name(const testing::TestParamInfo<PodStyle>& info) {
    switch (info.param) {
        case PodStyle::routed:
            return "routed";
        case PodStyle::bridged:
            return "bridged";
        default:
            return "subnet";
    }
}

INSTANTIATE_TEST_SUITE_P(Styles, FastPathStyleTest,
                         testing::Values(PodStyle::subnet, PodStyle::routed, PodStyle::bridged),
                         style_name);

// One question to `to`, answered by whoever serves it in `at`; the answer must come from `to`.
bool asks_udp(const NetNamespace& from, const IpAddress& to, const NetNamespace& at,
              const IpAddress& server) {
    const SocketAddress service(to, kServicePort);
    const SocketAddress local(server, kServicePort);
    const UniqueFd client = from.socket(domain_of(to), SOCK_DGRAM, 0);
    const UniqueFd listener = at.socket(domain_of(to), SOCK_DGRAM, 0);
    if (::bind(listener.get(), local.get(), local.size()) != 0) broken_call("bind");
    if (::connect(client.get(), service.get(), service.size()) != 0) broken_call("connect");
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    for (const UniqueFd* end : {&client, &listener})
        ::setsockopt(end->get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 'q';
    sockaddr_storage peer = {};
    socklen_t size = sizeof peer;
    auto* sender = reinterpret_cast<sockaddr*>(&peer);
    return ::send(client.get(), &byte, 1, 0) == 1 &&
           ::recvfrom(listener.get(), &byte, 1, 0, sender, &size) == 1 &&
           ::sendto(listener.get(), &byte, 1, 0, sender, size) == 1 &&
           ::recv(client.get(), &byte, 1, 0) == 1;
}

// What the host's stack has translated on the way out it must translate back on the way in.
TEST_F(FastPathTest, ServicesOfTheHostsStackWork) {
    Cluster cluster({.nodes = 2, .path = "fast", .pods = PodStyle::bridged});
    Node& left = cluster.node(1);
    Node& right = cluster.node(2);
    const ForwardRules rules(left.ns());
    rules.nft(
        "add chain inet cni services { type nat hook prerouting priority -100; }\n"
        "add rule inet cni services ip daddr 10.96.0.10 dnat ip to 10.2.0.10\n"
        "add rule inet cni services ip6 daddr fd96::10 dnat ip6 to fd10:2::10\n");
    form_mesh(cluster);
    warm_up(left, right);
    const IpAddress services[] = {IpAddress::parse("10.96.0.10").value(),
                                  IpAddress::parse("fd96::10").value()};
    for (const IpAddress& service : services) {
        const IpAddress server = right.pod_address(service.family());
        EXPECT_TRUE(ping(left.pod(), service)) << service.to_string();
        for (int round = 0; round < 3; ++round) {
            EXPECT_TRUE(asks_udp(left.pod(), service, right.pod(), server)) << service.to_string();
            EXPECT_TRUE(asks_udp(left.pod(), server, right.pod(), server)) << server.to_string();
        }
    }
    EXPECT_EQ(rules.invalid(), 0);
}

// A program of somebody else that ends the chain keeps the pod's packets for the stack: then the
// answers go through it as well.
TEST_F(FastPathTest, NeitherDirectionIsFastWhereAnotherProgramTakesThePackets) {
    Cluster cluster({.nodes = 2, .path = "fast"});
    Node& left = cluster.node(1);
    Node& right = cluster.node(2);
    const ForwardRules rules(left.ns());
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"tc", "qdisc", "add", "dev", "veth-pod", "clsact"},
          {"tc", "filter", "add", "dev", "veth-pod", "ingress", "bpf", "da", "bytecode",
           "1,6 0 0 0,"}}) {
        const Outcome outcome = run(command, {.ns = &left.ns()});
        if (outcome.exit_code != 0) broken("tc: " + outcome.errors);
    }
    form_mesh(cluster);
    EXPECT_TRUE(talk_encrypted(cluster, left, right));
    EXPECT_TRUE(eventually(5s, [&] { return hooked(left); }));
    const int before = rules.forwarded();
    EXPECT_TRUE(talk_encrypted(cluster, left, right));
    EXPECT_TRUE(pods_transfer(left, right));
    EXPECT_GT(rules.forwarded(), before + 100);
    EXPECT_EQ(rules.invalid(), 0);
    EXPECT_EQ(left.agent().status()["verdicts"]["delivered"], 0);
}

TEST_F(FastPathTest, SwitchingThePathUnderLoadLosesNothing) {
    if (slow_machine()) GTEST_SKIP() << "the verifier starves the streams of an emulated machine";
    expect_lossless([] {
        Cluster cluster({.nodes = 2, .pods = PodStyle::routed});
        Node& left = cluster.node(1);
        Node& right = cluster.node(2);
        const ForwardRules left_rules(left.ns());
        const ForwardRules right_rules(right.ns());
        form_mesh(cluster);
        EXPECT_TRUE(all_answer(left, right));
        const auto capture = cluster.capture();
        UdpStream outward(left.pod(), right.pod_address(Family::v4), right.pod(), kRate / 2);
        UdpStream inward(right.pod(), left.pod_address(Family::v6), left.pod(), kRate / 2);
        for (const char* path : {"fast", "transparent", "fast", "transparent"}) {
            set_path(left, path);
            EXPECT_EQ(hooked(left), path == std::string("fast"));
            std::this_thread::sleep_for(300ms);
        }
        const Loss loss = loss_of(cluster, {&outward, &inward});
        EXPECT_TRUE(only_encrypted(capture->stop()));
        EXPECT_EQ(left_rules.invalid() + right_rules.invalid(), 0);
        return loss;
    });
}

}  // namespace
}  // namespace wgs::test
