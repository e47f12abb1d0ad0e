// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_reports.h"

#include <gtest/gtest.h>

#include "source/json_values.h"

namespace wgs {
namespace {

constexpr const char* kKey = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

TEST(KubernetesReports, AreOnePerNodeAndKind) {
    const auto reports = gather_reports({{"a", "10.0.0.0/8", "is too broad"},
                                         {"a", "10.1.0.0/24", "belongs to c"},
                                         {"a", kKey, "another node has it"},
                                         {"b", "10.2.0.0/24", "belongs to c"}});
    EXPECT_EQ(reports,
              (std::vector<KubernetesReport>{
                  {"a", "KeyConflict", std::string(kKey) + ": another node has it"},
                  {"a", "PrefixRejected", "10.0.0.0/8: is too broad; 10.1.0.0/24: belongs to c"},
                  {"b", "PrefixRejected", "10.2.0.0/24: belongs to c"}}));
}

TEST(KubernetesReports, NameTheFirstOfMany) {
    std::vector<Rejection> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back({"a", "10.0.0." + std::to_string(i) + "/32", "no"});
    const auto reports = gather_reports(many);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_LT(reports[0].message.size(), 200U);
    EXPECT_TRUE(reports[0].message.ends_with("; and 995 more")) << reports[0].message;
}

TEST(KubernetesReports, HaveTheSameNameFromEveryAgentAndAnotherForAnotherMatter) {
    const auto name = [](const KubernetesReport& report, const std::string& host) {
        const Json event = Json::parse(format_event(report, host, "2026-01-01T00:00:00Z"));
        return event["metadata"]["name"].get<std::string>();
    };
    const KubernetesReport report{"a", "PrefixRejected", "m"};
    EXPECT_EQ(name(report, "b"), name(report, "c"));
    EXPECT_NE(name(report, "b"), name({"a", "PrefixRejected", "n"}, "b"));
    EXPECT_TRUE(name(report, "b").starts_with("a.wgsteer-"));
}

TEST(KubernetesReports, SurviveTextThatIsNone) {
    const KubernetesReport report{"a", "PrefixRejected", "\xff\xfe"};
    EXPECT_FALSE(Json::parse(format_event(report, "b", "t"), nullptr, false).is_discarded());
}

}  // namespace
}  // namespace wgs
