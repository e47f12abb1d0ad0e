// SPDX-License-Identifier: Apache-2.0
// Programs that take turns with an empty one, whose time is taken off theirs.
#pragma once

#include <functional>
#include <vector>

#include "bench/measure/turns.h"

namespace wgs::bench {

// `sample` measures a program, by its descriptor.
class Comparison {
  public:
    Comparison(int empty, std::function<double(int program)> sample);
    ~Comparison() = default;
    Comparison(const Comparison&) = delete;
    Comparison& operator=(const Comparison&) = delete;

    // Both are borrowed.
    void add(int program, Measurement& result);
    void run(int rounds);

  private:
    std::function<double(int)> sample_;
    Measurement empty_;
    std::vector<Turn> turns_;
};

}  // namespace wgs::bench
