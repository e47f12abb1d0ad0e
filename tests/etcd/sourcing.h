// SPDX-License-Identifier: Apache-2.0
// Etcd sources that run in the test's own thread, and what they have told.
#pragma once

#include <poll.h>

#include <algorithm>
#include <map>
#include <set>

#include "source/etcd.h"
#include "tests/etcd/server.h"
#include "tests/unit/node_builder.h"

namespace wgs::test {

// The mesh as a source tells it.
class Mesh final : public SourceSink {
  public:
    void upsert(const NodeInfo& node) override {
        nodes[node.name] = node;
        away_nodes.erase(node.name);
        ++upserts;
    }
    void remove(const std::string& name) override {
        removed.push_back(name);
        nodes.erase(name);
        away_nodes.erase(name);
    }
    void away(const std::string& name) override { away_nodes.insert(name); }
    [[nodiscard]] bool session_lives(const std::string& name) const override {
        return living.contains(name);
    }
    void complete() override { ++completed; }
    void report(const Problem& problem) override {
        reports.push_back(problem.object + ": " + problem.message);
    }

    [[nodiscard]] bool reported(const std::string& text) const {
        return std::ranges::any_of(reports, [&](const std::string& report) {
            return report.find(text) != std::string::npos;
        });
    }
    [[nodiscard]] bool has(const std::set<std::string>& names) const {
        std::set<std::string> known;
        for (const auto& [name, node] : nodes)
            known.insert(name);
        return known == names;
    }

    std::map<std::string, NodeInfo> nodes;
    std::set<std::string> away_nodes;
    std::set<std::string> living;
    std::vector<std::string> removed;
    std::vector<std::string> reports;
    std::size_t upserts = 0;
    int completed = 0;
};

struct Sourcing {
    Mesh mesh;
    std::unique_ptr<EtcdSource> source;
    SteadyTime::duration skipped{0};  // how far the source's clock is ahead

    Sourcing(const std::string& self, EtcdConfig config, Millis call_timeout = 1s) {
        EtcdOptions options{.config = std::move(config),
                            .self = self,
                            .call_timeout = scaled(call_timeout),
                            .longest_pause = 500ms,
                            .now = [this] { return std::chrono::steady_clock::now() + skipped; }};
        source = EtcdSource::create(std::move(options), mesh).value();
    }
    Sourcing(const Sourcing&) = delete;
    Sourcing& operator=(const Sourcing&) = delete;

    [[nodiscard]] std::string complaints() const {
        std::string result;
        for (const Problem& problem : source->problems())
            result += problem.object + ": " + problem.message + "\n";
        return result;
    }

    // Now, or before when it was reported.
    [[nodiscard]] bool complained(const std::string& text) const {
        return complaints().find(text) != std::string::npos || mesh.reported(text);
    }

    // Runs the source until the condition has held for this long without a break; false if
    // that does not happen before a generous limit.
    bool until_it_lasts(const std::function<bool()>& condition, Millis period) {
        auto since = std::chrono::steady_clock::now();
        return until(
            [&] {
                const auto now = std::chrono::steady_clock::now();
                if (!condition()) since = now;
                return now - since >= period;
            },
            10 * period);
    }

    // Runs the source until the condition holds.
    bool until(const std::function<bool()>& condition, Millis timeout = 20s) {
        return run_until({this}, condition, timeout);
    }

    // The same for several at once.
    static bool run_until(const std::vector<Sourcing*>& all, const std::function<bool()>& condition,
                          Millis timeout = 20s) {
        return eventually_dispatching(all, condition, scaled(timeout));
    }

  private:
    static bool eventually_dispatching(const std::vector<Sourcing*>& all,
                                       const std::function<bool()>& condition, Millis timeout) {
        const auto end = std::chrono::steady_clock::now() + timeout;
        while (!condition()) {
            const auto now = std::chrono::steady_clock::now();
            if (now >= end) return false;
            auto wait =
                std::min<SteadyTime::duration>(end - now, 20ms);  // the condition may be elsewhere
            std::vector<pollfd> fds;
            for (const Sourcing* one : all) {
                fds.push_back({.fd = one->source->fd(), .events = POLLIN, .revents = 0});
                if (const auto next = one->source->next_timeout())
                    wait = std::clamp<SteadyTime::duration>(*next - now - one->skipped, 0ms, wait);
            }
            const auto wait_ms = std::chrono::ceil<Millis>(wait).count();
            ::poll(fds.data(), fds.size(), static_cast<int>(wait_ms));
            for (Sourcing* one : all)
                one->source->dispatch();
        }
        return true;
    }
};

}  // namespace wgs::test
