// SPDX-License-Identifier: Apache-2.0
#include "skeletons/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <string>

namespace wgs {

Result<Mapping> Mapping::of(int map, std::size_t size, std::string_view name) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, map, 0);
    if (memory == MAP_FAILED) return os_error(errno, "map the memory of map " + std::string(name));
    return Mapping(memory, size);
}

Mapping::~Mapping() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
}

}  // namespace wgs
