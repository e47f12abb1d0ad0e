// SPDX-License-Identifier: Apache-2.0
// A kind of table, its content, and the programs that look up in it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/lab/bpf_object.h"
#include "bench/lab/destinations.h"
#include "bench/lab/prefixes.h"

namespace wgs::bench {

// What a chase through all destinations has found; equal tables give equal answers.
struct Answers {
    std::uint64_t hits = 0;
    std::uint64_t sum = 0;
    bool operator==(const Answers&) const = default;
};

struct ChaseResult {
    double nanoseconds = 0;  // of one lookup
    Answers answers;
};

class Chase {
  public:
    virtual ~Chase() = default;
    [[nodiscard]] virtual std::string kind() const = 0;
    // The loaded programs wgs_chase4 and wgs_chase6.
    [[nodiscard]] virtual const BpfObject& object() const = 0;
    [[nodiscard]] virtual int steps() const { return WGS_CHASE_STEPS; }
    // Looks the first destinations up, a multiple of steps() of them.
    [[nodiscard]] virtual ChaseResult run(Family family, std::size_t lookups) const;
};

// The loop without a lookup.
std::unique_ptr<Chase> make_empty(const Destinations& destinations);
std::unique_ptr<Chase> make_lpm(const Destinations& destinations,
                                const std::vector<OwnedPrefix>& prefixes);
std::unique_ptr<Chase> make_hash(const Destinations& destinations,
                                 const std::vector<OwnedPrefix>& prefixes);
// Routes in a table of their own behind a rule, as Calico has them, in a network namespace.
std::unique_ptr<Chase> make_fib(const Destinations& destinations,
                                const std::vector<OwnedPrefix>& prefixes);

}  // namespace wgs::bench
