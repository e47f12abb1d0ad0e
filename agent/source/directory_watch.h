// SPDX-License-Identifier: Apache-2.0
// Notices changes in one directory through inotify(7).
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace wgs {

struct DirectoryChanges {
    bool unnamed = false;           // of the directory itself, or events were lost
    std::set<std::string> names;    // files whose content may have changed
    std::set<std::string> arrived;  // those of them that were moved here, hence are whole
};

class DirectoryWatch {
  public:
    // Without inotify (its instances are limited per user) fd() is -1 and nothing is ever noticed.
    DirectoryWatch();

    [[nodiscard]] int fd() const { return inotify_.get(); }
    // Watches what is at `path` now, in place of what was watched before. Cheap if it is the same.
    Status watch(const std::filesystem::path& path);
    // Everything noticed since the last call; does not block.
    [[nodiscard]] DirectoryChanges drain();

  private:
    UniqueFd inotify_;
    int descriptor_ = -1;
};

}  // namespace wgs
