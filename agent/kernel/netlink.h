// SPDX-License-Identifier: Apache-2.0
// Requests to the kernel over netlink, with the kernel's own errno as the error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"

struct nl_msg;
struct nl_sock;
struct nlattr;
struct nlmsghdr;

namespace wgs {

// Wipes the message before freeing it: it may carry a private key.
struct NetlinkMessageDeleter {
    void operator()(nl_msg* message) const;
};
using NetlinkMessage = std::unique_ptr<nl_msg, NetlinkMessageDeleter>;

struct NetlinkSocketDeleter {
    void operator()(nl_sock* socket) const;
};

// libnl's error numbers (of either sign) as errors of ours; the only place which knows them.
[[nodiscard]] tl::unexpected<Error> netlink_error(int code, std::string_view what);

// A blocking socket in the network namespace in which it was opened. Move-only.
class NetlinkSocket {
  public:
    using ReplyHandler = std::function<Status(nlmsghdr&)>;

    // `protocol` is NETLINK_ROUTE or NETLINK_GENERIC.
    static Result<NetlinkSocket> open(int protocol);

    // The number of a generic netlink family; std::errc::operation_not_supported if there is none.
    Result<int> resolve_family(const char* name);

    // Sends a request and hands each answer to `on_reply` until the kernel acknowledges. `what`
    // names the operation and its object. A dump which changed meanwhile ends in
    // std::errc::interrupted, after all of its answers; an error of `on_reply` ends the calls to it
    // and is returned.
    Status transact(const NetlinkMessage& request, std::string_view what,
                    const ReplyHandler& on_reply = {});

  private:
    explicit NetlinkSocket(nl_sock* socket);

    std::unique_ptr<nl_sock, NetlinkSocketDeleter> socket_;
    std::vector<std::uint8_t> buffer_;
};

// Repeats `dump` while what it reads changes under it; gives up after a few rounds.
template <class Dump>
auto retry_interrupted(Dump dump) {
    constexpr int kRounds = 8;
    auto result = dump();
    for (int i = 1; i < kRounds && !result && result.error().is(std::errc::interrupted); ++i) {
        result = dump();
    }
    return result;
}

}  // namespace wgs
