// SPDX-License-Identifier: Apache-2.0
// One call of the HTTP client as libcurl sees it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "net/http_client.h"

namespace wgs {

using SteadyPoint = std::chrono::steady_clock::time_point;

class HttpTransfer {
  public:
    // `tls` must outlive it; `token` is empty or the bearer token to send.
    HttpTransfer(RequestId id, HttpCall call, HttpHandler handler, const TlsOptions& tls,
                 const std::string& token);
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;
    ~HttpTransfer() = default;

    [[nodiscard]] CURL* handle() const { return handle_.get(); }
    [[nodiscard]] RequestId id() const { return id_; }
    [[nodiscard]] HttpHandler& handler() { return handler_; }

    void finish(CURLcode code);
    void fail(std::errc code, const std::string& why);
    // When it will have been idle for too long; none: never, or it has ended.
    [[nodiscard]] std::optional<SteadyPoint> idle_deadline() const;

    // What has come of a stream and was not taken yet.
    [[nodiscard]] std::string take_data() { return std::exchange(pending_, {}); }
    [[nodiscard]] bool has_news() const { return !pending_.empty() || done_; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] Result<HttpReply> take_reply();

  private:
    void configure(const TlsOptions& tls, const std::string& token);
    void set_body();
    void set_tls(const TlsOptions& tls);
    void add_header(const std::string& line);
    [[nodiscard]] bool streams() const;
    [[nodiscard]] bool take_body(std::string_view data);
    void take_header(std::string_view line);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);

    RequestId id_;
    HttpCall call_;
    HttpHandler handler_;
    std::string what_;  // for messages
    std::unique_ptr<curl_slist, Deleter<&curl_slist_free_all>> headers_;
    std::unique_ptr<curl_slist, Deleter<&curl_slist_free_all>> connect_to_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::unique_ptr<CURL, Deleter<&curl_easy_cleanup>> handle_;  // uses all the above

    HttpReply reply_;
    std::string pending_;
    std::optional<Error> error_;
    bool done_ = false;
    SteadyPoint last_heard_ = std::chrono::steady_clock::now();
};

}  // namespace wgs
