// SPDX-License-Identifier: Apache-2.0
// The server's side of streams.
#pragma once

#include <microhttpd.h>

#include <functional>
#include <memory>
#include <set>

#include "service/http_stream.h"

namespace wgs {

struct HttpStreaming {
    // Those with a connection. libmicrohttpd must not end while one is suspended.
    std::set<std::shared_ptr<HttpStream>> streams;

    // Is called when a stream has something to send after it had not: libmicrohttpd wakes nobody.
    std::function<void()> resumed;

    // Answers with the stream.
    MHD_Result reply(MHD_Connection* connection, unsigned status, const char* content_type,
                     const std::shared_ptr<HttpStream>& stream);
    // Before the server ends.
    void end_all();

    // Callbacks of libmicrohttpd.
    static ssize_t read(void* reader, std::uint64_t position, char* to, std::size_t size);
    static void free(void* reader);
};

}  // namespace wgs
