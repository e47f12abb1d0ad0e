// SPDX-License-Identifier: Apache-2.0
#include <chase_fib.skel.h>

#include "bench/lab/routes.h"
#include "bench/lab/tun.h"
#include "bench/lookup/chase.h"

namespace wgs::bench {
namespace {

constexpr const char* kTunnel = "wgtun";

class FibChase : public Chase {
  public:
    FibChase(const Destinations& destinations, const std::vector<OwnedPrefix>& prefixes)
        : ns_("fib"), tun_(open_tun(ns_, kTunnel)), object_(image<chase_fib_bpf>()) {
        ns_.sysctl("ipv4/ip_forward", "1");
        ns_.sysctl("ipv6/conf/all/forwarding", "1");
        const Family family = prefixes.front().prefix.family();
        add_calico_rule(ns_, family);
        ip_batch(ns_, family, calico_routes(prefixes, kTunnel, Metric::owner));
        destinations.lend_to(object_);
        object_.load();
    }
    [[nodiscard]] std::string kind() const override { return "FIB with rule"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }
    [[nodiscard]] int steps() const override { return WGS_FIB_STEPS; }
    [[nodiscard]] ChaseResult run(Family family, std::size_t lookups) const override {
        const test::Within inside(ns_);
        return Chase::run(family, lookups);
    }

  private:
    test::NetNamespace ns_;
    UniqueFd tun_;
    BpfObject object_;
};

}  // namespace

std::unique_ptr<Chase> make_fib(const Destinations& destinations,
                                const std::vector<OwnedPrefix>& prefixes) {
    return std::make_unique<FibChase>(destinations, prefixes);
}

}  // namespace wgs::bench
