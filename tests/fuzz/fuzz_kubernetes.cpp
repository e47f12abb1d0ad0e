// SPDX-License-Identifier: Apache-2.0
// Whatever an API server says is taken for a page, an event, a Node and a block without harm, and
// what it is taken for keeps to its bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "source/kubernetes_blocks.h"
#include "source/kubernetes_calico.h"
#include "source/kubernetes_node.h"
#include "source/kubernetes_object.h"

namespace {

void take_node(const wgs::Json& object) {
    auto node = wgs::parse_kubernetes_node(object);
    if (!node) return;
    if (!wgs::is_valid_node_name(node->name)) std::abort();
    if (node->addresses.size() > wgs::kMaxKubernetesAddresses) std::abort();
    static_cast<void>(wgs::to_calico_node_info(*node, wgs::CalicoIpam::host_local, {}));
    const wgs::NodeInfo info = wgs::to_node_info(*node);
    // What a node would write of itself is what it reads.
    if (info.public_key && !wgs::has_annotations(*node, {{std::string(wgs::kPublicKeyAnnotation),
                                                          info.public_key->to_base64()}}))
        std::abort();
    static_cast<void>(wgs::taint_removal_patch(*node, wgs::kNotReadyTaint));
}

void take_block(const wgs::Json& object) {
    const auto block = wgs::parse_ipam_block(object);
    if (!block || !*block) return;
    wgs::KubernetesBlocks blocks;
    blocks.put(**block);
    for (const auto& borrowed : (*block)->borrowed) {
        if (!(*block)->prefix.contains(borrowed.address)) std::abort();
    }
    for (const wgs::Prefix& prefix : blocks.of_only((*block)->host)) {
        if (!(*block)->prefix.contains(prefix)) std::abort();
    }
    blocks.erase((*block)->name);
    if (!blocks.of((*block)->host).empty()) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(wgs::read_kubernetes_refusal(text));
    static_cast<void>(wgs::parse_kubernetes_event(text));
    if (const auto page = wgs::parse_kubernetes_page(text)) {
        for (const wgs::Json& item : page->items)
            take_node(item);
    }
    if (const auto object = wgs::parse_kubernetes_json(text)) {
        take_node(*object);
        take_block(*object);
    }
    return 0;
}
