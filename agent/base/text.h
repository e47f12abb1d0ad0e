// SPDX-License-Identifier: Apache-2.0
// Handling of text that came from outside and is about to appear in a message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace wgs {

// The text in single quotes, fit for one log line: clipped at 64 bytes, with everything outside
// printable ASCII as \xNN.
[[nodiscard]] std::string in_quotes(std::string_view text);

// The offset of the first byte that is not UTF-8 (RFC 3629) or is a control character other than
// tab, line feed and carriage return. None: the text is clean.
[[nodiscard]] std::optional<std::size_t> find_non_text(std::string_view text);

}  // namespace wgs
