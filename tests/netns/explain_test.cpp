// SPDX-License-Identifier: Apache-2.0
// What `explain` says of a flow is what then happens to its packets.
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "tests/netns/fixture.h"
#include "tests/support/flood.h"
#include "tests/support/http.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kBypassed = 7001;
constexpr std::string_view kMarker = "explained flow ";
constexpr int kReceiveBuffer = 64 << 20;

using Bytes = std::vector<std::uint8_t>;

struct Service {
    std::uint8_t protocol;
    std::uint16_t port;
};

struct Flow {
    IpAddress source;
    IpAddress destination;
    Service service;

    [[nodiscard]] std::string query() const {
        return fmt::format("src={}&dst={}&proto={}&sport=1234&dport={}", source.to_string(),
                           destination.to_string(), service.protocol, service.port);
    }
};

void append16(Bytes& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

// With the flow's number as payload; nobody checks what the headers leave out.
Bytes transport(const Service& service, std::size_t number) {
    Bytes bytes;
    if (service.protocol == IPPROTO_TCP || service.protocol == IPPROTO_UDP) {
        append16(bytes, 1234);
        append16(bytes, service.port);
    }
    if (service.protocol == IPPROTO_ICMP) bytes = {8, 0, 0, 0};
    if (service.protocol == IPPROTO_ICMPV6) bytes = {128, 0, 0, 0};
    bytes.resize(service.protocol == IPPROTO_TCP ? 20 : 8);
    const std::string text = fmt::format("{}{:04}", kMarker, number);
    if (service.protocol == IPPROTO_TCP) bytes[12] = 5 << 4;
    if (service.protocol == IPPROTO_UDP) bytes[5] = static_cast<std::uint8_t>(8 + text.size());
    bytes.insert(bytes.end(), text.begin(), text.end());
    return bytes;
}

Bytes packet(const Flow& flow, std::size_t number) {
    const Bytes payload = transport(flow.service, number);
    Bytes bytes;
    if (flow.source.family() == Family::v4) {
        // The kernel fills in length, number and checksum.
        bytes = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, flow.service.protocol, 0, 0};
    } else {
        bytes = {0x60, 0, 0, 0};
        append16(bytes, payload.size());
        bytes.insert(bytes.end(), {flow.service.protocol, 64});
    }
    for (const IpAddress* address : {&flow.source, &flow.destination})
        bytes.insert(bytes.end(), address->bytes().begin(), address->bytes().end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

// Remembers the frames in a namespace and finds the flows in them.
class Observer {
  public:
    // Heeds only frames from this device: errors quote the packet that they are about.
    using Sender = std::optional<std::array<std::uint8_t, 6>>;

    explicit Observer(const NetNamespace& ns, Sender sender = std::nullopt)
        : socket_(ns.socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))), sender_(sender) {
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                     sizeof kReceiveBuffer);
    }

    // Numbers of the flows whose packets were readable.
    std::set<std::size_t> seen() {
        std::set<std::size_t> numbers;
        std::array<char, 2048> frame;
        for (;;) {
            const ssize_t size = ::recv(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT);
            if (size < 0) return numbers;
            if (sender_ && std::memcmp(frame.data() + ETH_ALEN, sender_->data(), ETH_ALEN) != 0)
                continue;
            const std::string_view text(frame.data(), static_cast<std::size_t>(size));
            const std::size_t at = text.find(kMarker);
            if (at == std::string_view::npos) continue;
            numbers.insert(std::stoul(std::string(text.substr(at + kMarker.size(), 4))));
        }
    }

  private:
    UniqueFd socket_;
    Sender sender_;
};

struct Case {
    const char* name;
    const char* policy;
    bool hosts;
};

