// SPDX-License-Identifier: Apache-2.0
#include "service/logging.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <nlohmann/json.hpp>

namespace wgs {
namespace {

// The message as a JSON string, quotes included; spdlog's own patterns do not escape.
class JsonMessage final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& destination) override {
        const nlohmann::json text(std::string_view(message.payload.data(), message.payload.size()));
        const std::string quoted =
            text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        destination.append(quoted.data(), quoted.data() + quoted.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JsonMessage>();
    }
};

// The message on one line, whatever it quotes.
class TextMessage final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& destination) override {
        for (const char byte : message.payload) {
            const auto code = static_cast<unsigned char>(byte);
            if (code >= 0x20 && code != 0x7f) {
                destination.push_back(byte);
            } else {
                fmt::format_to(std::back_inserter(destination), "\\x{:02x}", code);
            }
        }
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<TextMessage>();
    }
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

}  // namespace

void set_up_logging(LogLevel level, LogFormat format) {
    auto logger = std::make_shared<spdlog::logger>(
        "wgsteerd", std::make_shared<spdlog::sinks::stderr_sink_st>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<JsonMessage>('Q').add_flag<TextMessage>('q');
    formatter->set_pattern(format == LogFormat::json
                               ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%Q})"
                               : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %q");
    logger->set_formatter(std::move(formatter));
    logger->set_level(to_spdlog(level));
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace wgs
