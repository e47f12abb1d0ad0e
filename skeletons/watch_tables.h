// SPDX-License-Identifier: Apache-2.0
// The tables of the watcher of leaving packets, open for writing.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "maps/layout.h"
#include "maps/regions.h"
#include "skeletons/map.h"
#include "skeletons/mapping.h"

namespace wgs {

class WatchTables {
  public:
    struct Maps {
        UniqueFd watch4;
        UniqueFd watch6;
        UniqueFd regions;
    };
    template <class Key>
    using Entries = std::vector<std::pair<Key, wgs_watched>>;

    // Takes over what the tables hold; there must be no other writer. Reads all of it, because an
    // earlier version may have left tables without regions.
    static Result<WatchTables> open(Maps maps);

    // Keys are wgs_prefix4 or wgs_prefix6. On error some may have been stored.
    template <class Key>
    Status store(std::span<const Key> prefixes, std::span<const wgs_watched> values) const {
        for (const Key& prefix : prefixes)
            mark(prefix);
        return map<Key>().store_all(prefixes, values);
    }
    template <class Key>
    Status store(const Key& prefix, const wgs_watched& value) const {
        return store(std::span(&prefix, 1), std::span(&value, 1));
    }
    // One that is not there is not an error. Its regions stay until the entries are read.
    template <class Key>
    Status erase(const Key& prefix) const {
        return map<Key>().erase(prefix);
    }
    // Takes back the regions that hold none of them.
    Result<Entries<wgs_prefix4>> entries4() const;
    Result<Entries<wgs_prefix6>> entries6() const;

  private:
    WatchTables(Map<wgs_prefix4, wgs_watched> watch4, Map<wgs_prefix6, wgs_watched> watch6,
                Mapping regions)
        : watch4_(std::move(watch4)), watch6_(std::move(watch6)), regions_(std::move(regions)) {}

    template <class Key>
    [[nodiscard]] const Map<Key, wgs_watched>& map() const {
        if constexpr (std::is_same_v<Key, wgs_prefix4>)
            return watch4_;
        else
            return watch6_;
    }
    [[nodiscard]] wgs_regions& regions(wgs_regions_of family) const {
        return static_cast<wgs_regions*>(regions_.get())[family];
    }
    void mark(const wgs_prefix4& prefix) const;
    void mark(const wgs_prefix6& prefix) const;

    Map<wgs_prefix4, wgs_watched> watch4_;
    Map<wgs_prefix6, wgs_watched> watch6_;
    Mapping regions_;
};

}  // namespace wgs
