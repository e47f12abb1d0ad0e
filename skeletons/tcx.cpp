// SPDX-License-Identifier: Apache-2.0
#include "skeletons/tcx.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <limits>
#include <string>

namespace wgs {
namespace {

// From the kernel's include/uapi/linux/bpf.h, 6.6; the headers of older systems lack them.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t kBefore = 1U << 3;  // with no other program named: before all
constexpr std::uint32_t kLink = 1U << 13;   // the other one is named by its link

int create_link(int program, const TcxPlace& place) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = place.place.order == Order::first ? kBefore : 0;
    if (place.next >= 0) {
        options.flags = kBefore | kLink;
        // In union bpf_attr the same word as tcx.relative_fd, for which libbpf 1.1 has no name.
        options.target_btf_id = static_cast<std::uint32_t>(place.next);
    }
    const auto type = place.place.direction == Direction::ingress ? kTcxIngress : kTcxEgress;
    return bpf_link_create(program, static_cast<int>(place.ifindex), type, &options);
}

Status create_pinned_link(const std::filesystem::path& pin, int program, const TcxPlace& place) {
    const UniqueFd link(create_link(program, place));
    if (!link) return os_error(errno, "attach to device " + std::to_string(place.ifindex));
    if (bpf_obj_pin(link.get(), pin.c_str()) != 0) return os_error(errno, "pin " + pin.string());
    return {};
}

}  // namespace

bool has_tcx(int program) {
    const UniqueFd link(create_link(program, {.ifindex = std::numeric_limits<int>::max()}));
    return link || errno == ENODEV;
}

Result<std::optional<TcxLink>> find_tcx_link(const std::filesystem::path& pin) {
    TcxLink link{.fd = UniqueFd(bpf_obj_get(pin.c_str()))};
    if (!link.fd && errno == ENOENT) return std::nullopt;
    if (!link.fd) return os_error(errno, "open " + pin.string());
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(link.fd.get(), &info, &size) != 0)
        return os_error(errno, "inspect " + pin.string());
    link.ifindex = info.xdp.ifindex;  // `tcx` begins with the same member
    link.program_id = info.prog_id;
    return link;
}

Status put_tcx_link(const std::filesystem::path& pin, int program, const TcxPlace& place) {
    const auto link = WGS_TRY(find_tcx_link(pin));
    if (!link || link->ifindex != place.ifindex) {
        WGS_TRY(remove_tcx_link(pin));
        return create_pinned_link(pin, program, place);
    }
    if (bpf_link_update(link->fd.get(), program, nullptr) != 0)
        return os_error(errno, "update " + pin.string());
    return {};
}

Status remove_tcx_link(const std::filesystem::path& pin) {
    const auto link = WGS_TRY(find_tcx_link(pin));
    if (!link) return {};
    // Removing the pin alone would detach some time later.
    if (bpf_link_detach(link->fd.get()) != 0 && link->ifindex != 0)
        return os_error(errno, "detach " + pin.string());
    if (::unlink(pin.c_str()) != 0) return os_error(errno, "remove " + pin.string());
    return {};
}

}  // namespace wgs
