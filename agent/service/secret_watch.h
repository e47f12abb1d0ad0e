// SPDX-License-Identifier: Apache-2.0
// Follows the files that hold the cluster's secrets: FILE, and FILE.next while a new one is coming.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/cluster_secret.h"
#include "source/source.h"

namespace wgs {

class SecretWatch {
  public:
    // A secret that cannot be had is an error here, and only a problem later.
    static Result<SecretWatch> open(const std::string& path);

    // Reads the files again if they have changed. True: secrets() or problems() may differ.
    bool check();
    [[nodiscard]] const ClusterSecrets& secrets() const { return secrets_; }
    // Files that cannot be used; what was read before stays.
    [[nodiscard]] std::vector<Problem> problems() const;

  private:
    struct Stamp {
        int error = 0;
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        mode_t mode = 0;
        std::int64_t modified_ns = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    using Stamps = std::array<Stamp, 2>;

    explicit SecretWatch(std::string path) : path_(std::move(path)) {}
    static Stamp stamp_of(const std::string& path);
    [[nodiscard]] Stamps stamps() const { return {stamp_of(path_), stamp_of(next_path())}; }
    [[nodiscard]] std::string next_path() const { return path_ + ".next"; }
    Status load();

    std::string path_;
    Stamps stamps_;
    ClusterSecrets secrets_;
    std::string problem_;  // empty: none
};

}  // namespace wgs
