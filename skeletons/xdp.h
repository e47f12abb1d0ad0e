// SPDX-License-Identifier: Apache-2.0
// XDP links. A device has one XDP program: another one that is there already is never replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace wgs {

enum class XdpMode { native, generic };
[[nodiscard]] std::string_view to_string(XdpMode mode);

// In which mode the device runs its XDP program now.
Result<XdpMode> xdp_mode_of(std::uint32_t ifindex);

// Updates the link pinned there in one step or, if there is no live one of this mode, makes and
// pins one. If that cannot be, the error says why: another program is there (its name and id), or
// what the driver has to say.
Status put_xdp_link(const std::filesystem::path& pin, int program, std::uint32_t ifindex,
                    XdpMode mode);

}  // namespace wgs
