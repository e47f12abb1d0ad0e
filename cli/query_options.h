// SPDX-License-Identifier: Apache-2.0
// Flags that are arguments of a request, under the same name.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace wgs::cli {

class QueryOptions {
  public:
    // Both outlive the parsing.
    QueryOptions(CLI::App& app, std::map<std::string, std::string>& query)
        : app_(app), query_(query) {}

    void add(const std::string& name, const std::string& description) {
        app_.add_option_function<std::string>(
            "--" + name, [&query = query_, name](const std::string& value) { query[name] = value; },
            description);
    }
    // "1" if it is there.
    void add_flag(const std::string& name, const std::string& description) {
        app_.add_flag_callback(
            "--" + name, [&query = query_, name] { query[name] = "1"; }, description);
    }

  private:
    CLI::App& app_;
    std::map<std::string, std::string>& query_;
};

}  // namespace wgs::cli
