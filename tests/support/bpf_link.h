// SPDX-License-Identifier: Apache-2.0
// Taking steering programs away behind an agent's back.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/net_namespace.h"

namespace wgs::test {

// Detaches every BPF link pinned below `bpffs`/links whose name begins with `prefix`, and returns
// how many there were. The pins stay.
int detach_pinned_links(const std::filesystem::path& bpffs, const std::string& prefix = "");

// Deletes the clsact qdisc of a device with all its filters; false if there is none.
bool delete_clsact(const NetNamespace& ns, const std::string& device);

}  // namespace wgs::test
