// SPDX-License-Identifier: Apache-2.0
// Chunks that are BPF arrays, listed by a map of maps.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "skeletons/mapping.h"
#include "table/chunks.h"

namespace wgs {

// The kernel gives maps of maps no way to take many entries out at once. So the last entry of the
// list is an empty chunk which no number stands for, and stands as well wherever a chunk was.
class ChunkMaps final : public Chunks {
  public:
    // Finds none of the chunks yet; makes the empty one if it is not there.
    static Result<std::unique_ptr<ChunkMaps>> open(UniqueFd list, std::string name);

    [[nodiscard]] std::uint32_t limit() const override {
        return static_cast<std::uint32_t>(chunks_.size());
    }
    [[nodiscard]] void* at(std::uint32_t index) const override {
        return index < chunks_.size() ? chunks_[index].memory.get() : nullptr;
    }
    Status find(std::uint32_t first, std::uint32_t count) override;
    Status add(std::uint32_t first, std::uint32_t count) override;
    Status remove(std::uint32_t first, std::uint32_t count) override;
    Status wait_for_readers() override;

  private:
    struct Chunk {
        UniqueFd map;
        Mapping memory;
    };

    ChunkMaps(UniqueFd list, std::string name, std::uint32_t entries)
        : list_(std::move(list)), name_(std::move(name)), chunks_(entries - 1) {}

    Status find_empty();
    Status take_over(std::uint32_t index, std::uint32_t id);
    [[nodiscard]] Result<Chunk> make_chunk() const;
    Status announce(std::uint32_t first, const std::vector<int>& maps);

    UniqueFd list_;
    std::string name_;
    std::vector<Chunk> chunks_;
    UniqueFd empty_;
    std::uint32_t empty_id_ = 0;
    // Updates of the list that have taken effect but wait for readers before they return.
    std::vector<std::future<int>> updates_;
};

}  // namespace wgs
