// SPDX-License-Identifier: Apache-2.0
#include "service/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

#include "base/unique_fd.h"
#include "model/ip.h"
#include "service/http_streaming.h"

namespace wgs {

struct HttpServer::State {
    State() = default;
    ~State() {
        streaming.resumed = [] {};
        streaming.end_all();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Handler handler;
    HttpStreaming streaming;
    std::unique_ptr<MHD_Daemon, Deleter<&MHD_stop_daemon>> daemon;
    EventLoop::Source readable;
    EventLoop::Source timer;
    EventLoop* loop = nullptr;
    std::function<MHD_Result(MHD_Connection*, const HttpRequest&)> answer;

    void turn();
    [[nodiscard]] unsigned connections() const;
};

namespace {

constexpr unsigned kConnectionLimit = 64;
constexpr unsigned kConnectionTimeoutSeconds = 10;

MHD_Result add_query(void* map, MHD_ValueKind, const char* key, const char* value) {
    auto& query = *static_cast<std::map<std::string, std::string>*>(map);
    query.insert_or_assign(key, value != nullptr ? value : "");
    return MHD_YES;
}

MHD_Result reply(MHD_Connection* connection, const HttpResponse& response) {
    MHD_Response* message = MHD_create_response_from_buffer(
        // libmicrohttpd copies but takes a mutable pointer.
        response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
    if (message == nullptr) return MHD_NO;
    MHD_add_response_header(message, "Content-Type", response.content_type.c_str());
    const MHD_Result queued = MHD_queue_response(connection, response.status, message);
    MHD_destroy_response(message);
    return queued;
}

using Answer = std::function<MHD_Result(MHD_Connection*, const HttpRequest&)>;

// libmicrohttpd calls this first with the header only, then once for each piece of the body, and
// last with no body left. Bodies are not used and are dropped.
MHD_Result on_request(void* state, MHD_Connection* connection, const char* url, const char* method,
                      const char*, const char*, std::size_t* upload_size, void** request_state) {
    static int seen = 0;
    if (*request_state == nullptr) {
        *request_state = &seen;
        return MHD_YES;
    }
    if (*upload_size != 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    HttpRequest request{.method = method, .path = url};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &request.query);
    return (*static_cast<Answer*>(state))(connection, request);
}

Result<std::pair<std::string, std::uint16_t>> split_host_port(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    std::uint16_t port = 0;
    if (colon != std::string::npos) {
        const char* end = address.data() + address.size();
        const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
        if (parsed.ec == std::errc() && parsed.ptr == end) {
            std::string host = address.substr(0, colon);
            if (host.starts_with('[') && host.ends_with(']'))
                host = host.substr(1, host.size() - 2);
            return std::pair(host, port);
        }
    }
    return invalid("listen on " + address + ": not of the form host:port");
}

sockaddr_storage to_sockaddr(const IpAddress& address, std::uint16_t port, socklen_t& length) {
    sockaddr_storage storage = {};
    if (address.family() == Family::v4) {
        sockaddr_in v4 = {};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&storage, &v4, sizeof v4);
        length = sizeof v4;
    } else {
        sockaddr_in6 v6 = {};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&storage, &v6, sizeof v6);
        length = sizeof v6;
    }
    return storage;
}

Result<UniqueFd> bind_and_listen(const sockaddr* address, socklen_t length,
                                 const std::string& what) {
    UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return os_error(errno, what);
    const int yes = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(fd.get(), address, length) != 0) return os_error(errno, what);
    if (::listen(fd.get(), SOMAXCONN) != 0) return os_error(errno, what);
    return fd;
}

}  // namespace

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

unsigned HttpServer::State::connections() const {
    return MHD_get_daemon_info(daemon.get(), MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

void HttpServer::State::turn() {
    // At the connection limit libmicrohttpd stops listening; once some have ended it takes one more
    // run, for which nothing would wake us, until it listens again.
    unsigned before = 0;
    do {
        before = connections();
        MHD_run(daemon.get());
    } while (connections() < before);
    MHD_UNSIGNED_LONG_LONG timeout = 0;
    if (MHD_get_timeout(daemon.get(), &timeout) == MHD_YES) {
        // An unarmed timer only delays the closing of idle connections.
        static_cast<void>(loop->arm(timer, std::chrono::milliseconds(timeout)));
    }
}

Result<HttpServer> HttpServer::start(EventLoop& loop, int listener, Handler handler) {
    auto state = std::make_unique<State>();
    state->handler = std::move(handler);
    state->loop = &loop;
    state->streaming.resumed = [&state = *state] {
        static_cast<void>(state.loop->arm(state.timer, std::chrono::microseconds(0)));
    };
    state->answer = [&state = *state](MHD_Connection* connection, const HttpRequest& request) {
        const HttpResponse response = state.handler(request);
        if (!response.stream) return reply(connection, response);
        return state.streaming.reply(connection, response.status, response.content_type.c_str(),
                                     response.stream);
    };
    state->daemon.reset(MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &on_request, &state->answer,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, kConnectionLimit,
        MHD_OPTION_CONNECTION_TIMEOUT, kConnectionTimeoutSeconds, MHD_OPTION_END));
    if (!state->daemon) {
        ::close(listener);
        return make_error(std::errc::io_error, "start HTTP server");
    }
    const MHD_DaemonInfo* info = MHD_get_daemon_info(state->daemon.get(), MHD_DAEMON_INFO_EPOLL_FD);
    State* borrowed = state.get();
    state->readable = WGS_TRY(loop.on_readable(info->epoll_fd, [borrowed] { borrowed->turn(); }));
    state->timer = WGS_TRY(loop.timer([borrowed] { borrowed->turn(); }));
    return HttpServer(std::move(state));
}

Result<HttpServer> HttpServer::listen_unix(EventLoop& loop, const std::filesystem::path& path,
                                           Handler handler) {
    const std::string what = "listen on " + path.string();
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return os_error(ENAMETOOLONG, what);
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    ::unlink(path.c_str());

    const mode_t previous = ::umask(0117);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API asks for it.
    auto fd = bind_and_listen(reinterpret_cast<const sockaddr*>(&address), sizeof address, what);
    ::umask(previous);
    if (!fd) return tl::unexpected(std::move(fd).error());
    return start(loop, fd->release(), std::move(handler));
}

Result<HttpServer> HttpServer::listen_tcp(EventLoop& loop, const std::string& address,
                                          Handler handler) {
    const auto [host, port] = WGS_TRY(split_host_port(address));
    const IpAddress ip = WGS_TRY(IpAddress::parse(host).within("listen on " + address));
    socklen_t length = 0;
    const sockaddr_storage storage = to_sockaddr(ip, port, length);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API asks for it.
    const auto* generic = reinterpret_cast<const sockaddr*>(&storage);
    UniqueFd fd = WGS_TRY(bind_and_listen(generic, length, "listen on " + address));
    return start(loop, fd.release(), std::move(handler));
}

}  // namespace wgs
