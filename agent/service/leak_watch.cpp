// SPDX-License-Identifier: Apache-2.0
#include "service/leak_watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace wgs {
namespace {

std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case 1:
        case 58:
            return "icmp";
        case 6:
            return "tcp";
        case 17:
            return "udp";
        default:
            return fmt::format("protocol {}", protocol);
    }
}

std::string end_of(const IpAddress& address, std::uint16_t port) {
    return port == 0 ? address.to_string() : Endpoint{.address = address, .port = port}.to_string();
}

}  // namespace

std::string to_string(const LeakFlow& leak) {
    const Flow& flow = leak.flow;
    return fmt::format("{} > {} {} by {}: {} packets", end_of(flow.source, flow.source_port),
                       end_of(flow.destination, flow.destination_port),
                       protocol_name(flow.protocol), leak.device, leak.packets);
}

std::string_view to_string(SelfTest outcome) {
    switch (outcome) {
        case SelfTest::nothing_yet:
            return "nothing to watch yet";
        case SelfTest::passed:
            return "passed";
        case SelfTest::failed:
            return "failed";
    }
    return "unknown";
}

LeakWatch::Key LeakWatch::key_of(const LeakFlow& leak) {
    const Flow& flow = leak.flow;
    return {flow.source,      flow.destination,      flow.protocol,
            flow.source_port, flow.destination_port, leak.device};
}

std::vector<std::string> LeakWatch::note(const wgs_counter& total, std::vector<LeakFlow> flows,
                                         Clock::time_point now) {
    std::vector<std::string> lines;
    turn_minute(now, lines);
    if (!has_moved(total)) return lines;
    std::ranges::sort(flows, std::ranges::greater{}, &LeakFlow::last);
    log_new(flows, now, lines);
    // What an earlier agent's time left behind has times of its own.
    last_ = flows.empty() ? now : flows.front().last;
    total_ = total;
    flows.resize(std::min(flows.size(), kFlowsShown));
    flows_ = std::move(flows);
    return lines;
}

void LeakWatch::turn_minute(Clock::time_point now, std::vector<std::string>& lines) {
    if (now - minute_ < std::chrono::minutes(1)) return;
    if (suppressed_ > 0)
        lines.push_back(fmt::format("LEAK: {} more flows have left in clear", suppressed_));
    minute_ = now;
    lines_ = 0;
    suppressed_ = 0;
}

void LeakWatch::log_new(const std::vector<LeakFlow>& flows, Clock::time_point now,
                        std::vector<std::string>& lines) {
    std::set<Key> known;
    for (const LeakFlow& leak : flows) {
        const Key key = key_of(leak);
        known.insert(key);
        if (known_.contains(key) || now - leak.last > kRecent) continue;
        if (lines_ == kLinesAMinute) {
            ++suppressed_;
            continue;
        }
        ++lines_;
        lines.push_back("LEAK: left in clear: " + to_string(leak));
    }
    known_ = std::move(known);
}

std::vector<Problem> LeakWatch::problems(Clock::time_point now) const {
    std::vector<Problem> problems;
    if (total_.packets > 0 && now - last_ < kRecent) {
        const std::string newest = flows_.empty() ? "" : "; the last: " + to_string(flows_.front());
        problems.push_back(
            {.object = "leaks",
             .message = fmt::format("{} packets left in clear{}", total_.packets, newest)});
    }
    if (self_test_.outcome == SelfTest::failed)
        problems.push_back({.object = "leak watch", .message = self_test_.detail});
    return problems;
}

}  // namespace wgs
