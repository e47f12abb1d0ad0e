// SPDX-License-Identifier: Apache-2.0
// Calls to an etcd cluster: one member at a time, with a token where a password is needed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/config.h"
#include "net/http_client.h"

namespace wgs {

enum class EtcdFault {
    unreachable,      // the member, or most of the cluster behind it
    unauthenticated,  // the token is no longer good
    too_large,        // more was answered than we take at once
    refused           // what was asked for
};

// From an answer's status (of HTTP) and text.
[[nodiscard]] EtcdFault etcd_fault(int status, std::string_view text);

struct EtcdError {
    EtcdFault fault;
    std::string message;  // names the member
};

class EtcdLink {
  public:
    // A body of status 200, or why there is none.
    using OnReply = std::function<void(tl::expected<std::string, EtcdError>)>;
    struct Stream {
        std::function<void(std::string_view)> on_data;
        std::function<void(EtcdError)> on_end;  // also when it ends well
    };

    static Result<std::unique_ptr<EtcdLink>> create(const EtcdConfig& config,
                                                    std::chrono::milliseconds call_timeout);

    [[nodiscard]] HttpClient& http() { return *http_; }
    [[nodiscard]] const HttpClient& http() const { return *http_; }
    // The member that calls go to.
    [[nodiscard]] const std::string& endpoint() const { return config_.endpoints.at(endpoint_); }
    void use_next_endpoint() { endpoint_ = (endpoint_ + 1) % config_.endpoints.size(); }
    [[nodiscard]] std::size_t endpoints() const { return config_.endpoints.size(); }

    // Whether authenticate() has to come first.
    [[nodiscard]] bool needs_token() const { return !config_.username.empty() && !authenticated_; }
    void drop_token() { authenticated_ = false; }
    // With the password that its file has now. The reply's body is empty.
    void authenticate(OnReply on_reply);

    RequestId call(const std::string& path, std::string body, OnReply on_reply);
    RequestId stream(const std::string& path, std::string body, Stream stream);

  private:
    EtcdLink(EtcdConfig config, std::chrono::milliseconds call_timeout,
             std::unique_ptr<HttpClient> http);
    [[nodiscard]] HttpCall make_call(const std::string& path, std::string body) const;
    void take_token(tl::expected<std::string, EtcdError> reply, const OnReply& on_reply);

    EtcdConfig config_;
    std::chrono::milliseconds call_timeout_;
    std::unique_ptr<HttpClient> http_;
    std::size_t endpoint_ = 0;
    bool authenticated_ = false;
    std::string token_;  // empty, though authenticated: etcd wants none
};

}  // namespace wgs
