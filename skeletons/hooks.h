// SPDX-License-Identifier: Apache-2.0
// Attaching programs to network devices so that they stay when the agent goes.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "maps/layout.h"
#include "skeletons/bpffs.h"
#include "skeletons/programs.h"
#include "skeletons/xdp.h"

namespace wgs {

struct HookSite {
    std::uint32_t ifindex = 0;
    wgs_hook hook = WGS_HOOK_NIC_OUT;
    auto operator<=>(const HookSite&) const = default;
};

enum class AttachKind { tcx, clsact, xdp_native, xdp_generic };

struct Attachment {
    HookSite site;
    AttachKind kind = AttachKind::tcx;
    std::uint32_t program_id = 0;
    bool overtaken = false;  // see Hooks::is_overtaken()
};

// Uses TCX links where the kernel has them (6.6 and later), else clsact filters; the latter also at
// pods' veths that have a clsact qdisc, and at an egress where somebody else has a filter. Our
// programs come first at the ingress of underlay and tunnels, elsewhere last, and the leak watch
// after the others of ours. All calls concern the caller's network namespace.
class Hooks {
  public:
    explicit Hooks(Bpffs bpffs) : bpffs_(std::move(bpffs)) {}

    // Puts the program there; one of ours that is there already is replaced in one step.
    Status attach(const HookSite& site, const LoadedProgram& program) const;
    // The same for a program of XDP type, see put_xdp_link().
    Status attach_xdp(const HookSite& site, XdpMode mode, const LoadedProgram& program) const;
    // Whether it is attached where it should be last, and others have attached theirs behind it.
    [[nodiscard]] Result<bool> is_overtaken(const HookSite& site) const;
    // Puts one that is overtaken behind the others. `twin` is a second program that does the same:
    // packets meet one of the two at any time.
    Status move_behind(const HookSite& site, const LoadedProgram& program, int twin) const;
    // Nothing attached there is not an error.
    Status detach(const HookSite& site) const;
    // What is attached now, one for each site; the program is 0 where it has to be attached in
    // another way. Devices that are gone and programs that others removed are left out.
    [[nodiscard]] Result<std::vector<Attachment>> list() const;
    // Detaches everything, and takes a clsact qdisc away which we added and nobody uses.
    Status detach_all() const;

  private:
    Bpffs bpffs_;
};

}  // namespace wgs
