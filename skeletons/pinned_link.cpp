// SPDX-License-Identifier: Apache-2.0
#include "skeletons/pinned_link.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace wgs {

Result<std::optional<PinnedLink>> find_pinned_link(const std::filesystem::path& pin) {
    PinnedLink link{.fd = UniqueFd(bpf_obj_get(pin.c_str()))};
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

Status update_pinned_link(const PinnedLink& link, int program, const std::filesystem::path& pin) {
    if (bpf_link_update(link.fd.get(), program, nullptr) != 0)
        return os_error(errno, "update " + pin.string());
    return {};
}

Status pin_link(int link, const std::filesystem::path& pin) {
    if (bpf_obj_pin(link, pin.c_str()) != 0) return os_error(errno, "pin " + pin.string());
    return {};
}

Status remove_pinned_link(const std::filesystem::path& pin) {
    const auto link = WGS_TRY(find_pinned_link(pin));
    if (!link) return {};
    // Removing the pin alone would detach some time later.
    if (bpf_link_detach(link->fd.get()) != 0 && link->ifindex != 0)
        return os_error(errno, "detach " + pin.string());
    if (::unlink(pin.c_str()) != 0) return os_error(errno, "remove " + pin.string());
    return {};
}

}  // namespace wgs
