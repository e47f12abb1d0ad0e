// SPDX-License-Identifier: Apache-2.0
#include "skeletons/foreign.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "base/unique_fd.h"
#include "skeletons/libbpf_log.h"

namespace wgs {
namespace {

// From the kernel's include/uapi/linux/bpf.h, 6.6.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t kMostPrograms = 64;  // BPF_MPROG_MAX of the kernel

}  // namespace

std::vector<std::uint32_t> tcx_programs(std::uint32_t ifindex, Direction direction) {
    const LibbpfLog log;
    std::vector<std::uint32_t> ids(kMostPrograms);
    std::uint32_t count = kMostPrograms;
    const auto type = direction == Direction::ingress ? kTcxIngress : kTcxEgress;
    if (bpf_prog_query(static_cast<int>(ifindex), type, 0, nullptr, ids.data(), &count) != 0)
        return {};
    ids.resize(count);
    return ids;
}

std::optional<std::uint32_t> xdp_program(std::uint32_t ifindex) {
    const LibbpfLog log;
    LIBBPF_OPTS(bpf_xdp_query_opts, answer);
    if (bpf_xdp_query(static_cast<int>(ifindex), 0, &answer) != 0) return std::nullopt;
    if (answer.drv_prog_id != 0) return answer.drv_prog_id;
    if (answer.skb_prog_id != 0) return answer.skb_prog_id;
    if (answer.hw_prog_id != 0) return answer.hw_prog_id;
    return std::nullopt;
}

std::string name_of_program(std::uint32_t id) {
    const UniqueFd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return "";
    return info.name;
}

}  // namespace wgs
