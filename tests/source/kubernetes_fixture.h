// SPDX-License-Identifier: Apache-2.0
// A Kubernetes source that talks to the tests' API server, and what it has told.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source/kubernetes.h"
#include "tests/support/kubernetes_api.h"
#include "tests/support/workspace.h"

namespace wgs::test {

// The state that the events of a source lead to.
class RecordingSink final : public SourceSink {
  public:
    void upsert(const NodeInfo& node) override;
    void remove(const std::string& name) override;
    void resumed() override {
        ++resumptions;
        removed_before = removed.size();
    }
    void describe_self(const NodeInfo& self) override { own = self.prefixes; }
    void bypass(const std::set<Service>& services) override { bypassed = services; }
    void complete() override { ++completions; }
    void report(const Problem& problem) override { reports.push_back(problem); }

    std::map<std::string, NodeInfo> nodes;
    std::map<std::string, SteadyTime> changed;  // when a node was told last
    std::vector<std::string> removed;           // in order
    std::vector<Prefix> own;
    std::set<Service> bypassed;
    std::vector<Problem> reports;
    std::size_t upserts = 0;
    int completions = 0;
    int resumptions = 0;
    std::size_t removed_before = 0;  // the last one of these
};

class KubernetesTest : public testing::Test {
  protected:
    KubernetesTest();

    // Opens and starts the source, which is node-0.
    void start(KubernetesOptions options);
    void start() { start(options()); }
    [[nodiscard]] KubernetesOptions options() const;
    // Lets the source run until the condition holds; false if it never does.
    bool run_until(const std::function<bool()>& condition, Millis timeout = 20s);
    void run_for(Millis time);
    // Until the sink has been told everything once.
    bool run_until_complete() {
        return run_until([this] { return sink_.completions == 1; });
    }
    // What a test changes in a node, through the API server's own door.
    void annotate(const std::string& node, const std::string& key, const nlohmann::json& value);
    [[nodiscard]] std::string annotation(const std::string& node, const std::string& key) const;
    [[nodiscard]] std::string problem_of(const std::string& object) const;

    Workspace workspace_;
    KubernetesApi api_;
    RecordingSink sink_;
    std::unique_ptr<Source> source_;
};

// A valid key: 32 bytes of this value.
std::string key_of(std::uint8_t value);

// The same node with a key of its own.
nlohmann::json with_key(nlohmann::json node, std::uint8_t value);

}  // namespace wgs::test
