// SPDX-License-Identifier: Apache-2.0
// The memory that steer tables are made of: numbered chunks which programs read while we write.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "maps/layout.h"

namespace wgs {

class Chunks {
  public:
    virtual ~Chunks() = default;

    // How many numbers there are; each chunk below is there or not.
    [[nodiscard]] virtual std::uint32_t limit() const = 0;
    // WGS_CHUNK_SIZE bytes, aligned to a page; null: not there, or not found yet. Valid until
    // removed.
    [[nodiscard]] virtual void* at(std::uint32_t index) const = 0;
    // Takes over those of the chunks [first, first + count) that an earlier writer has left.
    virtual Status find(std::uint32_t first, std::uint32_t count) = 0;
    // Makes the chunks [first, first + count), all zero, in the place of what was left there;
    // programs that look from now on find them. On error none of them is there.
    virtual Status add(std::uint32_t first, std::uint32_t count) = 0;
    // Takes away those of the range that are there, found or not, which no program can find its way
    // to any more, after the last of them has finished. Waits.
    virtual Status remove(std::uint32_t first, std::uint32_t count) = 0;
    // Returns when every program that was running has finished: some milliseconds.
    virtual Status wait_for_readers() = 0;
};

}  // namespace wgs
