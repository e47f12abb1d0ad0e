// SPDX-License-Identifier: Apache-2.0
#include "skeletons/steer_tables.h"

#include <span>
#include <utility>

#include "maps/names.h"

namespace wgs {
namespace {

std::size_t count_chunks(const ChunkMaps& chunks) {
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < chunks.limit(); ++i)
        if (chunks.at(i) != nullptr) ++count;
    return count;
}

}  // namespace

std::size_t SteerTables::chunks4() const {
    return count_chunks(*chunks4_);
}

std::size_t SteerTables::chunks6() const {
    return count_chunks(*chunks6_);
}

Result<SteerTables> SteerTables::open(Maps maps) {
    SteerTables tables;
    tables.root4_ = WGS_TRY(Mapping::of(maps.root4.get(), sizeof(wgs_root4), WGS_MAP_ROOT4));
    tables.chunks4_ = WGS_TRY(ChunkMaps::open(std::move(maps.trie4), WGS_MAP_TRIE4));
    auto* root = static_cast<wgs_root4*>(tables.root4_.get());
    tables.trie4_ = std::make_unique<Trie4>(std::span(root->cells), *tables.chunks4_);
    WGS_TRY(tables.trie4_->recover());

    tables.head6_ = WGS_TRY(Mapping::of(maps.head6.get(), sizeof(wgs_head6), WGS_MAP_HEAD6));
    tables.chunks6_ = WGS_TRY(ChunkMaps::open(std::move(maps.hash6), WGS_MAP_HASH6));
    tables.hash6_ =
        std::make_unique<Hash6>(*static_cast<wgs_head6*>(tables.head6_.get()), *tables.chunks6_);
    WGS_TRY(tables.hash6_->recover());
    return tables;
}

}  // namespace wgs
