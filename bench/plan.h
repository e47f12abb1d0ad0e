// SPDX-License-Identifier: Apache-2.0
// How much is measured.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/ip.h"

namespace wgs::bench {

enum class Scale {
    tiny,   // seconds, to see that all of it works; the figures mean nothing
    quick,  // below three minutes
    full,
};

struct Plan {
    std::set<std::string> suites;  // of kSuites
    int rounds = 0;

    std::vector<std::size_t> lookup_sizes;  // prefixes
    std::size_t lookups = 0;                // in a sample

    std::vector<std::size_t> program_sizes;
    std::size_t packets = 0;  // in a sample of a program
    std::uint32_t nodes = 0;  // that own the prefixes, where a program keeps counters of them

    std::size_t path_size = 0;  // prefixes of the random case; the hot case has a hundredth
    std::size_t frames = 0;     // in a sample of a path
    std::size_t flows = 0;      // of the random case
    int path_rounds = 0;

    std::chrono::milliseconds stream{0};  // of a sample of throughput
    int stream_rounds = 0;

    std::vector<std::size_t> update_sizes;
    std::vector<std::uint32_t> control_nodes;  // in a mesh, with ten prefixes each
    int agent_rounds = 0;
    std::chrono::milliseconds idling{0};  // of the whole agent; a storm of changes lasts a quarter

    // What takes too long for what it shows.
    std::size_t limit6 = 0;        // more IPv6 prefixes than this are not tried
    std::size_t route_limit4 = 0;  // nor more routes
    std::size_t route_limit6 = 0;

    std::function<void(const std::string&)> progress;  // is told what is measured now
};

// Those of `sizes` that are tried with prefixes of this family.
std::vector<std::size_t> sizes_for(const Plan& plan, Family family,
                                   const std::vector<std::size_t>& sizes);

Plan plan_of(Scale scale);
// What a reader of the figures should know of it.
std::map<std::string, std::string> describe(const Plan& plan);
// "tiny", "quick"; anything else is full.
Scale scale_of(std::string_view name);

}  // namespace wgs::bench
