// SPDX-License-Identifier: Apache-2.0
// What the API server says, as values: pages of lists, events of watches, and its refusals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/json_values.h"

namespace wgs {

// A page of a list. More pages follow where `next` (the token for the next request) is not empty.
struct KubernetesPage {
    std::vector<Json> items;
    std::string resource_version;
    std::string next;
};

struct KubernetesEvent {
    enum class Type { added, modified, deleted, bookmark, error };
    Type type = Type::error;
    Json object;                   // of `error`: a Status
    std::string resource_version;  // of the object; empty for `error`
};

// A Status object, which is how the API server words what went wrong.
struct KubernetesRefusal {
    int code = 0;  // as of HTTP; 0: it did not say
    std::string reason;
    std::string message;
};

inline constexpr int kKubernetesGone = 410;  // the resource version is too old: list again

// Whether one resource version is of an earlier time than the other; false where they are not
// numbers, which they need not be.
[[nodiscard]] bool is_older(std::string_view one, std::string_view other);

// JSON of an object or a list. What can be large and is of no use here (who manages which field,
// the images on a node) is dropped while it is read. Nesting beyond 64 levels is an error.
Result<Json> parse_kubernetes_json(std::string_view text);

Result<KubernetesPage> parse_kubernetes_page(std::string_view text);
Result<KubernetesEvent> parse_kubernetes_event(std::string_view text);
// Whatever it is given, even no JSON at all.
[[nodiscard]] KubernetesRefusal read_kubernetes_refusal(std::string_view text);
[[nodiscard]] KubernetesRefusal to_kubernetes_refusal(const Json& status);

}  // namespace wgs
