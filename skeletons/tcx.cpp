// SPDX-License-Identifier: Apache-2.0
#include "skeletons/tcx.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
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

int create_link(int program, std::uint32_t ifindex, Direction direction) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = direction == Direction::ingress ? kBefore : 0;
    return bpf_link_create(program, static_cast<int>(ifindex),
                           direction == Direction::ingress ? kTcxIngress : kTcxEgress, &options);
}

}  // namespace

bool has_tcx(int program) {
    const UniqueFd link(create_link(program, std::numeric_limits<int>::max(), Direction::ingress));
    return link || errno == ENODEV;
}

Status put_tcx_link(const std::filesystem::path& pin, int program, std::uint32_t ifindex,
                    Direction direction) {
    const auto link = WGS_TRY(find_pinned_link(pin));
    if (link && link->ifindex == ifindex) return update_pinned_link(*link, program, pin);
    WGS_TRY(remove_pinned_link(pin));
    const UniqueFd created(create_link(program, ifindex, direction));
    if (!created) return os_error(errno, "attach to device " + std::to_string(ifindex));
    return pin_link(created.get(), pin);
}

}  // namespace wgs
