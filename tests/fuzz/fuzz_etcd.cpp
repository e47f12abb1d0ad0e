// SPDX-License-Identifier: Apache-2.0
// No answer of an etcd, or of what pretends to be one, makes its reader crash; and the same
// documents are found in a stream wherever it is cut.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "net/json_splitter.h"
#include "source/etcd_messages.h"

namespace {

std::vector<std::string> split(std::string_view text, std::size_t piece) {
    wgs::JsonSplitter splitter(4096);
    std::vector<std::string> documents;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto status = splitter.feed(text.substr(at, piece), [&](std::string_view document) {
            documents.emplace_back(document);
            return wgs::Status();
        });
        if (!status) break;
    }
    return documents;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(wgs::parse_page(text));
    static_cast<void>(wgs::parse_header(text));
    static_cast<void>(wgs::parse_lease(text));
    static_cast<void>(wgs::parse_token(text));
    static_cast<void>(wgs::parse_watch_answer(text));
    static_cast<void>(wgs::error_text(text));
    if (split(text, 1) != split(text, text.size() + 1)) std::abort();
    return 0;
}
