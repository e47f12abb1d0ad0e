// SPDX-License-Identifier: Apache-2.0
// BPF links to network devices, TCX or XDP, which a pin keeps alive.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace wgs {

// Of the name of a pin that is to take the place of another one; a BPF file system allows no dots.
inline constexpr std::string_view kWaitingPin = "-next";

struct PinnedLink {
    UniqueFd fd;
    std::uint32_t ifindex = 0;  // 0: the device is gone or the link was detached
    std::uint32_t program_id = 0;
};

// None: no such pin.
Result<std::optional<PinnedLink>> find_pinned_link(const std::filesystem::path& pin);
// `pin` is for the error message.
Status update_pinned_link(const PinnedLink& link, int program, const std::filesystem::path& pin);
Status pin_link(int link, const std::filesystem::path& pin);
// Detaches before it returns. No such pin is not an error.
Status remove_pinned_link(const std::filesystem::path& pin);

}  // namespace wgs
