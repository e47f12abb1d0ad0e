// SPDX-License-Identifier: Apache-2.0
// Whatever is accepted as a node file is written and read back as the same node.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/node_file.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto node = wgs::parse_node_file(text, "a", "f");
    if (!node) return 0;
    const auto again = wgs::parse_node_file(wgs::format_node_file(*node), "a", "f");
    if (!again || *again != *node) std::abort();
    return 0;
}
