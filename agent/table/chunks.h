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
    // WGS_CHUNK_SIZE bytes, aligned to a page; null: not there. Valid until removed.
    [[nodiscard]] virtual void* at(std::uint32_t index) const = 0;
    // Makes the chunks [first, first + count), all zero; programs that look from now on find them.
    // On error none of them is there. They must be below the limit and not there.
    virtual Status add(std::uint32_t first, std::uint32_t count) = 0;
    // Takes away those of the range that are there, which no program can find its way to any more,
    // after the last of them has finished. Waits.
    virtual Status remove(std::uint32_t first, std::uint32_t count) = 0;
    // Returns when every program that was running has finished: some milliseconds.
    virtual Status wait_for_readers() = 0;
};

}  // namespace wgs
