// SPDX-License-Identifier: Apache-2.0
// What figures depend on besides the code.
#pragma once

#include <map>
#include <string>

namespace wgs::bench {

std::map<std::string, std::string> describe_machine();

}  // namespace wgs::bench
