// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/steer.h"

#include <fcntl.h>

#include "bench/lab/must.h"
#include "maps/names.h"

namespace wgs::bench {
namespace {

UniqueFd duplicate(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    must_call(static_cast<bool>(copy), "duplicate a descriptor");
    return copy;
}

}  // namespace

SteerTables open_steer_tables(const BpfObject& object) {
    return must(SteerTables::open({.root4 = duplicate(object.map(WGS_MAP_ROOT4)),
                                   .trie4 = duplicate(object.map(WGS_MAP_TRIE4)),
                                   .head6 = duplicate(object.map(WGS_MAP_HEAD6)),
                                   .hash6 = duplicate(object.map(WGS_MAP_HASH6))}));
}

std::vector<Trie4::Row> rows4_of(const std::vector<OwnedPrefix>& prefixes) {
    std::vector<Trie4::Row> rows;
    for (const OwnedPrefix& one : prefixes)
        if (one.prefix.family() == Family::v4)
            rows.push_back({.prefix = Prefix4::of(key_of_ipv4(one.prefix)), .owner = one.owner});
    return rows;
}

std::vector<Hash6::Row> rows6_of(const std::vector<OwnedPrefix>& prefixes) {
    std::vector<Hash6::Row> rows;
    for (const OwnedPrefix& one : prefixes)
        if (one.prefix.family() == Family::v6)
            rows.push_back({.prefix = Prefix6::of(key_of_ipv6(one.prefix)), .owner = one.owner});
    return rows;
}

void fill_steer(const SteerTables& tables, const std::vector<OwnedPrefix>& prefixes) {
    must(tables.ipv4().set_all(rows4_of(prefixes)));
    must(tables.ipv6().set_all(rows6_of(prefixes)));
}

}  // namespace wgs::bench
