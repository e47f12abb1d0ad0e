// SPDX-License-Identifier: Apache-2.0
#include "service/metric_text.h"

#include <fmt/format.h>

#include <iterator>

namespace wgs {

void MetricText::begin(const MetricInfo& metric) {
    name_ = metric.name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", metric.name,
                   metric.help, metric.name, to_string(metric.kind));
    labels_.clear();
    std::string_view left = metric.labels;
    while (!left.empty()) {
        const std::size_t end = left.find(' ');
        labels_.push_back(std::string(left.substr(0, end)) + "=\"");
        left = end == std::string_view::npos ? "" : left.substr(end + 1);
    }
}

void MetricText::sample(Values labels, double value) {
    write_series("", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricText::sample(Values labels, std::uint64_t value) {
    write_series("", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricText::sample(Values labels, double sum, std::uint64_t count) {
    write_series("_sum", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", sum);
    write_series("_count", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", count);
}

void MetricText::bucket(Values labels, std::optional<double> limit, std::uint64_t count) {
    write_series("_bucket", labels, limit ? fmt::format("{}", *limit) : "+Inf");
    fmt::format_to(std::back_inserter(text_), " {}\n", count);
}

void MetricText::write_series(std::string_view suffix, Values labels, std::string_view limit) {
    text_.append(name_).append(suffix);
    char separator = '{';
    auto label = labels_.begin();
    for (const std::string_view value : labels) {
        text_.push_back(separator);
        text_.append(*label++);
        write_label(value);
        text_.push_back('"');
        separator = ',';
    }
    if (!limit.empty()) {
        text_.push_back(separator);
        text_.append("le=\"").append(limit).append("\"");
        separator = ',';
    }
    if (separator == ',') text_.push_back('}');
}

void MetricText::write_label(std::string_view value) {
    for (const char c : value) {
        if (c == '\\' || c == '"') text_.push_back('\\');
        text_.append(c == '\n' ? "\\n" : std::string_view(&c, 1));
    }
}

}  // namespace wgs
