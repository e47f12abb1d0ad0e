// SPDX-License-Identifier: Apache-2.0
// etcd's API v3 as its JSON gateway speaks it (api/etcdserverpb/rpc.proto; bytes are base64, 64-bit
// numbers are strings). Requests are bodies for a POST; answers are read with all the distrust that
// something from the network deserves.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace wgs {

struct EtcdHeader {
    std::uint64_t cluster = 0;
    std::int64_t revision = 0;
    std::uint64_t term = 0;  // of raft
};

struct EtcdEntry {
    std::string key;
    std::string value;
    std::int64_t lease = 0;
    std::int64_t revision = 0;  // of its last change
};

struct EtcdPage {
    EtcdHeader header;
    std::vector<EtcdEntry> entries;
    bool more = false;
};

struct EtcdEvent {
    EtcdEntry entry;
    bool deleted = false;  // then there is neither value nor lease
};

struct EtcdWatchAnswer {
    EtcdHeader header;
    std::vector<EtcdEvent> events;
    bool created = false;
    bool canceled = false;
    bool fragment = false;              // more events of the same answer follow
    std::int64_t compact_revision = 0;  // why it was canceled: what was asked for is gone
    std::string cancel_reason;
};

struct EtcdLease {
    EtcdHeader header;
    std::int64_t id = 0;
    std::chrono::seconds ttl{0};  // zero: there is no such lease any more
};

// The key after all those that begin with `prefix`.
[[nodiscard]] std::string range_end_of(std::string prefix);

// Requests.
struct EtcdRangeRequest {
    std::string key;
    std::string end;            // empty: only that key
    std::size_t limit = 0;      // entries; 0: none
    std::int64_t revision = 0;  // 0: the newest
};
[[nodiscard]] std::string format_range(const EtcdRangeRequest& request);
[[nodiscard]] std::string format_watch(const std::string& key, const std::string& end,
                                       std::int64_t revision);
[[nodiscard]] std::string format_grant(std::chrono::seconds ttl);
[[nodiscard]] std::string format_keepalive(std::int64_t lease);
[[nodiscard]] std::string format_put(const std::string& key, const std::string& value,
                                     std::int64_t lease);
[[nodiscard]] std::string format_delete(const std::string& key);
[[nodiscard]] std::string format_authenticate(const std::string& name, const std::string& password);

// Answers of status 200. What is missing is zero, as in every protobuf; what is there has to be of
// the right kind.
Result<EtcdPage> parse_page(std::string_view text);
Result<EtcdHeader> parse_header(std::string_view text);
Result<EtcdLease> parse_lease(std::string_view text);
Result<std::string> parse_token(std::string_view text);
// One document of the stream.
Result<EtcdWatchAnswer> parse_watch_answer(std::string_view text);

// What an answer of another status says, for people: "etcdserver: permission denied".
[[nodiscard]] std::string error_text(std::string_view body);

}  // namespace wgs
