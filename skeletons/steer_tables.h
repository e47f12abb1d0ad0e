// SPDX-License-Identifier: Apache-2.0
// The steer tables of both families, open for writing.
#pragma once

#include <cstddef>
#include <memory>

#include "base/error.h"
#include "base/unique_fd.h"
#include "skeletons/chunk_maps.h"
#include "skeletons/mapping.h"
#include "table/hash6.h"
#include "table/trie4.h"

namespace wgs {

class SteerTables {
  public:
    struct Maps {
        UniqueFd root4;
        UniqueFd trie4;
        UniqueFd head6;
        UniqueFd hash6;
    };

    // Takes over what the tables hold. There must be no other writer.
    static Result<SteerTables> open(Maps maps);

    [[nodiscard]] Trie4& ipv4() const { return *trie4_; }
    [[nodiscard]] Hash6& ipv6() const { return *hash6_; }
    // How many chunks are there.
    [[nodiscard]] std::size_t chunks4() const;
    [[nodiscard]] std::size_t chunks6() const;
    [[nodiscard]] bool are_empty() const {
        return trie4_->prefixes().size() == 0 && hash6_->size() == 0;
    }

  private:
    SteerTables() = default;

    Mapping root4_;
    std::unique_ptr<ChunkMaps> chunks4_;
    std::unique_ptr<Trie4> trie4_;
    Mapping head6_;
    std::unique_ptr<ChunkMaps> chunks6_;
    std::unique_ptr<Hash6> hash6_;
};

}  // namespace wgs
