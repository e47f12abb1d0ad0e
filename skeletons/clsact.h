// SPDX-License-Identifier: Apache-2.0
// clsact filters, for kernels without TCX and for devices where others use them. They need no
// process and no pin, so what we attached is remembered by markers in the BPF file system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "skeletons/tcx.h"

namespace wgs {

// `number`, below 16, tells our filters on one device from each other; among those that come last
// it is their order as well. An existing filter is replaced in one step.
Status put_clsact_filter(std::uint32_t ifindex, Place place, std::uint32_t number, int program);
// Id of the program in our filter; none: no such filter or device.
[[nodiscard]] std::optional<std::uint32_t> find_clsact_filter(std::uint32_t ifindex, Place place,
                                                              std::uint32_t number);
// Whether somebody else has a filter there.
[[nodiscard]] Result<bool> has_foreign_clsact_filter(std::uint32_t ifindex, Direction direction);
// Nothing there is not an error.
// Whether anybody has given the device one.
[[nodiscard]] bool has_clsact_qdisc(std::uint32_t ifindex);
Status remove_clsact_filter(std::uint32_t ifindex, Place place, std::uint32_t number);

// Adds the qdisc; leaves a marker in `markers` if it was not there before.
Status ensure_clsact_qdisc(std::uint32_t ifindex, const std::filesystem::path& markers);
// Removes the markers of devices that are gone.
Status sweep_dead_markers(const std::filesystem::path& markers);
// Removes the qdiscs which have a marker, if they hold no filter, and the markers.
Status remove_unused_clsact_qdiscs(const std::filesystem::path& markers);

}  // namespace wgs
