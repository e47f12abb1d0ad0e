// SPDX-License-Identifier: Apache-2.0
#include "bench/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "bench/report/grid.h"

namespace wgs::bench {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 420;
constexpr double kLeft = 70;
constexpr double kRight = 190;  // room for the legend
constexpr double kTop = 50;
constexpr double kBottom = 60;
constexpr double kLegendStep = 22;

// Told apart by people who see colours differently as well (Okabe and Ito).
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

// Whole decades that hold all values, on a stretch of the page.
class Axis {
  public:
    Axis(double from, double to) : from_(from), to_(to) {}
    void include(double value) {
        low_ = std::min(low_, std::floor(std::log10(value)));
        high_ = std::max(high_, std::ceil(std::log10(value)));
    }
    [[nodiscard]] double place(double value) const {
        return from_ + (std::log10(value) - low_) / (high_ - low_) * (to_ - from_);
    }
    [[nodiscard]] std::vector<double> decades() const {
        std::vector<double> values;
        for (double power = low_; power <= high_; ++power)
            values.push_back(std::pow(10, power));
        return values;
    }

  private:
    double from_;
    double to_;
    double low_ = std::numeric_limits<double>::max();
    double high_ = std::numeric_limits<double>::lowest();
};

std::string text(double x, double y, const char* anchor, const std::string& content,
                 const char* more = "") {
    return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)"
                       "\n",
                       x, y, anchor, more, content);
}

std::string rule(double x1, double y1, double x2, double y2) {
    return fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#bbb"/>)"
                       "\n",
                       x1, y1, x2, y2);
}

std::string decade_name(double value) {
    return value < 1      ? fmt::format("{:g}", value)
           : value >= 1e6 ? fmt::format("{:g} M", value / 1e6)
                          : fmt::format("{:g}", value);
}

std::string draw_axes(const Plot& plot, const Axis& x, const Axis& y) {
    std::string svg;
    for (const double value : x.decades()) {
        svg += rule(x.place(value), kTop, x.place(value), kHeight - kBottom);
        svg += text(x.place(value), kHeight - kBottom + 18, "middle", decade_name(value));
    }
    for (const double value : y.decades()) {
        svg += rule(kLeft, y.place(value), kWidth - kRight, y.place(value));
        svg += text(kLeft - 8, y.place(value) + 4, "end", decade_name(value));
    }
    svg += text((kLeft + kWidth - kRight) / 2, kHeight - 15, "middle", plot.x_axis);
    const double middle = (kTop + kHeight - kBottom) / 2;
    svg += text(18, middle, "middle", plot.y_axis,
                fmt::format(R"x( transform="rotate(-90 18 {:.1f})")x", middle).c_str());
    return svg;
}

std::string draw_line(const Line& line, const Axis& x, const Axis& y, std::size_t number) {
    const char* colour = kColours.at(number % kColours.size());
    std::string points;
    std::string dots;
    for (const auto& [at, value] : line.points) {
        points += fmt::format("{:.1f},{:.1f} ", x.place(at), y.place(value));
        dots += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"><title>{}</title>)"
                            "</circle>\n",
                            x.place(at), y.place(value), colour, to_words(value));
    }
    const double legend = kTop + 10 + kLegendStep * static_cast<double>(number);
    return fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>)"
                       "\n{}"
                       R"(<line x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}" stroke="{}" )"
                       R"(stroke-width="4"/>)"
                       "\n",
                       points, colour, dots, kWidth - kRight + 15, legend - 4, kWidth - kRight + 35,
                       legend - 4, colour) +
           text(kWidth - kRight + 42, legend, "start", line.name);
}

}  // namespace

std::string to_svg(const Plot& plot) {
    Axis x(kLeft, kWidth - kRight);
    Axis y(kHeight - kBottom, kTop);
    for (const Line& line : plot.lines) {
        for (const auto& [at, value] : line.points) {
            x.include(at);
            y.include(value);
        }
    }
    std::string svg =
        fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" )"
                    R"(font-family="sans-serif" font-size="13" fill="#222">)"
                    "\n"
                    R"(<rect width="{0:.0f}" height="{1:.0f}" fill="#fff"/>)"
                    "\n",
                    kWidth, kHeight);
    svg += text(kLeft, 28, "start", plot.title, R"( font-size="16" font-weight="bold")");
    svg += draw_axes(plot, x, y);
    for (std::size_t i = 0; i < plot.lines.size(); ++i)
        svg += draw_line(plot.lines[i], x, y, i);
    return svg + "</svg>\n";
}

}  // namespace wgs::bench
