// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_object.h"

#include <gtest/gtest.h>

namespace wgs {
namespace {

TEST(KubernetesPage, TellsItemsVersionAndTheNextPage) {
    const auto page = parse_kubernetes_page(
        R"({"metadata": {"resourceVersion": "7", "continue": "t"}, "items": [{"a": 1}, {"a": 2}]})");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items.size(), 2U);
    EXPECT_EQ(page->resource_version, "7");
    EXPECT_EQ(page->next, "t");
}

TEST(KubernetesPage, MayBeEmpty) {
    const auto page =
        parse_kubernetes_page(R"({"metadata": {"resourceVersion": "7"}, "items": null})");
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->items.empty());
    EXPECT_EQ(page->next, "");
}

TEST(KubernetesPage, DropsWhatIsLargeAndOfNoUse) {
    const auto page = parse_kubernetes_page(
        R"({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"managedFields": [1],
            "name": "a"}, "status": {"images": [{"names": ["x"]}], "addresses": []}}]})");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items.at(0), Json::parse(R"({"metadata": {"name": "a"},
                                                 "status": {"addresses": []}})"));
}

TEST(KubernetesPage, RefusesWhatIsNoList) {
    for (const char* const text :
         {"", "[]", "{}", "null", R"({"metadata": {"resourceVersion": "7"}})",
          R"({"metadata": {"resourceVersion": 7}, "items": []})",
          R"({"metadata": {"resourceVersion": "7"}, "items": {}})", R"({"items": [], )",
          "{\"metadata\": {\"resourceVersion\": \"7\"}, \"items\": [\"\xff\"]}"}) {
        EXPECT_FALSE(parse_kubernetes_page(text)) << text;
    }
}

TEST(KubernetesPage, RefusesDeepNesting) {
    const std::string deep =
        R"({"metadata": {"resourceVersion": "7"}, "items": [)" + std::string(100'000, '[');
    EXPECT_FALSE(parse_kubernetes_page(deep));
    EXPECT_FALSE(parse_kubernetes_page(deep + std::string(100'000, ']') + "]}"));
}

TEST(KubernetesEvent, TellsTypeObjectAndVersion) {
    const auto event = parse_kubernetes_event(
        R"({"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "8"}}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, KubernetesEvent::Type::modified);
    EXPECT_EQ(event->resource_version, "8");
}

TEST(KubernetesEvent, CarriesARefusal) {
    const auto event = parse_kubernetes_event(
        R"({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too\nold"}})");
    ASSERT_TRUE(event);
    const KubernetesRefusal refusal = to_kubernetes_refusal(event->object);
    EXPECT_EQ(refusal.code, kKubernetesGone);
    EXPECT_EQ(refusal.reason, "Expired");
    EXPECT_EQ(refusal.message, "too old");
}

TEST(KubernetesEvent, RefusesWhatIsNone) {
    for (const char* const text :
         {"", "{}", R"({"type": "ADDED"})", R"({"type": "ADDED", "object": {}})",
          R"({"type": "CHANGED", "object": {"metadata": {"resourceVersion": "8"}}})"}) {
        EXPECT_FALSE(parse_kubernetes_event(text)) << text;
    }
}

TEST(KubernetesRefusal, IsReadFromAnything) {
    EXPECT_EQ(read_kubernetes_refusal("no\x01 JSON").message, "no  JSON");
    EXPECT_EQ(read_kubernetes_refusal(R"({"code": "x"})").code, 0);
    EXPECT_EQ(read_kubernetes_refusal(std::string(100'000, 'x')).message.size(), 200U);
}

}  // namespace
}  // namespace wgs
