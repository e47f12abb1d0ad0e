// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/netfilter.h"

#include <fmt/format.h>

#include "bench/lab/must.h"
#include "tests/support/process.h"

namespace wgs::bench {
namespace {

constexpr int kServices = 12;
constexpr int kOtherPods = 6;

std::string raw_table() {
    return R"(
table ip wgs_raw {
    chain prerouting { type filter hook prerouting priority raw; policy accept;
        meta mark set meta mark and 0xfff0ffff
        iifname "cali*" meta mark set meta mark or 0x40000
        meta mark and 0x40000 == 0x40000 fib saddr . mark . iif oif 0 drop
        udp dport 4789 udp sport 4789 notrack
        meta mark and 0x10000 == 0x10000 accept
    }
}
table ip wgs_mangle {
    chain prerouting { type filter hook prerouting priority mangle; policy accept;
        ct state established,related accept
        meta mark and 0x10000 == 0x10000 accept
        ip daddr 192.0.2.0/24 drop
    }
    chain postrouting { type filter hook postrouting priority mangle; policy accept;
        meta mark and 0x10000 == 0x10000 return
        ct state invalid drop
    }
}
)";
}

// kube-proxy: a chain of services, walked by the first packet of each connection.
std::string nat_table() {
    std::string services;
    for (int i = 0; i < kServices; ++i)
        services += fmt::format("        ip daddr 192.0.2.{} tcp dport 80 counter drop\n", i + 1);
    return "table ip wgs_nat {\n    chain services {\n" + services + R"(    }
    chain prerouting { type nat hook prerouting priority dstnat; policy accept;
        jump services
    }
    chain postrouting { type nat hook postrouting priority srcnat; policy accept;
        meta mark and 0x4000 == 0x4000 masquerade
        ip saddr 203.0.113.0/24 ip daddr != 203.0.113.0/24 masquerade
    }
}
)";
}

// Felix: dispatch to the chain of the pod's device, and its policy.
std::string filter_table(const std::string& pod_link) {
    std::string others;
    for (int i = 0; i < kOtherPods; ++i)
        others += fmt::format("        iifname \"cali{}\" drop\n", i);
    return fmt::format(R"(table ip wgs_filter {{
    chain pod_policy {{
        ct state established,related accept
        ct state invalid drop
        meta mark set meta mark and 0xfffeffff
        ip protocol 4 drop
        udp dport 4789 drop
        meta mark set meta mark or 0x10000
        meta mark and 0x10000 == 0x10000 return
    }}
    chain from_pods {{
{1}        iifname "{0}" jump pod_policy
    }}
    chain forward {{ type filter hook forward priority filter; policy accept;
        meta mark set meta mark and 0xfff1ffff
        meta mark and 0x10000 == 0
        iifname "{0}" jump from_pods
        oifname "{0}" jump pod_policy
        meta mark and 0x4000 == 0x4000 accept
        ct state established,related accept
        ct state invalid drop
    }}
}}
)",
                       pod_link, others);
}

}  // namespace

void add_netfilter_rules(const test::NetNamespace& ns, const std::string& pod_link) {
    const std::string rules = raw_table() + nat_table() + filter_table(pod_link);
    const auto outcome = test::run({"nft", "-f", "-"}, {.ns = &ns, .input = rules});
    if (outcome.exit_code != 0) throw Broken("nft: " + outcome.errors.substr(0, 500));
}

}  // namespace wgs::bench
