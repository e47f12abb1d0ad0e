// SPDX-License-Identifier: Apache-2.0
#include "skeletons/clsact.h"

#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "skeletons/libbpf_log.h"
#include "skeletons/marker.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kHandle = 0x77677300;  // ours; the low byte is the filter's number
constexpr std::uint32_t kNumberMask = 0xff;
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

// A socket from which the answer to a request about traffic control on a device can be read.
Result<UniqueFd> ask(std::uint16_t type, std::uint16_t flags, std::uint32_t ifindex,
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

    UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket || ::send(socket.get(), &request, sizeof(request), 0) < 0)
        return os_error(errno, "inspect the traffic control of " + describe(ifindex));
    return socket;
}

// Adds the handles in one datagram of the answer; false: it was the last one. A classifier
// without a handle is only the head of its filters.
bool take_handles(std::span<const char> datagram, std::vector<std::uint32_t>& handles) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::copy_n(datagram.data(), sizeof(header), reinterpret_cast<char*>(&header));
        if (header.nlmsg_type != RTM_NEWTFILTER) return false;
        tcmsg filter{};
        std::copy_n(datagram.data() + NLMSG_HDRLEN, sizeof(filter),
                    reinterpret_cast<char*>(&filter));
        if (filter.tcm_handle != 0) handles.push_back(filter.tcm_handle);
        datagram =
            datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
    }
    return true;
}

Result<std::vector<std::uint32_t>> filter_handles(std::uint32_t ifindex, std::uint32_t parent) {
    const UniqueFd socket = WGS_TRY(ask(RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent));
    std::vector<std::uint32_t> handles;
    alignas(nlmsghdr) std::array<char, 32768> answer{};
    for (bool more = true; more;) {
        const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), 0);
        if (size < 0) return os_error(errno, "list the filters of " + describe(ifindex));
        more = take_handles(std::span(answer).first(static_cast<std::size_t>(size)), handles);
    }
    return handles;
}

Status remove_qdisc_if_unused(std::uint32_t ifindex) {
    for (const std::uint32_t minor : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS})
        if (!WGS_TRY(filter_handles(ifindex, TC_H_MAKE(TC_H_CLSACT, minor))).empty()) return {};
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
    const auto socket = ask(RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, ifindex, TC_H_CLSACT);
    nlmsghdr first{};
    return socket && ::recv(socket->get(), &first, sizeof(first), 0) == ssize_t{sizeof(first)} &&
           first.nlmsg_type == RTM_NEWQDISC;
}

Result<bool> has_foreign_clsact_filter(std::uint32_t ifindex, Direction direction) {
    const std::uint32_t minor =
        direction == Direction::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
    const auto handles = WGS_TRY(filter_handles(ifindex, TC_H_MAKE(TC_H_CLSACT, minor)));
    return std::ranges::any_of(
        handles, [](std::uint32_t handle) { return (handle & ~kNumberMask) != kHandle; });
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
