// SPDX-License-Identifier: Apache-2.0
// All suites at their smallest size: every competitor answers alike (or a suite fails), every
// figure is there, and nothing is left behind.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/unique_fd.h"
#include "bench/measure/json.h"
#include "bench/report/plots.h"
#include "bench/report/table.h"
#include "bench/suites.h"
#include "tests/support/environment.h"

namespace wgs::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Where this process is.
struct Place {
    fs::path network = fs::read_symlink("/proc/self/ns/net");
    fs::path mount_namespace = fs::read_symlink("/proc/self/ns/mnt");
    fs::path working_directory = fs::current_path();
    bool operator==(const Place&) const = default;
};

// Names of the loaded programs that only a bench has.
std::set<std::string> bench_programs() {
    std::set<std::string> names;
    for (std::uint32_t id = 0; bpf_prog_get_next_id(id, &id) == 0;) {
        const UniqueFd program(bpf_prog_get_fd_by_id(id));
        bpf_prog_info info{};
        std::uint32_t size = sizeof(info);
        if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) continue;
        const std::string name = info.name;
        for (const char* part : {"wgs_chase", "wgs_feed", "wgs_inject", "wgs_sink"})
            if (name.starts_with(part)) names.insert(name);
    }
    return names;
}

// Of the devices that a bench gives to wireguard-go.
bool runs_bench_tunnel() {
    return std::ranges::any_of(fs::directory_iterator("/proc"), [](const auto& entry) {
        const std::string command = content_of(entry.path() / "cmdline");
        return command.find("wireguard-go") != std::string::npos &&
               command.find("wgb") != std::string::npos;
    });
}

Plan tiny_plan() {
    Plan plan = plan_of(Scale::tiny);
    plan.progress = [](const std::string&) {};
    return plan;
}

class SuiteTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0) return;
        before = new Place;
        result = new Result<bench::Run>(run_suites(tiny_plan()));
    }
    static void TearDownTestSuite() {
        delete before;
        delete result;
    }
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "benchmarks need root";
        ASSERT_TRUE(*result) << result->error().message;
    }
    static const bench::Run& run() { return **result; }

    static inline Place* before = nullptr;
    static inline Result<bench::Run>* result = nullptr;
};

TEST_F(SuiteTest, EveryKindOfTableLooksUpInBothFamilies) {
    for (const char* kind : {"wgsteer", "LPM_TRIE", "hash per length", "FIB with rule"})
        for (const char* family : {"IPv4", "IPv6"})
            for (const char* set : {"hot", "random"})
                EXPECT_EQ(
                    run().all("lookup", {{"kind", kind}, {"family", family}, {"set", set}}).size(),
                    tiny_plan().lookup_sizes.size())
                    << kind << ' ' << family << ' ' << set;
}

TEST_F(SuiteTest, EveryWayOfSteeringIsMeasured) {
    for (const char* steering :
         {"dropped at once", "plain", "Calico's rule", "transparent", "fast"}) {
        EXPECT_NE(run().find("path", {{"steering", steering}, {"set", "hot"}}), nullptr)
            << steering;
        EXPECT_NE(run().find("path", {{"steering", steering}, {"set", "random"}}), nullptr)
            << steering;
    }
}

TEST_F(SuiteTest, EverySuiteHasFiguresAndAllOfThemSamples) {
    for (const char* subject : {"lookup", "program", "verdict", "extra", "path", "tax", "update",
                                "memory", "control", "agent"})
        EXPECT_FALSE(run().all(subject).empty()) << subject;
    for (const Measurement& one : run().measurements)
        EXPECT_FALSE(one.samples.empty()) << one.subject << nlohmann::json(one.labels);
}

TEST_F(SuiteTest, TheDocumentHasTheShapeThatOthersRead) {
    const nlohmann::json document = to_json(run());
    for (const char* key : {"machine", "settings", "notes", "measurements"})
        EXPECT_TRUE(document.contains(key)) << key;
    for (const nlohmann::json& one : document.at("measurements"))
        for (const char* key :
             {"subject", "labels", "unit", "median", "lowest", "highest", "spread", "samples"})
            ASSERT_TRUE(one.contains(key)) << key << " of " << one;
    EXPECT_EQ(to_json(run_from_json(document)), document);
}

TEST_F(SuiteTest, ARunCanBeShown) {
    EXPECT_NE(render_run(run()).find("Targets"), std::string::npos);
    EXPECT_FALSE(draw_plots(run()).empty());
}

TEST_F(SuiteTest, NothingIsLeftBehind) {
    EXPECT_TRUE(Place() == *before) << "still in private namespaces";
    EXPECT_EQ(content_of("/proc/self/mounts").find("wgs-bench"), std::string::npos);
    EXPECT_FALSE(runs_bench_tunnel());
    // The kernel frees what nobody holds any more in its own time.
    EXPECT_TRUE(test::eventually(10s, [] { return bench_programs().empty(); }))
        << nlohmann::json(bench_programs());
}

TEST(SuitePrivilegeTest, AnUnknownSuiteMeasuresNothing) {
    if (::geteuid() != 0) GTEST_SKIP() << "benchmarks need root";
    Plan plan = tiny_plan();
    plan.suites = {"none of these"};
    const auto run = run_suites(plan);
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_TRUE(run->measurements.empty());
}

}  // namespace
}  // namespace wgs::bench
