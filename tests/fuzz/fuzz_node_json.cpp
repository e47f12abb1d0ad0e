// SPDX-License-Identifier: Apache-2.0
// Whatever is accepted as a node in JSON is written and read back as the same node.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/node_json.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto entry = wgs::parse_node_json(text, "a");
    if (!entry || entry->left) return 0;
    const auto again = wgs::parse_node_json(wgs::format_node_json(entry->node), "a");
    if (!again || again->node != entry->node) std::abort();
    return 0;
}
