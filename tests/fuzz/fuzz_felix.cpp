// SPDX-License-Identifier: Apache-2.0
// Whatever comes through Felix's pipe, nothing crashes, and what the table makes of it is what the
// agent relies on. The first byte says how the stream is cut into reads.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "felix/frames.h"
#include "felix/messages.h"
#include "felix/node_table.h"
#include "felix/parameters.h"

namespace wgs::felix {
namespace {

void check(NodeTable& table) {
    for (const std::string& name : table.take_changes()) {
        const auto node = table.node(name);
        if (!node) continue;
        if (node->name != name || !is_valid_node_name(name)) std::abort();
        if (!std::ranges::is_sorted(node->prefixes)) std::abort();
    }
    const NodeInfo self = table.self();
    if (std::ranges::adjacent_find(self.prefixes) != self.prefixes.end()) std::abort();
}

void take(NodeTable& table, const Message& message) {
    std::visit(
        [&](const auto& part) {
            using Part = std::decay_t<decltype(part)>;
            if constexpr (std::is_same_v<Part, ConfigUpdate>) {
                if (read_parameters(part.parameters).parameters.v4.port == 0) std::abort();
            } else if constexpr (!std::is_same_v<Part, InSync> &&
                                 !std::is_same_v<Part, std::monostate>) {
                static_cast<void>(table.apply(part));
            }
        },
        message);
}

// Whether the stream goes on.
bool take_frames(FrameReader& frames, MessageReader& messages, NodeTable& table) {
    while (true) {
        const auto frame = frames.next();
        if (!frame) return false;
        if (!*frame) return true;
        if (const auto message = messages.read(**frame)) take(table, *message);
    }
}

}  // namespace
}  // namespace wgs::felix

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wgs::felix;
    if (size == 0) return 0;
    const std::size_t step = std::max<std::size_t>(1, *data);
    std::span<const std::uint8_t> left(data + 1, size - 1);
    Parameters parameters;
    parameters.v4.enabled = true;
    parameters.v6.enabled = true;
    parameters.hosts = (*data & 1) != 0;
    NodeTable table("self", parameters);
    FrameReader frames;
    MessageReader messages;
    while (!left.empty()) {
        const auto part = left.first(std::min(step, left.size()));
        std::ranges::copy(std::as_bytes(part), frames.room().begin());
        frames.filled(part.size());
        left = left.subspan(part.size());
        if (!take_frames(frames, messages, table)) break;
    }
    check(table);
    return 0;
}
