// SPDX-License-Identifier: Apache-2.0
// What every test of a mesh starts from, and how it judges traffic.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/cluster.h"
#include "tests/support/environment.h"
#include "tests/support/traffic.h"

namespace wgs::test {

inline constexpr Family kFamilies[] = {Family::v4, Family::v6};

// Skips with the reason where the machine cannot run a mesh.
class MeshTest : public testing::Test {
  protected:
    void SetUp() override;
};

// A capture that missed nothing and saw no clear text.
testing::AssertionResult nothing_in_clear(const WireCounts& counts);

// The same, and it saw WireGuard.
testing::AssertionResult only_encrypted(const WireCounts& counts);

// Agents on all nodes, all ready. Breaks the test if that takes too long.
void form_mesh(Cluster& cluster);

// One ping each way between two nodes, pods and hosts, in both families: all answered.
testing::AssertionResult all_answer(const Node& left, const Node& right);

// No agent that runs has called a packet a leak since it first started.
testing::AssertionResult nothing_leaked(const Cluster& cluster);

// All answered, nothing of it visible on the underlay, and nothing leaked.
testing::AssertionResult talk_encrypted(const Cluster& cluster, const Node& left,
                                        const Node& right);

// All are answered and nothing of it is visible within scaled(timeout). What was in clear before
// does not count: after damage from outside the agent needs a moment to notice.
testing::AssertionResult soon_encrypted(const Cluster& cluster, const Node& left, const Node& right,
                                        Millis timeout = 20s);

// A valid public key that nobody has the private key of.
std::string unused_public_key();

// Writes NAME.yaml into the mesh directory, atomically.
void write_node_file(const Cluster& cluster, const std::string& name, const std::string& content);

}  // namespace wgs::test
