// SPDX-License-Identifier: Apache-2.0
// What every test of a mesh starts from.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/support/cluster.h"
#include "tests/support/environment.h"
#include "tests/support/traffic.h"

namespace wgs::test {

inline constexpr Family kFamilies[] = {Family::v4, Family::v6};

// Skips with the reason where the machine cannot run a mesh.
class MeshTest : public testing::Test {
  protected:
    void SetUp() override {
        static const std::optional<std::string> obstacle = mesh_obstacle();
        if (obstacle) GTEST_SKIP() << *obstacle;
    }
};

// A capture that saw WireGuard, no clear text, and all there was.
inline testing::AssertionResult only_encrypted(const WireCounts& counts) {
    if (counts.missed > 0) return testing::AssertionFailure() << "missed " << counts.missed;
    if (counts.wireguard == 0) return testing::AssertionFailure() << "no WireGuard packet seen";
    if (counts.clear == 0) return testing::AssertionSuccess();
    auto failure = testing::AssertionFailure() << counts.clear << " packets in clear";
    for (const std::string& sample : counts.clear_samples)
        failure << "\n  " << sample;
    return failure;
}

}  // namespace wgs::test
