// SPDX-License-Identifier: Apache-2.0
#include "kernel/policy_rules.h"

#include <linux/fib_rules.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>

#include "kernel/rtnetlink_message.h"

namespace wgs {
namespace {

std::uint32_t number(nlattr* attribute, std::uint32_t otherwise) {
    return attribute == nullptr ? otherwise : nla_get_u32(attribute);
}

Status append_rule(nlmsghdr& message, std::vector<MarkRule>& rules) {
    const auto& header = *static_cast<const fib_rule_hdr*>(nlmsg_data(&message));
    const auto attributes = WGS_TRY(parse<FRA_MAX + 1>(message, sizeof(header)));
    if (attributes[FRA_FWMARK] == nullptr && attributes[FRA_FWMASK] == nullptr) return {};
    rules.push_back({.family = header.family == AF_INET6 ? Family::v6 : Family::v4,
                     .priority = number(attributes[FRA_PRIORITY], 0),
                     .mark = number(attributes[FRA_FWMARK], 0),
                     .mask = number(attributes[FRA_FWMASK], 0xffffffff),
                     .table = number(attributes[FRA_TABLE], header.table),
                     .inverted = (header.flags & FIB_RULE_INVERT) != 0});
    return {};
}

// A classifier without a handle is only the head of its filters.
Status append_filter(nlmsghdr& message, std::vector<TcFilter>& filters) {
    const auto& header = *static_cast<const tcmsg*>(nlmsg_data(&message));
    const auto attributes = WGS_TRY(parse<TCA_MAX + 1>(message, sizeof(header)));
    if (header.tcm_handle == 0 || attributes[TCA_KIND] == nullptr) return {};
    TcFilter filter{.priority = header.tcm_info >> 16,
                    .kind = nla_get_string(attributes[TCA_KIND])};
    nlattr* options = attributes[TCA_OPTIONS];
    if (filter.kind == "bpf" && options != nullptr) {
        auto* first = static_cast<nlattr*>(nla_data(options));
        const int size = nla_len(options);
        if (const nlattr* id = nla_find(first, size, TCA_BPF_ID))
            filter.program_id = nla_get_u32(id);
        if (const nlattr* name = nla_find(first, size, TCA_BPF_NAME))
            filter.name = nla_get_string(name);
    }
    filters.push_back(std::move(filter));
    return {};
}

}  // namespace

Result<std::vector<MarkRule>> mark_rules() {
    NetlinkSocket socket = WGS_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    std::vector<MarkRule> rules;
    for (const int family : {AF_INET, AF_INET6}) {
        const fib_rule_hdr header{.family = static_cast<__u8>(family)};
        const auto message = request(RTM_GETRULE, NLM_F_DUMP, header);
        WGS_TRY(socket.transact(message, "list rules",
                                [&](nlmsghdr& reply) { return append_rule(reply, rules); }));
    }
    return rules;
}

Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex, TcDirection direction) {
    NetlinkSocket socket = WGS_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    const std::uint32_t minor =
        direction == TcDirection::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
    const tcmsg header{.tcm_ifindex = static_cast<int>(ifindex),
                       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor)};
    const auto message = request(RTM_GETTFILTER, NLM_F_DUMP, header);
    std::vector<TcFilter> filters;
    WGS_TRY(socket.transact(message, "list filters",
                            [&](nlmsghdr& reply) { return append_filter(reply, filters); }));
    std::ranges::stable_sort(filters, {}, &TcFilter::priority);
    return filters;
}

}  // namespace wgs
