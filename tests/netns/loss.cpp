// SPDX-License-Identifier: Apache-2.0
#include "tests/netns/loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

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

// Encrypted packets that found the socket's buffer full.
std::uint64_t refused_by_socket(const Node& node) {
    const Outcome shown =
        run({"awk", "/^Udp: [0-9]/ { print $6 }", "/proc/self/net/snmp"}, {.ns = &node.ns()});
    return std::stoull(shown.output);
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
        if (node->ns().processes("wireguard-go").empty()) continue;  // the kernel never waits
        const std::uint64_t device = refused_by_device(*node);
        const std::uint64_t socket = refused_by_socket(*node);
        loss.overflowed += device + socket;
        loss.details +=
            fmt::format("{}: full queues refused {} packets to encrypt, {} to decrypt\n",
                        node->name(), device, socket);
    }
    return loss;
}

void expect_lossless(const std::function<Loss()>& scenario) {
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
        const Loss loss = scenario();
        if (loss.packets == 0 || testing::Test::HasFailure()) return;
        ASSERT_LE(loss.packets, loss.overflowed) << loss.details;
        fmt::print("wireguard-go did not get to run, attempt {}:\n{}", attempt, loss.details);
    }
    ADD_FAILURE() << "wireguard-go did not get to run in any of " << kAttempts << " attempts";
}

}  // namespace wgs::test
