// SPDX-License-Identifier: Apache-2.0
#include "skeletons/tcx.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>
#include <string>

#include "base/unique_fd.h"
#include "skeletons/pinned_link.h"

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

}  // namespace

bool has_tcx(int program) {
    const UniqueFd link(create_link(program, {.ifindex = std::numeric_limits<int>::max()}));
    return link || errno == ENODEV;
}

Status put_tcx_link(const std::filesystem::path& pin, int program, const TcxPlace& place) {
    const auto link = WGS_TRY(find_pinned_link(pin));
    if (link && link->ifindex == place.ifindex) return update_pinned_link(*link, program, pin);
    WGS_TRY(remove_pinned_link(pin));
    const UniqueFd created(create_link(program, place));
    if (!created) return os_error(errno, "attach to device " + std::to_string(place.ifindex));
    return pin_link(created.get(), pin);
}

std::filesystem::path waiting_pin(const std::filesystem::path& pin) {
    return pin.string().append(kWaitingPin);
}

Status move_tcx_link(const std::filesystem::path& pin, int program, int twin,
                     const TcxPlace& place) {
    const std::filesystem::path waiting = waiting_pin(pin);
    WGS_TRY(remove_pinned_link(waiting));
    const auto old = WGS_TRY(find_pinned_link(pin));
    PinnedLink moved{.fd = UniqueFd(create_link(twin, place)), .ifindex = place.ifindex};
    if (!moved.fd) return os_error(errno, "attach to device " + std::to_string(place.ifindex));
    WGS_TRY(pin_link(moved.fd.get(), waiting));
    if (::rename(waiting.c_str(), pin.c_str()) != 0)
        return os_error(errno, "replace " + pin.string());
    if (old && bpf_link_detach(old->fd.get()) != 0)
        return os_error(errno, "detach what was " + pin.string());
    return update_pinned_link(moved, program, pin);
}

}  // namespace wgs
