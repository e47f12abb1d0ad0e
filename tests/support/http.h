// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/environment.h"

namespace wgs::test {

struct HttpReply {
    long status = 0;
    std::string body;
};

// GET http://localhost/PATH over a unix socket; none if nobody answers in time.
std::optional<HttpReply> http_get(const std::filesystem::path& socket, const std::string& path,
                                  Millis timeout = 5s);

// GET of a URL, from the network namespace that the calling thread is in.
std::optional<HttpReply> http_get(const std::string& url, Millis timeout = 5s);

}  // namespace wgs::test
