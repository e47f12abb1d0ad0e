// SPDX-License-Identifier: Apache-2.0
// What a run of the suite has found: samples with names.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace wgs::bench {

// What tells one measurement of a subject from the others: {"kind", "LPM_TRIE"}, {"size", "1000"}.
using Labels = std::map<std::string, std::string>;

// With one more, or another value for one of them.
Labels with(Labels labels, const std::string& name, const std::string& value);

struct Measurement {
    std::string subject;  // "lookup", "program", "path", ...
    Labels labels;
    std::string unit;
    std::vector<double> samples;

    [[nodiscard]] double median() const;
    [[nodiscard]] double lowest() const;
    [[nodiscard]] double highest() const;
    // Half the distance between the quartiles, relative to the median.
    [[nodiscard]] double spread() const;
};

double median_of(std::vector<double> values);

struct Run {
    std::map<std::string, std::string> machine;  // what it was measured on
    std::map<std::string, std::string> settings;
    std::deque<Measurement> measurements;  // their addresses stay
    std::vector<std::string> notes;        // what was left out, and why

    Measurement& add(std::string subject, Labels labels, std::string unit);
    // The one whose labels include these; null: not measured.
    [[nodiscard]] const Measurement* find(const std::string& subject, const Labels& labels) const;
    [[nodiscard]] std::vector<const Measurement*> all(const std::string& subject,
                                                      const Labels& labels = {}) const;
};

}  // namespace wgs::bench
