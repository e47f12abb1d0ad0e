// SPDX-License-Identifier: Apache-2.0
// Rules such as a node of a Kubernetes cluster with Calico has.
#pragma once

#include <string>

#include "tests/support/net_namespace.h"

namespace wgs::bench {

// Four dozen rules in all tables that forwarded packets pass, with conntrack. The pod behind
// `pod_link` may talk to everybody, and is answered.
void add_netfilter_rules(const test::NetNamespace& ns, const std::string& pod_link);

}  // namespace wgs::bench
