// SPDX-License-Identifier: Apache-2.0
// What others have set up in this network namespace that could take our packets: policy routing
// rules with a mark, and filters of traffic control. For looking only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace wgs {

// `ip rule`, those with a mark.
struct MarkRule {
    Family family = Family::v4;
    std::uint32_t priority = 0;
    std::uint32_t mark = 0;
    std::uint32_t mask = 0;
    std::uint32_t table = 0;
    bool inverted = false;  // "not"
    bool operator==(const MarkRule&) const = default;
};
Result<std::vector<MarkRule>> mark_rules();

enum class TcDirection { ingress, egress };

// A filter in a device's clsact qdisc.
struct TcFilter {
    std::uint32_t priority = 0;
    std::string kind;              // "bpf", "flower", ...
    std::string name;              // of a BPF program as its loader calls it, else empty
    std::uint32_t program_id = 0;  // of a BPF program, else 0
};
// In the order in which they run; a device without the qdisc, or none at all, has none.
Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex, TcDirection direction);

}  // namespace wgs
