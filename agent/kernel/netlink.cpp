// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink.h"

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sodium.h>
#include <sys/socket.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace wgs {
namespace {

// The kernel sizes dump messages by the largest buffer it has seen, up to 32 KiB (af_netlink.c,
// netlink_dump); an acknowledgement repeats the request, which can be 64 KiB.
constexpr std::size_t kReceiveBuffer = 128 * 1024;

struct ErrorPair {
    int netlink;
    int system;
};
constexpr ErrorPair kErrorPairs[] = {
    {NLE_INTR, EINTR},
    {NLE_BAD_SOCK, EBADF},
    {NLE_AGAIN, EAGAIN},
    {NLE_NOMEM, ENOMEM},
    {NLE_EXIST, EEXIST},
    {NLE_INVAL, EINVAL},
    {NLE_RANGE, ERANGE},
    {NLE_MSGSIZE, EMSGSIZE},
    {NLE_OPNOTSUPP, EOPNOTSUPP},
    {NLE_OBJ_NOTFOUND, ENOENT},
    {NLE_MSG_OVERFLOW, EMSGSIZE},
    {NLE_MSG_TRUNC, EMSGSIZE},
    {NLE_BUSY, EBUSY},
    {NLE_NOACCESS, EACCES},
    {NLE_PERM, EPERM},
    {NLE_NODEV, ENODEV},
    {NLE_DUMP_INTR, EINTR},
    {NLE_PROTO_MISMATCH, EPROTONOSUPPORT},
    {NLE_AF_NOSUPPORT, EAFNOSUPPORT},
};

// One exchange: the state of reading the answers to one request.
class Exchange {
  public:
    Exchange(std::uint32_t sequence, std::string_view what,
             const NetlinkSocket::ReplyHandler& handler)
        : sequence_(sequence), what_(what), handler_(handler) {}

    [[nodiscard]] const std::optional<Status>& end() const { return end_; }

    void take(nlmsghdr& message) {
        if (end_ || message.nlmsg_seq != sequence_) return;
        if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
        switch (message.nlmsg_type) {
            case NLMSG_NOOP:
                return;
            case NLMSG_ERROR:
                return finish(static_cast<const nlmsgerr*>(nlmsg_data(&message))->error);
            case NLMSG_DONE:
                return finish(*static_cast<const int*>(nlmsg_data(&message)));
            default:
                if (handler_ && handled_) handled_ = handler_(message);
        }
    }

  private:
    void finish(int error) {
        if (error != 0) {
            end_ = os_error(-error, what_);
        } else if (interrupted_) {
            end_ = os_error(EINTR, what_);
        } else {
            end_ = std::move(handled_);
        }
    }

    std::uint32_t sequence_;
    std::string_view what_;
    const NetlinkSocket::ReplyHandler& handler_;
    bool interrupted_ = false;
    Status handled_;
    std::optional<Status> end_;
};

}  // namespace

void NetlinkMessageDeleter::operator()(nl_msg* message) const {
    nlmsghdr* header = nlmsg_hdr(message);
    sodium_memzero(header, header->nlmsg_len);
    nlmsg_free(message);
}

void NetlinkSocketDeleter::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

tl::unexpected<Error> netlink_error(int code, std::string_view what) {
    for (const ErrorPair& pair : kErrorPairs) {
        if (pair.netlink == std::abs(code)) return os_error(pair.system, what);
    }
    return make_error(std::errc::io_error, std::string(what) + ": " + nl_geterror(code));
}

NetlinkSocket::NetlinkSocket(nl_sock* socket) : socket_(socket), buffer_(kReceiveBuffer) {}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
    NetlinkSocket opened(nl_socket_alloc());
    if (!opened.socket_) throw std::bad_alloc();
    const int error = nl_connect(opened.socket_.get(), protocol);
    if (error < 0) return netlink_error(error, "open a netlink socket");
    return opened;
}

Result<int> NetlinkSocket::resolve_family(const char* name) {
    const int family = genl_ctrl_resolve(socket_.get(), name);
    const std::string what = std::string("generic netlink family ") + name;
    if (family == -NLE_OBJ_NOTFOUND) return os_error(EOPNOTSUPP, what);
    if (family < 0) return netlink_error(family, what);
    return family;
}

Status NetlinkSocket::transact(const NetlinkMessage& request, std::string_view what,
                               const ReplyHandler& on_reply) {
    const int sent = nl_send_auto(socket_.get(), request.get());
    if (sent < 0) return netlink_error(sent, what);

    Exchange exchange(nlmsg_hdr(request.get())->nlmsg_seq, what, on_reply);
    while (!exchange.end()) {
        const ssize_t size =
            ::recv(nl_socket_get_fd(socket_.get()), buffer_.data(), buffer_.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return os_error(errno, what);
        int left = static_cast<int>(size);
        for (void* at = buffer_.data(); nlmsg_ok(static_cast<nlmsghdr*>(at), left);
             at = nlmsg_next(static_cast<nlmsghdr*>(at), &left)) {
            exchange.take(*static_cast<nlmsghdr*>(at));
        }
        sodium_memzero(buffer_.data(), static_cast<std::size_t>(size));
    }
    return *exchange.end();
}

}  // namespace wgs
