// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_object.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"

namespace wgs {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxMessage = 200;

// Their values are never looked at and make up most of a Node.
constexpr std::array<std::string_view, 5> kUnused = {"managedFields", "images", "conditions",
                                                     "volumesAttached", "volumesInUse"};

bool is_unused(const Json& key) {
    const auto* const text = key.get_ptr<const std::string*>();
    return text != nullptr && std::ranges::find(kUnused, *text) != kUnused.end();
}

std::optional<KubernetesEvent::Type> event_type(std::string_view text) {
    using Type = KubernetesEvent::Type;
    constexpr std::array<std::pair<std::string_view, Type>, 5> kTypes = {{
        {"ADDED", Type::added},
        {"MODIFIED", Type::modified},
        {"DELETED", Type::deleted},
        {"BOOKMARK", Type::bookmark},
        {"ERROR", Type::error},
    }};
    for (const auto& [name, type] : kTypes) {
        if (name == text) return type;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_of(std::string_view version) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(version.begin(), version.end(), number);
    if (parsed.ec != std::errc() || parsed.ptr != version.end()) return std::nullopt;
    return number;
}

// For one line of a log.
std::string presentable(std::string_view text) {
    std::string result(text.substr(0, kMaxMessage));
    for (char& c : result) {
        if (c < 0x20 || c > 0x7e) c = ' ';
    }
    return result;
}

}  // namespace

bool is_older(std::string_view one, std::string_view other) {
    const auto first = number_of(one);
    const auto second = number_of(other);
    return first && second && *first < *second;
}

Result<Json> parse_kubernetes_json(std::string_view text) {
    bool too_deep = false;
    const Json::parser_callback_t filter = [&](int depth, Json::parse_event_t event, Json& value) {
        too_deep = too_deep || depth > kMaxDepth;
        if (event == Json::parse_event_t::key) return !is_unused(value);
        return depth <= kMaxDepth;
    };
    Json parsed = Json::parse(text, filter, false);
    if (too_deep) return invalid("JSON nested too deeply");
    if (parsed.is_discarded() || !parsed.is_object()) return invalid("not a JSON object");
    return parsed;
}

Result<KubernetesPage> parse_kubernetes_page(std::string_view text) {
    Json list = WGS_TRY(parse_kubernetes_json(text));
    KubernetesPage page{
        .items = {},
        .resource_version = std::string(text_at(list, "metadata", "resourceVersion")),
        .next = std::string(text_at(list, "metadata", "continue"))};
    if (page.resource_version.empty()) return invalid("a list without metadata.resourceVersion");
    const auto items = list.find("items");
    if (items == list.end()) return invalid("a list without items");
    if (items->is_null()) return page;
    if (!items->is_array()) return invalid("items is not a list");
    page.items = std::move(items->get_ref<Json::array_t&>());
    return page;
}

Result<KubernetesEvent> parse_kubernetes_event(std::string_view text) {
    Json parsed = WGS_TRY(parse_kubernetes_json(text));
    const std::string_view name = text_at(parsed, "type");
    const auto type = event_type(name);
    if (!type) return invalid("an event of type " + in_quotes(name));
    const auto object = parsed.find("object");
    if (object == parsed.end() || !object->is_object()) return invalid("an event without object");
    KubernetesEvent event{.type = *type, .object = std::move(*object), .resource_version = {}};
    if (*type == KubernetesEvent::Type::error) return event;
    event.resource_version = text_at(event.object, "metadata", "resourceVersion");
    if (event.resource_version.empty()) return invalid("an object without resourceVersion");
    return event;
}

KubernetesRefusal to_kubernetes_refusal(const Json& status) {
    return {
        .code = static_cast<int>(std::clamp<std::int64_t>(number_at(status, 0, "code"), 0, 999)),
        .reason = presentable(text_at(status, "reason")),
        .message = presentable(text_at(status, "message"))};
}

KubernetesRefusal read_kubernetes_refusal(std::string_view text) {
    const auto parsed = parse_kubernetes_json(text);
    if (!parsed) return {.message = presentable(text)};
    return to_kubernetes_refusal(*parsed);
}

}  // namespace wgs
