// SPDX-License-Identifier: Apache-2.0
#include "bench/plan.h"

namespace wgs::bench {

using namespace std::chrono_literals;

Plan plan_of(Scale scale) {
    const Plan full{.rounds = 5,
                    .lookup_sizes = {10, 100, 1'000, 10'000, 100'000, 1'000'000},
                    .lookups = 1 << 20,
                    .program_sizes = {10, 1'000, 10'000, 100'000, 1'000'000},
                    .packets = 1 << 20,
                    .nodes = 1'000,
                    .path_size = 100'000,
                    .frames = 1'000'000,
                    .flows = 1 << 15,
                    .path_rounds = 7,
                    .stream = 3s,
                    .stream_rounds = 5,
                    .update_sizes = {1'000, 100'000, 1'000'000},
                    .control_nodes = {10, 1'000, 10'000},
                    .agent_rounds = 3,
                    .idling = 20s,
                    .limit6 = 1'000'000,
                    .route_limit4 = 1'000'000,
                    .route_limit6 = 100'000};
    switch (scale) {
        case Scale::full:
            return full;
        case Scale::quick: {
            Plan plan = full;
            plan.rounds = 3;
            plan.lookup_sizes = plan.program_sizes = {10, 1'000, 100'000, 1'000'000};
            plan.lookups = plan.packets = 1 << 18;
            plan.limit6 = plan.route_limit4 = 100'000;
            plan.frames = 200'000;
            plan.path_rounds = 5;
            plan.stream = 1s;
            plan.stream_rounds = 2;
            plan.update_sizes = {100'000, 1'000'000};
            plan.agent_rounds = 1;
            plan.idling = 4s;
            return plan;
        }
        case Scale::tiny:
        default: {
            Plan plan = full;
            plan.rounds = plan.path_rounds = plan.stream_rounds = 1;
            plan.lookup_sizes = plan.program_sizes = {10, 1'000};
            plan.lookups = 1 << 14;
            plan.packets = 1 << 12;
            plan.path_size = 1'000;
            plan.frames = 1 << 12;
            plan.flows = 1 << 10;
            plan.stream = 200ms;
            plan.update_sizes = {1'000};
            plan.control_nodes = {10};
            plan.agent_rounds = 1;
            plan.idling = 400ms;
            return plan;
        }
    }
}

std::vector<std::size_t> sizes_for(const Plan& plan, Family family,
                                   const std::vector<std::size_t>& sizes) {
    std::vector<std::size_t> tried = sizes;
    if (family == Family::v6)
        std::erase_if(tried, [&](std::size_t size) { return size > plan.limit6; });
    return tried;
}

std::map<std::string, std::string> describe(const Plan& plan) {
    const auto text = [](auto number) { return std::to_string(number); };
    return {{"rounds", text(plan.rounds)},
            {"rounds of paths", text(plan.path_rounds)},
            {"rounds of streams", text(plan.stream_rounds)},
            {"lookups a sample", text(plan.lookups)},
            {"packets a sample of a program", text(plan.packets)},
            {"frames a sample of a path", text(plan.frames)},
            {"flows of the random paths", text(plan.flows)},
            {"nodes that own the prefixes", text(plan.nodes)},
            {"milliseconds of a stream", text(plan.stream.count())}};
}

Scale scale_of(std::string_view name) {
    if (name == "tiny") return Scale::tiny;
    return name == "quick" ? Scale::quick : Scale::full;
}

}  // namespace wgs::bench
