// SPDX-License-Identifier: Apache-2.0
// A device of layer 3 that nobody reads: it stands in for a tunnel and drops what it is given.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "tests/support/net_namespace.h"

namespace wgs::bench {

// The device is up, and gone with the descriptor.
UniqueFd open_tun(const test::NetNamespace& ns, const std::string& name);

}  // namespace wgs::bench
