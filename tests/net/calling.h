// SPDX-License-Identifier: Apache-2.0
// Calls of the HTTP client that the test waits for.
#pragma once

#include <gtest/gtest.h>

#include "net/http_client.h"
#include "tests/support/environment.h"

namespace wgs::test {

inline std::unique_ptr<HttpClient> http_client(const TlsOptions& tls = {}) {
    return HttpClient::create(tls).value();
}

// What a call ended with; an error if it did not end in time.
inline Result<HttpReply> call(HttpClient& client, HttpCall request) {
    std::optional<Result<HttpReply>> reply;
    client.send(std::move(request), {.on_done = [&](Result<HttpReply> got) { reply = got; }});
    if (!dispatch_until(
            client, [&] { return reply.has_value(); }, scaled(20s)))
        return make_error(std::errc::timed_out, "the call does not end");
    return *reply;
}

inline Result<HttpReply> get(HttpClient& client, const std::string& url) {
    return call(client, {.url = url});
}

inline std::string error_of(const Result<HttpReply>& reply) {
    return reply ? "status " + std::to_string(reply->status) : reply.error().message;
}

}  // namespace wgs::test
