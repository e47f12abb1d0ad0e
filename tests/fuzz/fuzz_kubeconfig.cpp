// SPDX-License-Identifier: Apache-2.0
// An accepted kubeconfig leads to an https URL, and never to two sources of one thing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/kubernetes_access.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto access = wgs::parse_kubeconfig(text, "/k", "");
    if (!access) return 0;
    if (!access->url.starts_with("https://")) std::abort();
    if (!access->ca.file.empty() && !access->ca.data.empty()) std::abort();
    if (access->certificate.empty() != access->key.empty()) std::abort();
    if (wgs::port_of(*access) == 0) std::abort();
    return 0;
}
