// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format, written straight into one string: a mesh of 10,000 peers has 80,000
// samples, which as objects of a library would cost a hundred MiB and a tenth of a second.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/metric_list.h"

namespace wgs {

class MetricText {
  public:
    // Begins a metric; its samples follow, before the next one begins.
    void begin(const MetricInfo& metric);

    using Values = std::initializer_list<std::string_view>;
    // `labels` are as many values as the metric has labels, in their order.
    void sample(Values labels, double value);
    void sample(Values labels, std::uint64_t value);
    void sample(Values labels, int value) { sample(labels, static_cast<double>(value)); }
    // Of a summary, or what ends a histogram's.
    void sample(Values labels, double sum, std::uint64_t count);

    // Of a histogram: so many samples were at most this; none: any.
    void bucket(Values labels, std::optional<double> limit, std::uint64_t count);

    // A metric of one sample without labels.
    template <class Value>
    void only(const MetricInfo& metric, Value value) {
        begin(metric);
        sample({}, value);
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    // `limit`: of a bucket; empty: it is none.
    void write_series(std::string_view suffix, Values labels, std::string_view limit = {});
    void write_label(std::string_view value);

    std::string text_;
    std::string_view name_;
    std::vector<std::string> labels_;  // `name="`, of the metric that has begun
};

}  // namespace wgs
