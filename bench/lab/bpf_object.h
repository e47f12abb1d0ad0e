// SPDX-License-Identifier: Apache-2.0
// A BPF object of the bench, by the names of what is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "skeletons/bpffs.h"

struct bpf_object;

namespace wgs::bench {

// Open, then sized and given the maps of others, then loaded.
class BpfObject {
  public:
    explicit BpfObject(std::span<const std::byte> image);

    void resize(const std::string& map, std::size_t rows);
    // The object's map of this name will be that of the other one.
    void share(const std::string& map, const BpfObject& other);
    // All maps that are pinned there under their names.
    void share_pinned(const Bpffs& bpffs);
    void load();

    // Borrowed.
    [[nodiscard]] int program(const std::string& name) const;
    [[nodiscard]] int map(const std::string& name) const;

  private:
    struct Close {
        void operator()(bpf_object* object) const;
    };
    std::unique_ptr<bpf_object, Close> object_;
};

// The object that is part of this binary by way of its skeleton.
template <class Skeleton>
std::span<const std::byte> image() {
    std::size_t size = 0;
    const void* bytes = Skeleton::elf_bytes(&size);
    return {static_cast<const std::byte*>(bytes), size};
}

// Values of a map whose keys are 32-bit integers.
void write_row(int map, std::uint32_t row, const void* value);
void read_row(int map, std::uint32_t row, void* value);
// As many rows from 0 on.
void write_rows(int map, std::size_t rows, const void* values);
// What the kernel says that the map takes, in bytes.
std::size_t memory_of(int map);

}  // namespace wgs::bench
