// SPDX-License-Identifier: Apache-2.0
#include "tests/netns/loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/process.h"

namespace wgs::test {
namespace {

constexpr int kAttempts = 5;

std::string describe(const StreamReport& report) {
    return fmt::format("{} sent, {} arrived, {} echoed, {} twice; first lost: {}\n", report.sent,
                       report.arrived, report.echoed, report.duplicated, report.first_losses);
}

// Packets for the tunnel that found its queue full.
std::uint64_t refused_by_device(const Node& node) {
    const Outcome shown = run({"ip", "-s", "-j", "link", "show", "wgsteer0"}, {.ns = &node.ns()});
    const auto links = nlohmann::json::parse(shown.output, nullptr, false);
    if (links.is_discarded()) broken("ip: " + shown.output + shown.errors);
    return links.at(0).at("stats64").at("tx").at("dropped").get<std::uint64_t>();
}

// Datagrams that found a socket's buffer full.
std::uint64_t refused_by_sockets(const NetNamespace& ns) {
    const Outcome shown =
        run({"awk", "/^Udp: [0-9]/ { print $6 }", "/proc/self/net/snmp"}, {.ns = &ns});
    return std::stoull(shown.output);
}

// Packets that found the queue before the protocols full, of the whole machine: veths use it.
std::uint64_t refused_by_backlog() {
    std::ifstream lines("/proc/net/softnet_stat");  // a line per CPU, hexadecimal
    std::uint64_t sum = 0;
    std::string processed;
    std::string dropped;
    for (std::string rest; lines >> processed >> dropped && std::getline(lines, rest);)
        sum += std::stoull(dropped, nullptr, 16);
    return sum;
}

}  // namespace

Loss loss_of(const Cluster& cluster, std::initializer_list<UdpStream*> streams) {
    Loss loss;
    for (UdpStream* stream : streams) {
        const StreamReport report = stream->stop();
        loss.packets += report.sent - report.echoed + report.duplicated;
        loss.details += describe(report);
    }
    for (const auto& node : cluster.nodes()) {
        if (const std::uint64_t pod = refused_by_sockets(node->pod()); pod != 0) {
            loss.overflowed += pod;
            loss.details += fmt::format("{}: the pod did not read {} packets\n", node->name(), pod);
        }
        if (node->ns().processes("wireguard-go").empty()) continue;  // the kernel never waits
        const std::uint64_t device = refused_by_device(*node);
        const std::uint64_t socket = refused_by_sockets(node->ns());
        loss.overflowed += device + socket;
        loss.details +=
            fmt::format("{}: full queues refused {} packets to encrypt, {} to decrypt\n",
                        node->name(), device, socket);
    }
    return loss;
}

void expect_lossless(const std::function<Loss()>& scenario) {
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
        const std::uint64_t before = refused_by_backlog();
        Loss loss = scenario();
        if (loss.packets == 0 || testing::Test::HasFailure()) return;
        const std::uint64_t backlog = refused_by_backlog() - before;
        loss.overflowed += backlog;
        loss.details += fmt::format("full queues of veths refused {} packets\n", backlog);
        ASSERT_LE(loss.packets, loss.overflowed) << loss.details;
        fmt::print("the machine did not keep up, attempt {}:\n{}", attempt, loss.details);
    }
    ADD_FAILURE() << "the machine did not keep up in any of " << kAttempts << " attempts";
}

}  // namespace wgs::test
