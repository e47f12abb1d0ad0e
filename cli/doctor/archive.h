// SPDX-License-Identifier: Apache-2.0
// A tar archive in memory (POSIX.1-1988, "ustar") of small text files.
#pragma once

#include <string>

namespace wgs::cli {

class Archive {
  public:
    // `name` has at most 100 characters.
    void add(const std::string& name, const std::string& content);
    [[nodiscard]] std::string bytes() const;

  private:
    std::string bytes_;
};

}  // namespace wgs::cli
