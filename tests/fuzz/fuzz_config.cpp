// SPDX-License-Identifier: Apache-2.0
// No text makes the configuration reader crash, and what it accepts has what the agent relies on.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/config_file.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = wgs::parse_config(text, "f");
    if (!config) return 0;
    const auto* directory = std::get_if<wgs::DirectoryConfig>(&config->source);
    if ((directory != nullptr && directory->path.empty()) || config->node.empty()) std::abort();
    return 0;
}
