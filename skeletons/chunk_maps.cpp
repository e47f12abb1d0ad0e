// SPDX-License-Identifier: Apache-2.0
#include "skeletons/chunk_maps.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>

namespace wgs {
namespace {

constexpr const char* kChunkName = "wgs_chunk";

// Before 6.8 even looking into a map of maps waits for readers; those who wait at the same time
// wait for the same.
constexpr std::uint32_t kLookingAtOnce = 32;

// How long an update takes where it does not wait for readers.
constexpr std::chrono::microseconds kUpdate{200};

// Errno, or 0.
int update_list(int list, std::uint32_t first, const std::vector<int>& maps) {
    std::vector<std::uint32_t> indices(maps.size());
    std::iota(indices.begin(), indices.end(), first);
    auto count = static_cast<std::uint32_t>(maps.size());
    const int failed = bpf_map_update_batch(list, indices.data(), maps.data(), &count, nullptr);
    return failed == 0 ? 0 : errno;
}

// Which map is listed; 0: none.
Result<std::uint32_t> id_at(int list, std::uint32_t index) {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(list, &index, &id) == 0) return id;
    if (errno == ENOENT) return 0U;
    return os_error(errno, "look up a chunk");
}

Result<bpf_map_info> info_of(int map, const std::string& name) {
    bpf_map_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(map, &info, &size) != 0)
        return os_error(errno, "ask about map " + name);
    return info;
}

bool has_ended(const std::future<int>& update, std::chrono::microseconds patience) {
    return update.wait_for(patience) == std::future_status::ready;
}

}  // namespace

Result<std::unique_ptr<ChunkMaps>> ChunkMaps::open(UniqueFd list, std::string name) {
    const std::uint32_t entries = WGS_TRY(info_of(list.get(), name)).max_entries;
    std::unique_ptr<ChunkMaps> chunks(new ChunkMaps(std::move(list), std::move(name), entries));
    WGS_TRY(chunks->find_empty());
    return chunks;
}

Status ChunkMaps::find_empty() {
    const std::uint32_t there = WGS_TRY(id_at(list_.get(), limit()));
    if (there != 0) empty_.reset(bpf_map_get_fd_by_id(there));
    if (!empty_) {
        empty_ = std::move(WGS_TRY(make_chunk()).map);
        WGS_TRY(wait_for_readers());
    }
    empty_id_ = WGS_TRY(info_of(empty_.get(), name_)).id;
    return {};
}

Status ChunkMaps::find(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t end = first + count; first < end; first += kLookingAtOnce) {
        std::vector<std::future<Result<std::uint32_t>>> ids;
        for (std::uint32_t i = first; i < std::min(end, first + kLookingAtOnce); ++i)
            ids.push_back(std::async(std::launch::async, id_at, list_.get(), i));
        for (std::uint32_t i = 0; i < ids.size(); ++i) {
            const std::uint32_t id = WGS_TRY(ids[i].get());
            WGS_TRY(take_over(first + i, id));
        }
    }
    return {};
}

Status ChunkMaps::take_over(std::uint32_t index, std::uint32_t id) {
    if (id == 0 || id == empty_id_) return {};
    Chunk& chunk = chunks_[index];
    chunk.map.reset(bpf_map_get_fd_by_id(id));
    if (!chunk.map) return os_error(errno, "open chunk " + std::to_string(index) + " of " + name_);
    chunk.memory = WGS_TRY(Mapping::of(chunk.map.get(), WGS_CHUNK_SIZE, name_));
    return {};
}

Result<ChunkMaps::Chunk> ChunkMaps::make_chunk() const {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    Chunk chunk;
    chunk.map.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, kChunkName, sizeof(std::uint32_t),
                                   WGS_CHUNK_SIZE, 1, &options));
    if (!chunk.map) return os_error(errno, "create a chunk of map " + name_);
    chunk.memory = WGS_TRY(Mapping::of(chunk.map.get(), WGS_CHUNK_SIZE, name_));
    return chunk;
}

Status ChunkMaps::add(std::uint32_t first, std::uint32_t count) {
    std::vector<Chunk> made;
    std::vector<int> maps;
    for (std::uint32_t i = 0; i < count; ++i) {
        made.push_back(WGS_TRY(make_chunk()));
        maps.push_back(made.back().map.get());
    }
    WGS_TRY(announce(first, maps));
    std::ranges::move(made, chunks_.begin() + first);
    return {};
}

// Since 6.8 the kernel changes the list at once, but does not return before every program that may
// have seen it as it was has finished. New chunks need not wait for that.
Status ChunkMaps::announce(std::uint32_t first, const std::vector<int>& maps) {
    const std::uint32_t last = first + static_cast<std::uint32_t>(maps.size()) - 1;
    const std::uint32_t id = WGS_TRY(info_of(maps.back(), name_)).id;
    std::erase_if(updates_, [](const auto& update) { return has_ended(update, {}); });
    auto update = std::async(std::launch::async, update_list, list_.get(), first, maps);
    while (!has_ended(update, kUpdate)) {
        if (WGS_TRY(id_at(list_.get(), last)) != id) continue;
        updates_.push_back(std::move(update));
        return {};
    }
    if (const int error = update.get()) return os_error(error, "add chunks to map " + name_);
    return {};
}

Status ChunkMaps::remove(std::uint32_t first, std::uint32_t count) {
    if (count == 0) return {};
    const std::vector<int> maps(count, empty_.get());
    if (const int error = update_list(list_.get(), first, maps))
        return os_error(error, "remove chunks from map " + name_);
    // Some kernels free a map as soon as nothing refers to it, whoever is reading.
    WGS_TRY(wait_for_readers());
    for (std::uint32_t i = first; i < first + count; ++i)
        chunks_[i] = Chunk();
    return {};
}

// Changing a map of maps waits for the programs that run (kernel/bpf/syscall.c,
// maybe_wait_bpf_programs), even if the change is none.
Status ChunkMaps::wait_for_readers() {
    const std::uint32_t last = limit();
    const int empty = empty_.get();
    if (bpf_map_update_elem(list_.get(), &last, &empty, BPF_ANY) != 0)
        return os_error(errno, "store to map " + name_);
    return {};
}

}  // namespace wgs
