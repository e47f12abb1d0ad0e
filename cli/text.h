// SPDX-License-Identifier: Apache-2.0
// Pieces of text of which commands make their answers. What takes JSON throws
// nlohmann::json::exception on a value of another shape.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wgs::cli {

using Json = nlohmann::json;
using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the last one is not padded.
std::string table(const std::vector<Row>& rows);
// For loops: nlohmann-json's own would take a single value for a list of one.
const Json::array_t& items(const Json& list);
std::string text_or_dash(const Json& value);
// With blanks; beyond `most` it says how many more there are.
std::string joined(const Json& list, std::size_t most = SIZE_MAX);
// "35 s", "12 min", "3 h", "2 d".
std::string duration(std::chrono::seconds time);
// Of a point in time as seconds since the epoch: "35 s ago"; null: "never".
std::string age(const Json& handshake, std::chrono::seconds now);
std::string bytes(const Json& count);
// Text of others must not command the terminal: what is not ASCII becomes '?'.
std::string printable(std::string text);
// Of microseconds, in three places at most: "85us", "1.2ms", "0.4s".
std::string short_time(double microseconds);
// Short, with a unit prefix of ten: "999", "1.2k", "34M".
std::string scaled(double value);

}  // namespace wgs::cli
