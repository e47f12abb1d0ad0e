// SPDX-License-Identifier: Apache-2.0
#include "skeletons/hooks.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "skeletons/clsact.h"
#include "skeletons/marker.h"
#include "skeletons/pinned_link.h"
#include "skeletons/tcx.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

// Before the programs of others what comes in is as the wire or the tunnel gave it, behind them
// what goes out is as it will be. At a pod's veth they keep their say as well: its network policy.
Place place_of(wgs_hook hook) {
    switch (hook) {
        case WGS_HOOK_NIC_OUT:
        case WGS_HOOK_LEAK_WATCH:
            return {.direction = Direction::egress, .order = Order::last};
        case WGS_HOOK_POD_OUT:
            return {.direction = Direction::ingress, .order = Order::last};
        default:
            return {.direction = Direction::ingress, .order = Order::first};
    }
}

// Names of pins and markers: "wgs_nic_out-2". The index, because a device's name may change.
std::string site_name(const HookSite& site) {
    return std::string(program_name(site.hook)) + "-" + std::to_string(site.ifindex);
}

std::optional<HookSite> parse_site(std::string_view name) {
    const auto dash = name.rfind('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto* hook = std::ranges::find(kHooks, name.substr(0, dash), program_name);
    if (hook == kHooks.end()) return std::nullopt;
    HookSite site{.hook = *hook};
    const std::string_view digits = name.substr(dash + 1);
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), site.ifindex);
    if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return site;
}

Result<std::vector<HookSite>> sites_in(const fs::path& directory) {
    std::vector<HookSite> sites;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure))
        if (const auto site = parse_site(entry.path().filename().string())) sites.push_back(*site);
    if (failure && failure != std::errc::no_such_file_or_directory)
        return os_error(failure.value(), "list " + directory.string());
    return sites;
}

// TCX programs come before clsact filters, whoever attaches when: where others may have filters, at
// a pod's veth, ours is a filter too, with the last number. But only where the qdisc is there
// already: adding one to a device that is up costs the packets of some milliseconds.
bool must_be_filter(const HookSite& site) {
    return site.hook == WGS_HOOK_POD_OUT && has_clsact_qdisc(site.ifindex);
}

// Of what the link at this site is.
Result<AttachKind> kind_of_link(const HookSite& site) {
    if (site.hook != WGS_HOOK_NIC_GUARD) return AttachKind::tcx;
    return WGS_TRY(xdp_mode_of(site.ifindex)) == XdpMode::native ? AttachKind::xdp_native
                                                                 : AttachKind::xdp_generic;
}

Status list_links(const Bpffs& bpffs, std::vector<Attachment>& found) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.links()))) {
        const auto link = WGS_TRY(find_pinned_link(bpffs.links() / site_name(site)));
        if (!link || link->ifindex != site.ifindex) continue;
        const auto kind = kind_of_link(site);
        if (!kind) continue;  // the device has just gone
        found.push_back({.site = site,
                         .kind = *kind,
                         .program_id = must_be_filter(site) ? 0 : link->program_id});
    }
    return {};
}

Status list_clsact(const Bpffs& bpffs, std::vector<Attachment>& found) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.clsact()))) {
        const auto program = find_clsact_filter(site.ifindex, place_of(site.hook), site.hook);
        if (program)
            found.push_back({.site = site, .kind = AttachKind::clsact, .program_id = *program});
    }
    return {};
}

// Pins of links whose device went away: nothing else would ever remove them.
Status sweep_dead_links(const Bpffs& bpffs) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.links()))) {
        const fs::path pin = bpffs.links() / site_name(site);
        const auto link = WGS_TRY(find_pinned_link(pin));
        if (link && link->ifindex == 0) WGS_TRY(remove_pinned_link(pin));
    }
    return {};
}

// The watcher sees what the others let pass, so one that is attached after it goes before it.
Result<std::optional<PinnedLink>> link_behind(const Bpffs& bpffs, const HookSite& site) {
    if (site.hook != WGS_HOOK_NIC_OUT) return std::nullopt;
    const HookSite watcher{.ifindex = site.ifindex, .hook = WGS_HOOK_LEAK_WATCH};
    auto link = WGS_TRY(find_pinned_link(bpffs.links() / site_name(watcher)));
    if (link && link->ifindex != site.ifindex) link.reset();
    return link;
}

}  // namespace

Status Hooks::attach(const HookSite& site, const LoadedProgram& program) const {
    const Place place = place_of(site.hook);
    if (!must_be_filter(site) && has_tcx(program.fd.get())) {
        WGS_TRY(sweep_dead_links(bpffs_));
        const auto behind = WGS_TRY(link_behind(bpffs_, site));
        return put_tcx_link(
            bpffs_.links() / site_name(site), program.fd.get(),
            {.ifindex = site.ifindex, .place = place, .next = behind ? behind->fd.get() : -1});
    }
    WGS_TRY(sweep_dead_markers(bpffs_.clsact()));
    WGS_TRY(ensure_clsact_qdisc(site.ifindex, bpffs_.clsact()));
    WGS_TRY(put_clsact_filter(site.ifindex, place, site.hook, program.fd.get()));
    WGS_TRY(make_marker(bpffs_.clsact() / site_name(site)));
    return remove_pinned_link(bpffs_.links() / site_name(site));
}

Status Hooks::attach_xdp(const HookSite& site, XdpMode mode, const LoadedProgram& program) const {
    WGS_TRY(sweep_dead_links(bpffs_));
    return put_xdp_link(bpffs_.links() / site_name(site), program.fd.get(), site.ifindex, mode);
}

Status Hooks::detach(const HookSite& site) const {
    WGS_TRY(remove_pinned_link(bpffs_.links() / site_name(site)));
    std::error_code ignored;
    if (!fs::exists(bpffs_.clsact() / site_name(site), ignored)) return {};
    WGS_TRY(remove_clsact_filter(site.ifindex, place_of(site.hook), site.hook));
    return remove_marker(bpffs_.clsact() / site_name(site));
}

Result<std::vector<Attachment>> Hooks::list() const {
    std::vector<Attachment> found;
    WGS_TRY(list_links(bpffs_, found));
    WGS_TRY(list_clsact(bpffs_, found));
    return found;
}

Status Hooks::detach_all() const {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs_.links())))
        WGS_TRY(detach(site));
    for (const HookSite& site : WGS_TRY(sites_in(bpffs_.clsact())))
        WGS_TRY(detach(site));
    return remove_unused_clsact_qdiscs(bpffs_.clsact());
}

}  // namespace wgs
