// SPDX-License-Identifier: Apache-2.0
#include "bench/program/comparison.h"

#include <span>

namespace wgs::bench {

Comparison::Comparison(int empty, std::function<double(int)> sample) : sample_(std::move(sample)) {
    add(empty, empty_);
}

void Comparison::add(int program, Measurement& result) {
    turns_.push_back({.result = &result, .sample = [this, program] { return sample_(program); }});
}

void Comparison::run(int rounds) {
    take_turns(turns_, rounds);
    for (const Turn& turn : std::span(turns_).subspan(1))
        for (double& sample : turn.result->samples)
            sample -= empty_.median();
}

}  // namespace wgs::bench
