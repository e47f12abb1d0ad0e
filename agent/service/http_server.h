// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server on a unix or TCP socket, driven from the event loop (libmicrohttpd).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "service/http_stream.h"
#include "service/loop.h"

namespace wgs {

struct HttpRequest {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;  // decoded
};

struct HttpResponse {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::shared_ptr<HttpStream> stream = nullptr;  // if set, the body
};

class HttpServer {
  public:
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    // Listens on a unix socket with mode 0660; a stale socket file is replaced.
    static Result<HttpServer> listen_unix(EventLoop& loop, const std::filesystem::path& path,
                                          Handler handler);
    // `address` is "host:port"; the host is an IP address, in brackets if IPv6.
    static Result<HttpServer> listen_tcp(EventLoop& loop, const std::string& address,
                                         Handler handler);
    HttpServer(HttpServer&&) noexcept;
    HttpServer& operator=(HttpServer&&) noexcept;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

  private:
    struct State;
    explicit HttpServer(std::unique_ptr<State> state);
    static Result<HttpServer> start(EventLoop& loop, int listener, Handler handler);

    std::unique_ptr<State> state_;
};

}  // namespace wgs
