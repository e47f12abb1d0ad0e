// SPDX-License-Identifier: Apache-2.0
// A table for people, as plain text and as Markdown.
#pragma once

#include <string>
#include <vector>

namespace wgs::bench {

struct Grid {
    std::string title;
    std::vector<std::vector<std::string>> rows;  // the first one: heads; all of one length
};

std::string to_text(const Grid& grid);
std::string to_markdown(const Grid& grid);

// Three significant digits, thousands apart: "7.13", "1,450".
std::string to_words(double value);

}  // namespace wgs::bench
