// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cni.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cni.skel.h>
#include <net/if.h>

#include <cerrno>
#include <cstdarg>
#include <limits>

#include "tests/support/environment.h"

namespace wgs::test {
namespace {

// From the kernel's include/uapi/linux/bpf.h, 6.6.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);

UniqueFd attach_link(const bpf_program* program, int ifindex, bpf_attach_type type) {
    UniqueFd link(bpf_link_create(bpf_program__fd(program), ifindex, type, nullptr));
    if (!link) broken_call("attach a TCX program");
    return link;
}

int silent(libbpf_print_level /*level*/, const char* /*format*/, va_list /*arguments*/) {
    return 0;
}

void attach_filter(const bpf_program* program, int ifindex, bpf_tc_attach_point point) {
    bpf_tc_hook hook{
        .sz = sizeof(bpf_tc_hook), .ifindex = ifindex, .attach_point = point, .parent = 0};
    // libbpf complains of a qdisc that is there already.
    const libbpf_print_fn_t loud = libbpf_set_print(silent);
    const int created = bpf_tc_hook_create(&hook);
    libbpf_set_print(loud);
    if (created != 0 && created != -EEXIST) broken("add a clsact qdisc");
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = bpf_program__fd(program);
    options.priority = 100;
    if (bpf_tc_attach(&hook, &options) != 0) broken("attach a filter");
}

CniCounts read(const bpf_map* map) {
    const auto at = [&](std::uint32_t kind) {
        std::uint64_t packets = 0;
        if (bpf_map_lookup_elem(bpf_map__fd(map), &kind, &packets) != 0) broken_call("read counts");
        return packets;
    };
    return {.pod = at(0), .written = at(1), .outer = at(2)};
}

}  // namespace

CniPrograms::CniPrograms(const NetNamespace& ns, const std::string& device, CniKind kind,
                         CniManners manners)
    : skeleton_(cni_bpf::open_and_load()) {
    if (!skeleton_) broken("load the stand-in's programs");
    const bpf_program* out =
        manners == CniManners::polite ? skeleton_->progs.cni_out : skeleton_->progs.cni_end;
    const Within inside(ns);
    const int ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    if (kind == CniKind::clsact) {
        attach_filter(out, ifindex, BPF_TC_EGRESS);
        attach_filter(skeleton_->progs.cni_in, ifindex, BPF_TC_INGRESS);
        return;
    }
    links_.push_back(attach_link(out, ifindex, kTcxEgress));
    links_.push_back(attach_link(skeleton_->progs.cni_in, ifindex, kTcxIngress));
}

CniPrograms::~CniPrograms() = default;

void CniPrograms::Destroy::operator()(cni_bpf* skeleton) const {
    cni_bpf::destroy(skeleton);
}

CniCounts CniPrograms::left() const {
    return read(skeleton_->maps.cni_left);
}

CniCounts CniPrograms::came() const {
    return read(skeleton_->maps.cni_came);
}

bool kernel_has_tcx() {
    cni_bpf* skeleton = cni_bpf::open_and_load();
    if (skeleton == nullptr) return false;
    const UniqueFd link(bpf_link_create(bpf_program__fd(skeleton->progs.cni_in),
                                        std::numeric_limits<int>::max(), kTcxIngress, nullptr));
    const bool known = errno == ENODEV;
    cni_bpf::destroy(skeleton);
    return known;
}

}  // namespace wgs::test
