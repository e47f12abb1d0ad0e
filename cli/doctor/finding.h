// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wgs::cli {

enum class Grade { ok, warning, failure };
[[nodiscard]] constexpr std::string_view to_string(Grade grade) {
    return grade == Grade::ok ? "ok" : grade == Grade::warning ? "warning" : "failure";
}

// One line of the doctor.
struct Finding {
    Grade grade = Grade::ok;
    std::string check;  // a word, stable
    std::string text;   // what is
    std::string fix;    // what to do; empty if all is well
};
using Findings = std::vector<Finding>;

inline void ok(Findings& findings, std::string check, std::string text) {
    findings.push_back({Grade::ok, std::move(check), std::move(text), ""});
}
inline void warn(Findings& findings, std::string check, std::string text, std::string fix) {
    findings.push_back({Grade::warning, std::move(check), std::move(text), std::move(fix)});
}
inline void fail(Findings& findings, std::string check, std::string text, std::string fix) {
    findings.push_back({Grade::failure, std::move(check), std::move(text), std::move(fix)});
}

}  // namespace wgs::cli
