// SPDX-License-Identifier: Apache-2.0
// Line plots as SVG, readable on a light and on a dark page.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace wgs::bench {

struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;  // all above zero
};

// Both axes are logarithmic.
struct Plot {
    std::string title;
    std::string x_axis;
    std::string y_axis;
    std::vector<Line> lines;
};

std::string to_svg(const Plot& plot);

}  // namespace wgs::bench
