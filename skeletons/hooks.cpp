// SPDX-License-Identifier: Apache-2.0
#include "skeletons/hooks.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "skeletons/clsact.h"
#include "skeletons/foreign.h"
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

// One that waits for its place counts as well.
std::optional<HookSite> parse_site(std::string_view name) {
    if (name.ends_with(kWaitingPin)) name.remove_suffix(kWaitingPin.size());
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

// Each once, though two pins may name it.
Result<std::set<HookSite>> sites_in(const fs::path& directory) {
    std::set<HookSite> sites;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure))
        if (const auto site = parse_site(entry.path().filename().string())) sites.insert(*site);
    if (failure && failure != std::errc::no_such_file_or_directory)
        return os_error(failure.value(), "list " + directory.string());
    return sites;
}

bool has_filter(const HookSite& site) {
    return find_clsact_filter(site.ifindex, place_of(site.hook), site.hook).has_value();
}

// TCX programs come before clsact filters, whoever attaches when. So what is to be behind the
// filters of others must be one, the last; at a pod's veth if the qdisc is there already, since
// adding one to a device that is up costs the packets of some milliseconds.
// The watcher goes where the one that it watches is.
Result<bool> must_be_filter(const HookSite& site) {
    if (place_of(site.hook).order == Order::first) return false;
    if (site.hook == WGS_HOOK_POD_OUT) return has_clsact_qdisc(site.ifindex);
    if (site.hook == WGS_HOOK_LEAK_WATCH &&
        has_filter({.ifindex = site.ifindex, .hook = WGS_HOOK_NIC_OUT}))
        return true;
    return has_foreign_clsact_filter(site.ifindex, Direction::egress);
}

// Of what the link at this site is.
Result<AttachKind> kind_of_link(const HookSite& site) {
    if (site.hook != WGS_HOOK_NIC_GUARD) return AttachKind::tcx;
    return WGS_TRY(xdp_mode_of(site.ifindex)) == XdpMode::native ? AttachKind::xdp_native
                                                                 : AttachKind::xdp_generic;
}

HookSite watcher_at(const HookSite& site) {
    return {.ifindex = site.ifindex, .hook = WGS_HOOK_LEAK_WATCH};
}

// Whether a TCX program of others comes after `ours` at a site whose place is the last.
Result<bool> others_follow(const Bpffs& bpffs, const HookSite& site, std::uint32_t ours) {
    const Place place = place_of(site.hook);
    if (place.order != Order::last || ours == 0) return false;
    const auto chain = tcx_programs(site.ifindex, place.direction);
    auto behind = std::ranges::find(chain, ours);
    if (behind == chain.end()) return false;
    std::uint32_t watcher = 0;
    if (site.hook == WGS_HOOK_NIC_OUT) {
        const auto link = WGS_TRY(find_pinned_link(bpffs.links() / site_name(watcher_at(site))));
        if (link) watcher = link->program_id;
    }
    return std::any_of(behind + 1, chain.end(),
                       [watcher](std::uint32_t id) { return id != watcher; });
}

Status list_links(const Bpffs& bpffs, std::vector<Attachment>& found) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.links()))) {
        const auto link = WGS_TRY(find_pinned_link(bpffs.links() / site_name(site)));
        if (!link || link->ifindex != site.ifindex) continue;
        const auto kind = kind_of_link(site);
        if (!kind) continue;  // the device has just gone
        const bool misplaced = has_filter(site) || WGS_TRY(must_be_filter(site));
        found.push_back({.site = site,
                         .kind = *kind,
                         .program_id = misplaced ? 0 : link->program_id,
                         .overtaken = WGS_TRY(others_follow(bpffs, site, link->program_id))});
    }
    return {};
}

bool is_listed(const std::vector<Attachment>& found, const HookSite& site) {
    return std::ranges::find(found, site, &Attachment::site) != found.end();
}

Status list_clsact(const Bpffs& bpffs, std::vector<Attachment>& found) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.clsact()))) {
        if (is_listed(found, site)) continue;
        const auto program = find_clsact_filter(site.ifindex, place_of(site.hook), site.hook);
        if (program)
            found.push_back({.site = site, .kind = AttachKind::clsact, .program_id = *program});
    }
    return {};
}

