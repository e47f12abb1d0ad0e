// SPDX-License-Identifier: Apache-2.0
// No text makes the YAML reader crash, and every error says where.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/yaml.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto value = wgs::YamlValue::parse(text, "f");
    if (!value && !value.error().message.starts_with("f:")) std::abort();
    return 0;
}
