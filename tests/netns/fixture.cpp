// SPDX-License-Identifier: Apache-2.0
#include "tests/netns/fixture.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

#include "base/file.h"
#include "model/key.h"

namespace wgs::test {
namespace {

std::string join_failures(const Node& left, const Node& right) {
    std::string failures;
    for (const Family family : kFamilies) {
        if (!ping(left.pod(), right.pod_address(family))) {
            failures += fmt::format(" pod {}", right.pod_address(family).to_string());
        }
        if (!ping(right.pod(), left.pod_address(family))) {
            failures += fmt::format(" pod {}", left.pod_address(family).to_string());
        }
        if (!ping(left.ns(), right.host_address(family))) {
            failures += fmt::format(" host {}", right.host_address(family).to_string());
        }
    }
    return failures;
}

testing::AssertionResult talk_unseen(const Cluster& cluster, const Node& left, const Node& right) {
    const auto capture = cluster.capture();
    const testing::AssertionResult answered = all_answer(left, right);
    const testing::AssertionResult hidden = only_encrypted(capture->stop());
    return answered ? hidden : answered;
}

}  // namespace

void MeshTest::SetUp() {
    static const std::optional<std::string> kObstacle = mesh_obstacle();
    if (kObstacle) GTEST_SKIP() << *kObstacle;
}

testing::AssertionResult nothing_in_clear(const WireCounts& counts) {
    if (counts.missed > 0) return testing::AssertionFailure() << "missed " << counts.missed;
    if (counts.clear == 0) return testing::AssertionSuccess();
    auto failure = testing::AssertionFailure() << counts.clear << " packets in clear";
    for (const std::string& sample : counts.clear_samples)
        failure << "\n  " << sample;
    return failure;
}

testing::AssertionResult only_encrypted(const WireCounts& counts) {
    if (counts.wireguard == 0) return testing::AssertionFailure() << "no WireGuard packet seen";
    return nothing_in_clear(counts);
}

void form_mesh(Cluster& cluster) {
    cluster.start_agents();
    if (!cluster.wait_ready()) broken("the mesh did not form");
}

testing::AssertionResult all_answer(const Node& left, const Node& right) {
    const std::string failures = join_failures(left, right);
    if (failures.empty()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no answer from" << failures;
}

testing::AssertionResult nothing_leaked(const Cluster& cluster) {
    for (const auto& node : cluster.nodes()) {
        const std::uint64_t leaks = node->agent().leaks().value_or(0);
        if (leaks > 0)
            return testing::AssertionFailure() << node->name() << " saw " << leaks << " leaks\n"
                                               << node->agent().status()["leak_flows"];
    }
    return testing::AssertionSuccess();
}

testing::AssertionResult talk_encrypted(const Cluster& cluster, const Node& left,
                                        const Node& right) {
    const testing::AssertionResult unseen = talk_unseen(cluster, left, right);
    return unseen ? nothing_leaked(cluster) : unseen;
}

testing::AssertionResult soon_encrypted(const Cluster& cluster, const Node& left, const Node& right,
                                        Millis timeout) {
    testing::AssertionResult last = testing::AssertionFailure() << "not tried";
    eventually(timeout, [&] {
        last = talk_unseen(cluster, left, right);
        return static_cast<bool>(last);
    });
    return last;
}

std::string unused_public_key() {
    return PrivateKey::generate().public_key().to_base64();
}

void write_node_file(const Cluster& cluster, const std::string& name, const std::string& content) {
    const Status written = write_file_atomically(cluster.mesh() / (name + ".yaml"), content, 0644);
    if (!written) broken(written.error().message);
}

}  // namespace wgs::test
