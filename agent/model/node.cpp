// SPDX-License-Identifier: Apache-2.0
#include "model/node.h"

#include <algorithm>

namespace wgs {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_valid_label(std::string_view label) {
    return !label.empty() && label.size() <= kMaxLabel && is_alphanumeric(label.front()) &&
           is_alphanumeric(label.back()) && std::all_of(label.begin(), label.end(), [](char c) {
               return is_alphanumeric(c) || c == '-';
           });
}

}  // namespace

bool is_valid_node_name(std::string_view name) {
    if (name.size() > kMaxName) return false;
    while (true) {
        const std::size_t dot = name.find('.');
        if (!is_valid_label(name.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

}  // namespace wgs
