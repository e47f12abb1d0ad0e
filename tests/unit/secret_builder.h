// SPDX-License-Identifier: Apache-2.0
// Cluster secrets for tests, each named by a letter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cluster_secret.h"

namespace wgs {

inline ClusterSecret secret(char letter) {
    return ClusterSecret::from(std::string(32, letter)).value();
}

// In the order of the letters.
inline ClusterSecrets secrets(std::string_view letters) {
    std::vector<ClusterSecret> list;
    for (const char letter : letters)
        list.push_back(secret(letter));
    return ClusterSecrets(std::move(list));
}

}  // namespace wgs
