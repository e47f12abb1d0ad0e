// SPDX-License-Identifier: Apache-2.0
// Memory for steer tables, shared with the children of this process, as BPF maps are with other
// agents: what a writer that was killed has left is still there.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "maps/hash6.h"
#include "maps/trie4.h"
#include "table/chunks.h"

namespace wgs {

inline constexpr std::uint32_t kMostChunks = 64;

struct TableMemory {
    wgs_root4 root;
    wgs_head6 head;
    bool there[kMostChunks];
    alignas(4096) std::uint8_t chunks[kMostChunks][WGS_CHUNK_SIZE];
};

class SharedTableMemory {
  public:
    SharedTableMemory() {
        void* memory = ::mmap(nullptr, sizeof(TableMemory), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("mmap");
        memory_ = static_cast<TableMemory*>(memory);
    }
    SharedTableMemory(const SharedTableMemory&) = delete;
    SharedTableMemory& operator=(const SharedTableMemory&) = delete;
    ~SharedTableMemory() { ::munmap(memory_, sizeof(TableMemory)); }

    TableMemory& operator*() const { return *memory_; }
    TableMemory* operator->() const { return memory_; }

  private:
    TableMemory* memory_;
};

class MemoryChunks final : public Chunks {
  public:
    explicit MemoryChunks(TableMemory& memory, std::uint32_t limit = kMostChunks)
        : memory_(memory), limit_(limit) {}

    [[nodiscard]] std::uint32_t limit() const override { return limit_; }
    [[nodiscard]] void* at(std::uint32_t index) const override {
        return memory_.there[index] ? memory_.chunks[index] : nullptr;
    }
    Status find(std::uint32_t /*first*/, std::uint32_t /*count*/) override { return {}; }
    Status add(std::uint32_t first, std::uint32_t count) override {
        if (--calls_until_failure_ == 0) return os_error(ENOMEM, "add chunks");
        for (std::uint32_t i = first; i < first + count; ++i) {
            if (i >= limit_) throw std::logic_error("no such chunk");
            std::memset(memory_.chunks[i], 0, WGS_CHUNK_SIZE);
            memory_.there[i] = true;
        }
        return {};
    }
    // What is left in a chunk that is gone would mislead whoever still reads it.
    Status remove(std::uint32_t first, std::uint32_t count) override {
        for (std::uint32_t i = first; i < first + count; ++i) {
            memory_.there[i] = false;
            std::memset(memory_.chunks[i], 0x55, WGS_CHUNK_SIZE);
        }
        return {};
    }
    Status wait_for_readers() override {
        ++waits_;
        return {};
    }

    // From now on the n-th add() fails; 1 is the next.
    void fail_add(int n) { calls_until_failure_ = n; }
    [[nodiscard]] int waits() const { return waits_; }
    [[nodiscard]] std::uint32_t there() const {
        return static_cast<std::uint32_t>(
            std::count(std::begin(memory_.there), std::end(memory_.there), true));
    }

  private:
    TableMemory& memory_;
    std::uint32_t limit_;
    int calls_until_failure_ = 0;
    int waits_ = 0;
};

}  // namespace wgs
