// SPDX-License-Identifier: Apache-2.0
// The agent's documents for people: aligned, problems first. All of them throw
// nlohmann::json::exception on a document of another shape.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "event.h"

namespace wgs::cli {

std::string render_status(const nlohmann::json& status,
                          std::chrono::seconds now_since_epoch = std::chrono::seconds(0));
std::string render_peers(const nlohmann::json& peers, std::chrono::seconds now_since_epoch);
// One peer in full.
std::string render_peer(const nlohmann::json& peer, std::chrono::seconds now_since_epoch);
// No line is longer than 80 columns, unless a word is.
std::string render_explanation(const nlohmann::json& explanation, Colour colour = Colour::off);
// An event of the past, {"event", "now", "same"}.
std::string render_past(const nlohmann::json& document, const Event& event, Colour colour);
std::string render_leak_test(const nlohmann::json& test);

bool has_passed(const nlohmann::json& leak_test);

// Whether nothing is wrong with an agent.
bool is_healthy(const nlohmann::json& status);

}  // namespace wgs::cli
