// SPDX-License-Identifier: Apache-2.0
// The directory in which maps, programs and links outlive the agent.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace wgs {

class Bpffs {
  public:
    // Only names the directory; see prepare().
    explicit Bpffs(std::filesystem::path root) : root_(std::move(root)) {}

    // Makes the directory and what is below it, and mounts a BPF file system there if it is on
    // none.
    Status prepare() const;
    // Removes maps, programs, the directories and our mount. Attachments must be gone before.
    // Nothing there is not an error.
    Status remove() const;

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path maps() const { return root_ / "maps"; }
    [[nodiscard]] std::filesystem::path programs() const { return root_ / "progs"; }
    [[nodiscard]] std::filesystem::path links() const { return root_ / "links"; }
    // Markers of what was attached by way of clsact, which has no links.
    [[nodiscard]] std::filesystem::path clsact() const { return root_ / "clsact"; }
    // The marker of the programs that are pinned.
    [[nodiscard]] std::filesystem::path build() const { return root_ / "build"; }

  private:
    std::filesystem::path root_;
};

}  // namespace wgs
