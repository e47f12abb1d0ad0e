// SPDX-License-Identifier: Apache-2.0
#include "skeletons/clsact.h"

#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "skeletons/libbpf_log.h"
#include "skeletons/marker.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kHandle = 0x77677300;    // ours; the low byte is the filter's number
constexpr std::uint32_t kFirstPriority = 1;      // before all others
constexpr std::uint32_t kLastPriority = 0xfff0;  // after those that the kernel numbers itself
constexpr std::string_view kQdiscMarker = "qdisc-";

bpf_tc_hook hook_at(std::uint32_t ifindex, bpf_tc_attach_point point) {
    return {.sz = sizeof(bpf_tc_hook),
            .ifindex = static_cast<int>(ifindex),
            .attach_point = point,
            .parent = 0};
}

bpf_tc_hook hook_at(std::uint32_t ifindex, Direction direction) {
    return hook_at(ifindex, direction == Direction::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
}

bpf_tc_opts filter_options(Place place, std::uint32_t number) {
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = kHandle + number;
    options.priority = place.order == Order::first ? kFirstPriority : kLastPriority + number;
    return options;
}

std::string describe(std::uint32_t ifindex) {
    return "device " + std::to_string(ifindex);
}

// The type of the first message that answers a request about traffic control on a device.
Result<std::uint16_t> first_answer(std::uint16_t type, std::uint16_t flags, std::uint32_t ifindex,
                                   std::uint32_t parent) {
    struct {
        nlmsghdr header;
        tcmsg message;
    } request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    request.message.tcm_ifindex = static_cast<int>(ifindex);
    request.message.tcm_parent = parent;

    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    alignas(nlmsghdr) std::array<char, 32768> answer{};
    if (!socket || ::send(socket.get(), &request, sizeof(request), 0) < 0 ||
        ::recv(socket.get(), answer.data(), answer.size(), 0) < static_cast<int>(sizeof(nlmsghdr)))
        return os_error(errno, "inspect the traffic control of " + describe(ifindex));
    nlmsghdr first{};
    std::copy_n(answer.data(), sizeof(first), reinterpret_cast<char*>(&first));
    return first.nlmsg_type;
}

Result<bool> has_filters(std::uint32_t ifindex, std::uint32_t parent) {
    return WGS_TRY(first_answer(RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent)) == RTM_NEWTFILTER;
}

Status remove_qdisc_if_unused(std::uint32_t ifindex) {
    for (const std::uint32_t minor : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS})
        if (WGS_TRY(has_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, minor)))) return {};
    const LibbpfLog log;
    auto hook = hook_at(ifindex, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
    const int result = bpf_tc_hook_destroy(&hook);
    if (result != 0 && result != -ENOENT && result != -ENODEV && result != -EINVAL)
        return log.error(-result, "remove the clsact qdisc of " + describe(ifindex));
    return {};
}

}  // namespace

Status put_clsact_filter(std::uint32_t ifindex, Place place, std::uint32_t number, int program) {
    const LibbpfLog log;
    const auto hook = hook_at(ifindex, place.direction);
    auto options = filter_options(place, number);
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    const int result = bpf_tc_attach(&hook, &options);
    if (result != 0) return log.error(-result, "attach a filter to " + describe(ifindex));
    return {};
}

std::optional<std::uint32_t> find_clsact_filter(std::uint32_t ifindex, Place place,
                                                std::uint32_t number) {
    const LibbpfLog log;
    const auto hook = hook_at(ifindex, place.direction);
    auto options = filter_options(place, number);
    if (bpf_tc_query(&hook, &options) != 0) return std::nullopt;
    return options.prog_id;
}

bool has_clsact_qdisc(std::uint32_t ifindex) {
    const auto answer = first_answer(RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, ifindex, TC_H_CLSACT);
    return answer && *answer == RTM_NEWQDISC;
}

Status remove_clsact_filter(std::uint32_t ifindex, Place place, std::uint32_t number) {
    if (!find_clsact_filter(ifindex, place, number)) return {};
    const LibbpfLog log;
    const auto hook = hook_at(ifindex, place.direction);
    const auto options = filter_options(place, number);
    const int result = bpf_tc_detach(&hook, &options);
    if (result != 0) return log.error(-result, "remove a filter from " + describe(ifindex));
    return {};
}

Status ensure_clsact_qdisc(std::uint32_t ifindex, const fs::path& markers) {
    const LibbpfLog log;
    auto hook = hook_at(ifindex, BPF_TC_INGRESS);
    const int result = bpf_tc_hook_create(&hook);
    if (result == -EEXIST) return {};
    if (result != 0) return log.error(-result, "add a clsact qdisc to " + describe(ifindex));
    return make_marker(markers / (std::string(kQdiscMarker) + std::to_string(ifindex)));
}

// Markers, of qdiscs and of filters, end in "-IFINDEX".
Status sweep_dead_markers(const fs::path& markers) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(markers, failure)) {
        const std::string name = entry.path().filename();
        std::array<char, IF_NAMESIZE> device{};
        unsigned ifindex = 0;
        std::from_chars(name.data() + name.rfind('-') + 1, name.data() + name.size(), ifindex);
        if (::if_indextoname(ifindex, device.data()) == nullptr) WGS_TRY(remove_marker(entry));
    }
    return {};
}

Status remove_unused_clsact_qdiscs(const fs::path& markers) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(markers, failure)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(kQdiscMarker)) continue;
        std::uint32_t ifindex = 0;
        std::from_chars(name.data() + kQdiscMarker.size(), name.data() + name.size(), ifindex);
        WGS_TRY(remove_qdisc_if_unused(ifindex));
        WGS_TRY(remove_marker(entry.path()));
    }
    return {};
}

}  // namespace wgs