// Node 2 is ready; node 3 is waiting and node 4 without a key, since no agent runs there; node 9
// has left. Everything else leaves by node 2.
class ExplainTest : public MeshTest, public testing::WithParamInterface<Case> {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_.emplace(ClusterOptions{.nodes = 4,
                                        .policy = GetParam().policy,
                                        .hosts = GetParam().hosts,
                                        .cluster_prefixes = {"10.0.0.0/8", "fd10::/16"}});
        announce(3, fmt::format("public_key: \"{}\"\n", unused_public_key()));
        announce(4, "");
        announce(9, "");
        for (const int number : {1, 2}) {
            Agent& agent = cluster_->node(number).agent();
            agent.settings().bypass = fmt::format("[{{proto: tcp, port: {}}}]", kBypassed);
            agent.start();
        }
        sender().ns().ip("route add default via 192.168.50.2\nroute add ::/0 via fd50::2\n");
        const Agent& agent = sender().agent();
        if (!eventually(20s, [&] { return agent.peer_state("node-9") == "no_key"; }))
            broken("node-9 is not known");
        std::filesystem::remove(cluster_->mesh() / "node-9.yaml");
        if (!eventually(20s, [&] { return agent.peer_state("node-9").empty() && settled(); }))
            broken("the mesh did not form");
    }

    void announce(int number, const std::string& key_line) const {
        write_node_file(
            *cluster_, fmt::format("node-{}", number),
            fmt::format("name: node-{0}\naddresses: [192.168.50.{0}, \"fd50::{0}\"]\n"
                        "prefixes: [10.{0}.0.0/24, \"fd10:{0}::/64\"]\nport: 51820\n{1}",
                        number, key_line));
    }

    bool settled() {
        const Agent& left = cluster_->node(1).agent();
        const Agent& right = cluster_->node(2).agent();
        return left.peer_state("node-2") == "ready" && right.peer_state("node-1") == "ready" &&
               left.peer_state("node-3") == "waiting" && left.peer_state("node-4") == "no_key" &&
               left.status().value("in_sync", false);
    }

    Node& sender() { return cluster_->node(1); }

    static std::vector<Flow> flows() {
        std::vector<Flow> all;
        for (const Family family : kFamilies) {
            for (const IpAddress& source : sources(family))
                for (const IpAddress& destination : destinations(family))
                    for (const Service& service : services(family))
                        all.push_back({source, destination, service});
        }
        return all;
    }

    // A pod, a pod that is not there, the node, another node's pod, somebody outside.
    static std::vector<IpAddress> sources(Family family) {
        if (family == Family::v4)
            return parsed({"10.1.0.10", "10.1.0.200", "192.168.50.1", "10.3.0.10", "198.51.100.7"});
        return parsed({"fd10:1::10", "fd10:1::200", "fd50::1", "fd10:3::10", "2001:db8::7"});
    }

    static std::vector<IpAddress> destinations(Family family) {
        if (family == Family::v4)
            return parsed({"10.2.0.10", "192.168.50.2", "10.3.0.10", "192.168.50.3", "10.4.0.10",
                           "192.168.50.4", "10.9.0.10", "10.200.0.1", "203.0.113.1", "224.0.0.77",
                           "169.254.7.7"});
        return parsed({"fd10:2::10", "fd50::2", "fd10:3::10", "fd50::3", "fd10:4::10", "fd50::4",
                       "fd10:9::10", "fd10:200::1", "2001:db8::1"});
    }

    // Of any kind, one that is exempt between nodes, and overlays.
    static std::vector<Service> services(Family family) {
        const std::uint8_t icmp =
            family == Family::v4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
        return {{IPPROTO_UDP, 5000}, {IPPROTO_TCP, 443},   {IPPROTO_TCP, kBypassed}, {icmp, 0},
                {IPPROTO_UDP, 4789}, {IPPROTO_UDP, 51820}, {IPPROTO_IPIP, 0}};
    }

    static std::vector<IpAddress> parsed(std::initializer_list<const char*> texts) {
        std::vector<IpAddress> addresses;
        for (const char* text : texts)
            addresses.push_back(IpAddress::parse(text).value());
        return addresses;
    }

    nlohmann::json explained(const Flow& flow) {
        const auto reply = http_get(sender().agent().socket(), "/v1/explain?" + flow.query());
        if (!reply || reply->status != 200) broken("no explanation of " + flow.query());
        return nlohmann::json::parse(reply->body);
    }

    void send(const Flow& flow, std::size_t number) {
        const bool v4 = flow.source.family() == Family::v4;
        const UniqueFd socket =
            sender().ns().socket(v4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW);
        const Bytes bytes = packet(flow, number);
        const SocketAddress to(flow.destination, 0);
        if (::sendto(socket.get(), bytes.data(), bytes.size(), 0, to.get(), to.size()) < 0)
            broken_call("send " + flow.query());
    }

    std::optional<Cluster> cluster_;
};

std::string fate(bool on_the_wire, bool at_the_peer) {
    if (on_the_wire) return "pass";
    return at_the_peer ? "steer" : "drop";
}

TEST_P(ExplainTest, IsWhatHappensToRealPackets) {
    const std::vector<Flow> all = flows();
    std::vector<nlohmann::json> said;
    std::map<std::string, std::uint64_t> reasons;
    for (const Flow& flow : all) {
        said.push_back(explained(flow));
        ++reasons[said.back().at("reason")];
    }
    EXPECT_TRUE(all_answer(sender(), cluster_->node(2))) << "neighbours are known then";
    ping(sender().ns(), cluster_->node(3).host_address(Family::v4));
    const nlohmann::json before = sender().agent().status()["verdicts"];
    Observer wire(cluster_->underlay(), mac_of(sender().ns(), "eth0"));
    Observer peer(cluster_->node(2).ns());
    for (std::size_t number = 0; number < all.size(); ++number)
        send(all[number], number);
    std::this_thread::sleep_for(scaled(1s));

    const std::set<std::size_t> in_clear = wire.seen();
    const std::set<std::size_t> arrived = peer.seen();
    std::map<std::string, int> verdicts;
    for (std::size_t number = 0; number < all.size(); ++number) {
        const std::string verdict = said[number].at("verdict");
        EXPECT_EQ(fate(in_clear.contains(number), arrived.contains(number)), verdict)
            << all[number].query() << " " << said[number];
        ++verdicts[verdict];
    }
    EXPECT_GT(verdicts["pass"], 50);
    EXPECT_GT(verdicts["steer"], 20);
    if (GetParam().policy == std::string("require")) {
        EXPECT_GT(verdicts["drop"], 50);
    }
    const nlohmann::json after = sender().agent().status()["verdicts"];
    for (const auto& [reason, count] : reasons) {
        const std::uint64_t counted =
            after.value(reason, std::uint64_t{0}) - before.value(reason, std::uint64_t{0});
        EXPECT_GE(counted, count) << reason;
    }
}

INSTANTIATE_TEST_SUITE_P(, ExplainTest,
                         testing::Values(Case{"prefer", "prefer", true},
                                         Case{"require", "require", true},
                                         Case{"without_hosts", "require", false}),
                         [](const auto& chosen) { return chosen.param.name; });

}  // namespace
}  // namespace wgs::test
