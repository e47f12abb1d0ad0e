// SPDX-License-Identifier: Apache-2.0
#include "felix/pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <utility>

namespace wgs::felix {
namespace {

Status prepare(const UniqueFd& fd, const std::string& what) {
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
        return os_error(errno, what + " (descriptor " + std::to_string(fd.get()) + ")");
    }
    return {};
}

Status wait_readable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&waiting, 1, -1) < 0) {
        if (errno != EINTR) return os_error(errno, "wait for Felix");
    }
    return {};
}

}  // namespace

Result<Pipe> Pipe::open(UniqueFd from_felix, UniqueFd to_felix) {
    WGS_TRY(prepare(from_felix, "Felix's messages"));
    WGS_TRY(prepare(to_felix, "messages to Felix"));
    return Pipe(std::move(from_felix), std::move(to_felix));
}

Result<Pipe::Arrival> Pipe::receive() {
    const std::span<std::byte> room = frames_.room();
    ssize_t count = -1;
    do {
        count = ::read(from_felix_.get(), room.data(), room.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) return Arrival::nothing;
    if (count < 0) return os_error(errno, "read from Felix");
    frames_.filled(static_cast<std::size_t>(count));
    return count == 0 ? Arrival::end : Arrival::bytes;
}

Result<ConfigUpdate> await_configuration(Pipe& pipe) {
    while (true) {
        while (const auto frame = WGS_TRY(pipe.next_frame())) {
            Message message = WGS_TRY(pipe.decode(*frame));
            if (auto* config = std::get_if<ConfigUpdate>(&message)) return std::move(*config);
            if (!std::holds_alternative<std::monostate>(message)) {
                return make_error(std::errc::protocol_error,
                                  "Felix's first message is not its configuration");
            }
        }
        WGS_TRY(wait_readable(pipe.fd()));
        if (WGS_TRY(pipe.receive()) == Pipe::Arrival::end) {
            return make_error(std::errc::connection_reset, "Felix has ended before it said a word");
        }
    }
}

}  // namespace wgs::felix
