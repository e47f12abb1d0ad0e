// SPDX-License-Identifier: Apache-2.0
// The programs embedded in this binary, and their way through the verifier.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "skeletons/bpffs.h"
#include "skeletons/objects.h"
#include "skeletons/programs.h"

namespace wgs {

// The ELF files, which are part of the binary.
[[nodiscard]] std::vector<std::span<const std::byte>> embedded_images();

// Programs::load() without looking for what is loaded already; takes some hundred milliseconds.
Result<Objects> load_objects(const Bpffs& bpffs, const ProgramSettings& settings);
// One more of those that stay behind the programs of others, WGS_HOOK_NIC_OUT or WGS_HOOK_POD_OUT,
// on the same pinned maps.
Result<UniqueFd> load_twin(wgs_hook hook, const Bpffs& bpffs, const ProgramSettings& settings);

}  // namespace wgs
