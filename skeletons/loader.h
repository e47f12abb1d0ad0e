// SPDX-License-Identifier: Apache-2.0
// The programs embedded in this binary, and their way through the verifier.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "skeletons/bpffs.h"
#include "skeletons/objects.h"
#include "skeletons/programs.h"

namespace wgs {

// The ELF files, which are part of the binary.
[[nodiscard]] std::vector<std::span<const std::byte>> embedded_images();

// Programs::load() without looking for what is loaded already; takes some hundred milliseconds.
Result<Objects> load_objects(const Bpffs& bpffs, const ProgramSettings& settings);

}  // namespace wgs
