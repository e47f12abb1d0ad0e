// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 client for talking to control planes, driven from the caller's event loop. Nothing in
// it blocks; names are resolved in threads of libcurl's. Proxies and redirects are not followed,
// and nothing is decompressed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace wgs {

// How servers are verified, and how they know us. Files are read again for each new connection, the
// token's for each call for which it has changed. Of a file and its data only one is given.
struct TlsOptions {
    std::filesystem::path ca_file;  // PEM; with ca_data empty as well: the system's authorities
    std::string ca_data;
    std::filesystem::path cert_file;  // PEM, of the client; empty: none
    std::string cert_data;
    std::filesystem::path key_file;  // PEM
    std::string key_data;
    std::string server_name;  // to verify, and to ask for, instead of the URL's host
    bool insecure = false;    // servers are not verified at all
    // Sent as "Authorization: Bearer", over https only.
    std::filesystem::path token_file;
    std::string token;
};

// Zero: no limit.
struct HttpTimeouts {
    std::chrono::milliseconds connect{5'000};  // name, TCP and TLS
    std::chrono::milliseconds total{30'000};
    std::chrono::milliseconds idle{0};  // while not a byte is received, from the beginning on
};

enum class HttpBody { whole, stream };

struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers{};  // "Name: value"
    std::string body{};                  // sent unless empty
    HttpTimeouts timeouts{};
    HttpBody response = HttpBody::whole;
    // Of a whole response, and of one to a stream that is an error: more bytes end the call.
    std::size_t max_body = 32u << 20;
};

struct HttpReply {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // empty if it was streamed
};

struct HttpHandler {
    // The pieces of a streamed 2xx response, cut anywhere. The text is borrowed.
    std::function<void(std::string_view data)> on_data{};
    // Once, and last; not after cancel(). Any status is a reply; an error is that there is none, or
    // that it did not come to its end.
    std::function<void(Result<HttpReply> reply)> on_done;
};

using RequestId = std::uint64_t;

class HttpClient {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static Result<std::unique_ptr<HttpClient>> create(TlsOptions tls);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    // Handlers are called from within dispatch() only, also for what fails at once. They may send
    // and cancel, but not destroy the client.
    RequestId send(HttpCall call, HttpHandler handler);
    // Ends a call without a word. An id that has ended is not an error.
    void cancel(RequestId id);
    void cancel_all();

    // Readable when there is something to dispatch().
    [[nodiscard]] int fd() const;
    // Has to be asked after each dispatch() and send().
    [[nodiscard]] std::optional<Time> next_timeout() const;
    void dispatch();

  private:
    struct State;
    explicit HttpClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// For programs that wait: dispatches until `done` says so, or the time is over (then: false).
bool dispatch_until(HttpClient& client, const std::function<bool()>& done,
                    std::chrono::milliseconds limit);

// As part of a URL's path or query.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace wgs
