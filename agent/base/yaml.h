// SPDX-License-Identifier: Apache-2.0
// Strict reading of small YAML documents. Every error names the file, the line and the key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace wgs {

// One node of a parsed document: a scalar, a list or a map. Duplicate keys, anchors, tags and
// documents nested deeper than 32 levels are rejected while parsing.
class YamlValue {
  public:
    enum class Kind { null, scalar, list, map };

    // Parses `text`; `file` is used in messages only. An empty document is an empty map.
    static Result<YamlValue> parse(std::string_view text, const std::string& file);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] int line() const { return line_; }
    [[nodiscard]] const std::vector<YamlValue>& items() const { return items_; }
    [[nodiscard]] const std::map<std::string, YamlValue>& entries() const { return entries_; }

    // The value as text; an error unless it is a scalar.
    [[nodiscard]] Result<std::string> as_string() const;
    // Strictly "true" or "false".
    [[nodiscard]] Result<bool> as_bool() const;
    // A decimal or 0x-prefixed integer within [low, high].
    [[nodiscard]] Result<std::int64_t> as_integer(std::int64_t low, std::int64_t high) const;
    // An error at this value: "FILE:LINE: KEY: what".
    [[nodiscard]] tl::unexpected<Error> error(std::string_view what) const;

    // The entry `key` of a map, or nullptr.
    [[nodiscard]] const YamlValue* find(std::string_view key) const;
    // An error naming the first key of this map that is not in `known`; also if this is not a map.
    [[nodiscard]] Status only(std::span<const std::string_view> known) const;
    [[nodiscard]] Status only(std::initializer_list<std::string_view> known) const {
        return only(std::span(known.begin(), known.size()));
    }

  private:
    friend class YamlBuilder;
    Kind kind_ = Kind::null;
    int line_ = 1;
    std::string scalar_;
    std::string key_;  // dotted path from the root, for messages
    std::shared_ptr<const std::string> file_;
    std::vector<YamlValue> items_;
    std::map<std::string, YamlValue> entries_;
};

}  // namespace wgs
