// SPDX-License-Identifier: Apache-2.0
#include "source/etcd_link.h"

#include <random>

#include "base/file.h"
#include "source/etcd_messages.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxPassword = 4096;
constexpr std::size_t kMaxBody = 16u << 20;
constexpr std::string_view kAuthenticationIsOff = "authentication is not enabled";

TlsOptions tls_of(const EtcdConfig& config) {
    TlsOptions tls;
    tls.ca_file = config.ca_file;
    tls.cert_file = config.cert_file;
    tls.key_file = config.key_file;
    return tls;
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

// etcd's texts (api/v3rpc/rpctypes/error.go): the gateway's status alone does not tell.
EtcdFault etcd_fault(int status, std::string_view text) {
    if (status == 401 || contains(text, "invalid auth token") ||
        contains(text, "auth store is old") || contains(text, "user name is empty")) {
        return EtcdFault::unauthenticated;
    }
    if (status >= 500 || status == 429 || contains(text, "no leader"))
        return EtcdFault::unreachable;
    return EtcdFault::refused;
}

Result<std::unique_ptr<EtcdLink>> EtcdLink::create(const EtcdConfig& config,
                                                   std::chrono::milliseconds call_timeout) {
    auto http = WGS_TRY(HttpClient::create(tls_of(config)));
    return std::unique_ptr<EtcdLink>(new EtcdLink(config, call_timeout, std::move(http)));
}

EtcdLink::EtcdLink(EtcdConfig config, std::chrono::milliseconds call_timeout,
                   std::unique_ptr<HttpClient> http)
    : config_(std::move(config)),
      call_timeout_(call_timeout),
      http_(std::move(http)),
      // Not everybody begins with the first member.
      endpoint_(std::random_device{}() % config_.endpoints.size()) {}

HttpCall EtcdLink::make_call(const std::string& path, std::string body) const {
    HttpCall call{.method = "POST",
                  .url = endpoint() + path,
                  // The member is asked to give up when it has lost its leader.
                  .headers = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true"},
                  .body = std::move(body),
                  .timeouts = {.connect = call_timeout_, .total = call_timeout_},
                  .max_body = kMaxBody};
    if (authenticated_ && !token_.empty()) call.headers.push_back("Authorization: " + token_);
    return call;
}

RequestId EtcdLink::call(const std::string& path, std::string body, OnReply on_reply) {
    auto done = [on_reply = std::move(on_reply), at = endpoint()](Result<HttpReply> reply) {
        if (!reply) {
            const bool large = reply.error().is(std::errc::file_too_large);
            on_reply(tl::unexpected(
                EtcdError{.fault = large ? EtcdFault::too_large : EtcdFault::unreachable,
                          .message = reply.error().message}));
        } else if (reply->status != 200) {
            const std::string text = error_text(reply->body);
            on_reply(tl::unexpected(
                EtcdError{.fault = etcd_fault(reply->status, text), .message = at + ": " + text}));
        } else {
            on_reply(std::move(reply->body));
        }
    };
    return http_->send(make_call(path, std::move(body)), {.on_done = std::move(done)});
}

RequestId EtcdLink::stream(const std::string& path, std::string body, Stream stream) {
    HttpCall call = make_call(path, std::move(body));
    call.timeouts.total = std::chrono::milliseconds(0);
    call.response = HttpBody::stream;
    auto done = [on_end = std::move(stream.on_end), at = endpoint()](Result<HttpReply> reply) {
        if (!reply) {
            on_end({.fault = EtcdFault::unreachable, .message = reply.error().message});
        } else if (reply->status != 200) {
            const std::string text = error_text(reply->body);
            on_end({.fault = etcd_fault(reply->status, text), .message = at + ": " + text});
        } else {
            on_end({.fault = EtcdFault::unreachable, .message = at + ": the watch has ended"});
        }
    };
    return http_->send(std::move(call),
                       {.on_data = std::move(stream.on_data), .on_done = std::move(done)});
}

void EtcdLink::authenticate(OnReply on_reply) {
    const auto password = read_file(config_.password_file, kMaxPassword);
    if (!password) {
        // Told from within dispatch(), like every other answer.
        const EtcdError error{.fault = EtcdFault::refused, .message = password.error().message};
        http_->send(
            {}, {.on_done = [on_reply, error](const auto&) { on_reply(tl::unexpected(error)); }});
        return;
    }
    authenticated_ = false;
    const std::string word = password->substr(0, password->find_last_not_of("\r\n") + 1);
    call("/v3/auth/authenticate", format_authenticate(config_.username, word),
         [this, on_reply = std::move(on_reply)](auto reply) {
             take_token(std::move(reply), on_reply);
         });
}

void EtcdLink::take_token(tl::expected<std::string, EtcdError> reply, const OnReply& on_reply) {
    token_.clear();
    if (reply) {
        auto token = parse_token(*reply);
        if (!token) {
            on_reply(tl::unexpected(
                EtcdError{.fault = EtcdFault::unreachable,
                          .message = endpoint() + ": authenticate: " + token.error().message}));
            return;
        }
        token_ = std::move(*token);
    } else if (!contains(reply.error().message, kAuthenticationIsOff)) {
        return on_reply(std::move(reply));
    }
    authenticated_ = true;
    on_reply(std::string());
}

}  // namespace wgs
