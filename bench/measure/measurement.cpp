// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/measurement.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace wgs::bench {
namespace {

double quantile(std::vector<double> values, double fraction) {
    if (values.empty()) throw std::logic_error("a measurement without samples");
    std::ranges::sort(values);
    const double place = fraction * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double weight = place - static_cast<double>(below);
    return values[below] * (1 - weight) + values[above] * weight;
}

bool includes(const Labels& all, const Labels& some) {
    return std::ranges::all_of(some, [&](const auto& label) {
        const auto found = all.find(label.first);
        return found != all.end() && found->second == label.second;
    });
}

}  // namespace

Labels with(Labels labels, const std::string& name, const std::string& value) {
    labels[name] = value;
    return labels;
}

double median_of(std::vector<double> values) {
    return quantile(std::move(values), 0.5);
}

double Measurement::median() const {
    return median_of(samples);
}

double Measurement::lowest() const {
    return quantile(samples, 0);
}

double Measurement::highest() const {
    return quantile(samples, 1);
}

double Measurement::spread() const {
    const double middle = median();
    if (middle == 0) return 0;
    return (quantile(samples, 0.75) - quantile(samples, 0.25)) / 2 / middle;
}

Measurement& Run::add(std::string subject, Labels labels, std::string unit) {
    return measurements.emplace_back(Measurement{
        .subject = std::move(subject), .labels = std::move(labels), .unit = std::move(unit)});
}

std::vector<const Measurement*> Run::all(const std::string& subject, const Labels& labels) const {
    std::vector<const Measurement*> found;
    for (const Measurement& one : measurements)
        if (one.subject == subject && includes(one.labels, labels)) found.push_back(&one);
    return found;
}

const Measurement* Run::find(const std::string& subject, const Labels& labels) const {
    const auto found = all(subject, labels);
    return found.empty() ? nullptr : found.front();
}

}  // namespace wgs::bench
