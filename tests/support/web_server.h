// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server in the test's own process, whose handlers may misbehave as they like.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/certificates.h"
#include "tests/support/environment.h"

namespace wgs::test {

struct WebRequest {
    std::string method;
    std::string target;                          // as sent: path and query
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

// The other end of a request. Writing fails silently once the client has gone.
class WebConnection {
  public:
    virtual ~WebConnection() = default;

    // Bytes as they are. False once the client is gone.
    virtual bool write(std::string_view bytes) = 0;
    // Waits; false at once when the client goes or the server ends.
    virtual bool wait(Millis time) = 0;

    // A whole response; `headers` are lines that end in "\r\n".
    void reply(int status, std::string_view body, const std::string& headers = "");
    // A chunked 200 response.
    void begin_stream();
    bool chunk(std::string_view data);
    void end_stream();
};

struct WebTls {
    Identity identity;
    std::string client_authority = {};  // PEM; empty: clients need no certificate
};

// Each connection has a thread, and serves request after request until its handler returns false
// or the client goes.
class WebServer {
  public:
    // Returns whether the connection is kept.
    using Handler = std::function<bool(const WebRequest&, WebConnection&)>;

    // Listens on a port of its own of 127.0.0.1.
    explicit WebServer(Handler handler, std::optional<WebTls> tls = {});
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;
    // Ends all connections.
    ~WebServer();

    // "http://127.0.0.1:PORT" or "https://…".
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::uint16_t port() const { return port_; }
    // How many were accepted since the start.
    [[nodiscard]] int connections() const { return accepted_; }

  private:
    struct Context;
    class Connection;
    void accept_all();
    void serve(int socket);

    Handler handler_;
    std::unique_ptr<Context> context_;  // of TLS; none: plain
    UniqueFd listener_;
    UniqueFd stop_;  // readable once the server ends
    std::uint16_t port_ = 0;
    std::atomic<int> accepted_ = 0;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace wgs::test
