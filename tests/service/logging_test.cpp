// SPDX-License-Identifier: Apache-2.0
#include "service/logging.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <regex>

namespace wgs {
namespace {

class Logging : public testing::Test {
  protected:
    void SetUp() override { before_ = spdlog::default_logger(); }
    void TearDown() override { spdlog::set_default_logger(before_); }

    // What `write` leaves on standard error, with every time as TIME.
    template <class Write>
    static std::string logged(LogLevel level, LogFormat format, const Write& write) {
        testing::internal::CaptureStderr();
        set_up_logging(level, format);
        write();
        const std::string text = testing::internal::GetCapturedStderr();
        static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
        return std::regex_replace(text, kTime, "TIME");
    }

    static void write_one_of_each() {
        spdlog::debug("d");
        spdlog::info("i");
        spdlog::warn("w");
        spdlog::error("e");
    }

  private:
    std::shared_ptr<spdlog::logger> before_;
};

TEST_F(Logging, WritesALineOfTextARecord) {
    EXPECT_EQ(logged(LogLevel::debug, LogFormat::text, write_one_of_each),
              "TIME debug   d\nTIME info    i\nTIME warning w\nTIME error   e\n");
}

TEST_F(Logging, WritesAJsonObjectARecord) {
    EXPECT_EQ(logged(LogLevel::debug, LogFormat::json, write_one_of_each),
              R"({"time":"TIME","level":"debug","message":"d"})"
              "\n"
              R"({"time":"TIME","level":"info","message":"i"})"
              "\n"
              R"({"time":"TIME","level":"warning","message":"w"})"
              "\n"
              R"({"time":"TIME","level":"error","message":"e"})"
              "\n");
}

TEST_F(Logging, LeavesOutWhatIsBelowTheLevel) {
    EXPECT_EQ(logged(LogLevel::info, LogFormat::text, write_one_of_each),
              "TIME info    i\nTIME warning w\nTIME error   e\n");
    EXPECT_EQ(logged(LogLevel::warning, LogFormat::text, write_one_of_each),
              "TIME warning w\nTIME error   e\n");
    EXPECT_EQ(logged(LogLevel::error, LogFormat::text, write_one_of_each), "TIME error   e\n");
}

TEST_F(Logging, EscapesInJson) {
    const auto write = [] { spdlog::info("a \"quoted\\\" word,\ntwo lines, %l %v \x1b[31m"); };
    EXPECT_EQ(logged(LogLevel::info, LogFormat::json, write),
              R"({"time":"TIME","level":"info",)"
              R"("message":"a \"quoted\\\" word,\ntwo lines, %l %v \u001b[31m"})"
              "\n");
}

TEST_F(Logging, ReplacesInJsonWhatIsNotUtf8) {
    const auto write = [] { spdlog::info("knot\xfften \xe2\x82\xac"); };
    EXPECT_EQ(logged(LogLevel::info, LogFormat::json, write),
              "{\"time\":\"TIME\",\"level\":\"info\",\"message\":\"knot\xef\xbf\xbdten "
              "\xe2\x82\xac\"}\n");
}

TEST_F(Logging, KeepsATextRecordOnItsLine) {
    const auto write = [] { spdlog::info("one\ntwo\r\x1b[31m\x7f \"quoted\" \xe2\x82\xac %v"); };
    EXPECT_EQ(logged(LogLevel::info, LogFormat::text, write),
              "TIME info    one\\x0atwo\\x0d\\x1b[31m\\x7f \"quoted\" \xe2\x82\xac %v\n");
}

}  // namespace
}  // namespace wgs
