// SPDX-License-Identifier: Apache-2.0
#include "flow_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace wgs::cli {
namespace {

constexpr const char* kColumns = "{:>9} {:>12} {:>9} {:14} {:5} {:44} {}\n";
constexpr double kSecond = 1e9;

}  // namespace

void FlowTable::add(const Event& event) {
    const Key key(event.source, event.source_port, event.destination, event.destination_port,
                  event.protocol);
    const auto found = flows_.find(key);
    if (found == flows_.end() && flows_.size() == kMostFlows) {
        ++others_;
        return;
    }
    Flow& flow = found == flows_.end() ? flows_[key] : found->second;
    if (flow.packets == 0) flow.first_ns = event.time_ns;
    ++flow.packets;
    flow.bytes += event.length;
    ++flow.reasons[event.verdict + " " + event.reason];
    if (!event.peer.empty()) flow.peer = event.peer;
    flow.last_ns = event.time_ns;
}

std::vector<FlowTable::Flows::const_iterator> FlowTable::by_size() const {
    std::vector<Flows::const_iterator> order;
    for (auto flow = flows_.begin(); flow != flows_.end(); ++flow)
        order.push_back(flow);
    std::ranges::stable_sort(
        order, [](auto left, auto right) { return left->second.bytes > right->second.bytes; });
    return order;
}

std::string FlowTable::text() const {
    std::string text = fmt::format(kColumns, "PACKETS", "BYTES", "SECONDS", "PEER", "PROTO",
                                   "SOURCE > DESTINATION", "WHAT");
    for (const auto& entry : by_size()) {
        const auto& [key, flow] = *entry;
        const auto& [source, source_port, destination, destination_port, protocol] = key;
        std::string what;
        for (const auto& [reason, packets] : flow.reasons)
            what += fmt::format("{}{} {}", what.empty() ? "" : ", ", packets, reason);
        const Event ends{.source = source,
                         .destination = destination,
                         .source_port = source_port,
                         .destination_port = destination_port};
        const double seconds = static_cast<double>(flow.last_ns - flow.first_ns) / kSecond;
        text += fmt::format(kColumns, flow.packets, flow.bytes, fmt::format("{:.3f}", seconds),
                            flow.peer.empty() ? "-" : flow.peer, protocol_name(protocol),
                            ends_of(ends), what);
    }
    if (others_ != 0) text += fmt::format("{} packets of further flows\n", others_);
    return text;
}

std::string FlowTable::json() const {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const auto& entry : by_size()) {
        const auto& [key, flow] = *entry;
        const auto& [source, source_port, destination, destination_port, protocol] = key;
        list.push_back({{"source", source},
                        {"source_port", source_port},
                        {"destination", destination},
                        {"destination_port", destination_port},
                        {"protocol", protocol},
                        {"peer", flow.peer.empty() ? Json() : Json(flow.peer)},
                        {"packets", flow.packets},
                        {"bytes", flow.bytes},
                        {"verdicts", flow.reasons},
                        {"first_ns", flow.first_ns},
                        {"last_ns", flow.last_ns}});
    }
    return list.dump(2) + "\n";
}

}  // namespace wgs::cli
