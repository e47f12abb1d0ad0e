// SPDX-License-Identifier: Apache-2.0
// Owner of the mapped memory of a BPF array.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace wgs {

class Mapping {
  public:
    Mapping() = default;
    // Maps the first `size` bytes of a mmapable array; `map` is borrowed, `name` for messages.
    static Result<Mapping> of(int map, std::size_t size, std::string_view name);

    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    Mapping(Mapping&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping();

    // Null: nothing is mapped.
    [[nodiscard]] void* get() const { return memory_; }

  private:
    Mapping(void* memory, std::size_t size) : memory_(memory), size_(size) {}

    void* memory_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace wgs
