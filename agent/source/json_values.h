// SPDX-License-Identifier: Apache-2.0
// Looking into JSON that others wrote: what is absent or of another kind is simply not there.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace wgs {

using Json = nlohmann::json;

// The member `key` of an object, or nullptr.
[[nodiscard]] inline const Json* find_member(const Json& value, std::string_view key) {
    if (!value.is_object()) return nullptr;
    const auto entry = value.find(key);
    return entry == value.end() ? nullptr : &*entry;
}

// The member at the end of a path of keys, or nullptr.
template <class... Keys>
[[nodiscard]] const Json* find_member(const Json& value, std::string_view first, Keys... rest) {
    const Json* const member = find_member(value, first);
    return member == nullptr ? nullptr : find_member(*member, rest...);
}

// The text there; empty when there is none.
template <class... Keys>
[[nodiscard]] std::string_view text_at(const Json& value, Keys... keys) {
    const Json* const member = find_member(value, keys...);
    const auto* const text = member == nullptr ? nullptr : member->get_ptr<const std::string*>();
    return text == nullptr ? std::string_view() : std::string_view(*text);
}

// The array there, or an empty one.
template <class... Keys>
[[nodiscard]] const Json::array_t& list_at(const Json& value, Keys... keys) {
    static const Json::array_t kNone;
    const Json* const member = find_member(value, keys...);
    const auto* const list = member == nullptr ? nullptr : member->get_ptr<const Json::array_t*>();
    return list == nullptr ? kNone : *list;
}

// The whole number there, within [low, high]; otherwise `fallback`.
template <class... Keys>
[[nodiscard]] std::int64_t number_at(const Json& value, std::int64_t fallback, Keys... keys) {
    const Json* const member = find_member(value, keys...);
    if (member == nullptr || !member->is_number_integer()) return fallback;
    return member->get<std::int64_t>();
}

}  // namespace wgs