Status remove_link(const Bpffs& bpffs, const HookSite& site) {
    WGS_TRY(remove_pinned_link(waiting_pin(bpffs.links() / site_name(site))));
    return remove_pinned_link(bpffs.links() / site_name(site));
}

// Pins of links whose device went away: nothing else would ever remove them.
Status sweep_dead_links(const Bpffs& bpffs) {
    for (const HookSite& site : WGS_TRY(sites_in(bpffs.links()))) {
        const fs::path pin = bpffs.links() / site_name(site);
        const auto link = WGS_TRY(find_pinned_link(pin));
        if (link && link->ifindex == 0) WGS_TRY(remove_link(bpffs, site));
    }
    return {};
}

// The watcher sees what the others let pass, so one that is attached after it goes before it.
Result<std::optional<PinnedLink>> link_behind(const Bpffs& bpffs, const HookSite& site) {
    if (site.hook != WGS_HOOK_NIC_OUT) return std::nullopt;
    auto link = WGS_TRY(find_pinned_link(bpffs.links() / site_name(watcher_at(site))));
    if (link && link->ifindex != site.ifindex) link.reset();
    return link;
}

TcxPlace place_before(const std::optional<PinnedLink>& behind, const HookSite& site) {
    return {.ifindex = site.ifindex,
            .place = place_of(site.hook),
            .next = behind ? behind->fd.get() : -1};
}

Status remove_filter(const Bpffs& bpffs, const HookSite& site) {
    std::error_code ignored;
    if (!fs::exists(bpffs.clsact() / site_name(site), ignored)) return {};
    WGS_TRY(remove_clsact_filter(site.ifindex, place_of(site.hook), site.hook));
    return remove_marker(bpffs.clsact() / site_name(site));
}

Status put_link(const Bpffs& bpffs, const HookSite& site, int program) {
    WGS_TRY(sweep_dead_links(bpffs));
    const auto behind = WGS_TRY(link_behind(bpffs, site));
    return put_tcx_link(bpffs.links() / site_name(site), program, place_before(behind, site));
}

Status put_filter(const Bpffs& bpffs, const HookSite& site, int program) {
    WGS_TRY(sweep_dead_markers(bpffs.clsact()));
    WGS_TRY(ensure_clsact_qdisc(site.ifindex, bpffs.clsact()));
    WGS_TRY(put_clsact_filter(site.ifindex, place_of(site.hook), site.hook, program));
    return make_marker(bpffs.clsact() / site_name(site));
}

}  // namespace

// One that was attached the other way goes when the new one is there: never is there none.
Status Hooks::attach(const HookSite& site, const LoadedProgram& program) const {
    const int fd = program.fd.get();
    if (has_tcx(fd) && !WGS_TRY(must_be_filter(site))) {
        WGS_TRY(put_link(bpffs_, site, fd));
        return remove_filter(bpffs_, site);
    }
    WGS_TRY(put_filter(bpffs_, site, fd));
    // A link of the watcher would come before the filter, and take what is steered for a leak.
    if (site.hook == WGS_HOOK_NIC_OUT) WGS_TRY(remove_link(bpffs_, watcher_at(site)));
    return remove_link(bpffs_, site);
}

Result<bool> Hooks::is_overtaken(const HookSite& site) const {
    const auto link = WGS_TRY(find_pinned_link(bpffs_.links() / site_name(site)));
    return link && WGS_TRY(others_follow(bpffs_, site, link->program_id));
}

// The watcher, which has nothing to stop, may be away for a moment.
Status Hooks::move_behind(const HookSite& site, const LoadedProgram& program, int twin) const {
    const fs::path pin = bpffs_.links() / site_name(site);
    auto behind = WGS_TRY(link_behind(bpffs_, site));
    if (behind && WGS_TRY(is_overtaken(watcher_at(site)))) {
        WGS_TRY(remove_link(bpffs_, watcher_at(site)));
        behind.reset();
    }
    return move_tcx_link(pin, program.fd.get(), twin, place_before(behind, site));
}

Status Hooks::attach_xdp(const HookSite& site, XdpMode mode, const LoadedProgram& program) const {
    WGS_TRY(sweep_dead_links(bpffs_));
    return put_xdp_link(bpffs_.links() / site_name(site), program.fd.get(), site.ifindex, mode);
}

Status Hooks::detach(const HookSite& site) const {
    WGS_TRY(remove_link(bpffs_, site));
    return remove_filter(bpffs_, site);
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
