// SPDX-License-Identifier: Apache-2.0
#include "skeletons/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>
#include <string>

#include "base/unique_fd.h"
#include "skeletons/libbpf_log.h"
#include "skeletons/pinned_link.h"

namespace wgs {
namespace {

std::string describe(std::uint32_t ifindex) {
    return "device " + std::to_string(ifindex);
}

Result<bpf_xdp_query_opts> query(std::uint32_t ifindex) {
    const LibbpfLog log;
    LIBBPF_OPTS(bpf_xdp_query_opts, answer);
    const int result = bpf_xdp_query(static_cast<int>(ifindex), 0, &answer);
    if (result != 0) return log.error(-result, "ask for the XDP program of " + describe(ifindex));
    return answer;
}

// Programs of others may come and go at any moment, so whatever fails here is left out.
std::string program_name(std::uint32_t id) {
    const UniqueFd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return "";
    return " '" + std::string(info.name) + "'";
}

std::uint32_t program_there(const bpf_xdp_query_opts& state) {
    return state.drv_prog_id != 0 ? state.drv_prog_id : state.skb_prog_id;
}

tl::unexpected<Error> refusal(int errnum, std::uint32_t ifindex, XdpMode mode) {
    const auto state = query(ifindex);
    if (const std::uint32_t id = state ? program_there(*state) : 0; id != 0)
        return make_error(std::errc::device_or_resource_busy,
                          "another XDP program" + program_name(id) + " (id " + std::to_string(id) +
                              ") is attached already, and a device has one only");
    if (errnum == EOPNOTSUPP && mode == XdpMode::native)
        return make_error(std::errc::operation_not_supported, "the driver has no native XDP");
    return os_error(errnum, "attach to " + describe(ifindex));
}

}  // namespace

std::string_view to_string(XdpMode mode) {
    return mode == XdpMode::native ? "native" : "generic";
}

Result<XdpMode> xdp_mode_of(std::uint32_t ifindex) {
    const auto state = WGS_TRY(query(ifindex));
    return state.attach_mode == XDP_ATTACHED_SKB ? XdpMode::generic : XdpMode::native;
}

Status put_xdp_link(const std::filesystem::path& pin, int program, std::uint32_t ifindex,
                    XdpMode mode) {
    const auto link = WGS_TRY(find_pinned_link(pin));
    if (link && link->ifindex == ifindex && WGS_TRY(xdp_mode_of(ifindex)) == mode)
        return update_pinned_link(*link, program, pin);
    WGS_TRY(remove_pinned_link(pin));
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = mode == XdpMode::native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    const UniqueFd created(bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options));
    if (!created) return refusal(errno, ifindex, mode);
    return pin_link(created.get(), pin);
}

}  // namespace wgs
