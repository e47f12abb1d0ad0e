// SPDX-License-Identifier: Apache-2.0
#include "tests/support/bpf_link.h"

#include <linux/bpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "tests/support/environment.h"

namespace wgs::test {
namespace {

int bpf(bpf_cmd command, bpf_attr& attributes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

bool detach_pinned(const std::filesystem::path& pin) {
    bpf_attr get = {};
    get.pathname = reinterpret_cast<std::uintptr_t>(pin.c_str());
    const UniqueFd link(bpf(BPF_OBJ_GET, get));
    if (!link) broken_call("open pinned link " + pin.string());
    bpf_attr detach = {};
    detach.link_detach.link_fd = static_cast<std::uint32_t>(link.get());
    return bpf(BPF_LINK_DETACH, detach) == 0;
}

struct QdiscRequest {
    nlmsghdr header;
    tcmsg body;
};

QdiscRequest deletion_of_clsact(int ifindex) {
    QdiscRequest request = {};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_DELQDISC;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.body.tcm_family = AF_UNSPEC;
    request.body.tcm_ifindex = ifindex;
    request.body.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    request.body.tcm_parent = TC_H_CLSACT;
    return request;
}

}  // namespace

int detach_pinned_links(const std::filesystem::path& bpffs, const std::string& prefix) {
    int detached = 0;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(bpffs / "links", missing)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(prefix) && detach_pinned(entry.path())) ++detached;
    }
    return detached;
}

bool delete_clsact(const NetNamespace& ns, const std::string& device) {
    const Within inside(ns);
    const UniqueFd fd = ns.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    const QdiscRequest request =
        deletion_of_clsact(static_cast<int>(::if_nametoindex(device.c_str())));
    if (::send(fd.get(), &request, sizeof request, 0) < 0) broken_call("send to rtnetlink");
    struct {
        nlmsghdr header;
        nlmsgerr body;
        char echoed[256];
    } answer = {};
    if (::recv(fd.get(), &answer, sizeof answer, 0) < 0) broken_call("answer of rtnetlink");
    return answer.header.nlmsg_type == NLMSG_ERROR && answer.body.error == 0;
}

}  // namespace wgs::test
