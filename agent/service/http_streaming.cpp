// SPDX-License-Identifier: Apache-2.0
#include "service/http_streaming.h"

#include <algorithm>
#include <cstring>

namespace wgs {
namespace {

constexpr std::size_t kBlock = 64 * 1024;  // bytes that libmicrohttpd asks for at once

struct Reader {
    HttpStreaming& streaming;
    std::shared_ptr<HttpStream> stream;
};

}  // namespace

bool HttpStream::write(std::string_view text) {
    if (!is_open() || waiting_.size() - taken_ + text.size() > limit_) return false;
    if (taken_ > limit_ / 2 || taken_ == waiting_.size()) {
        waiting_.erase(0, taken_);
        taken_ = 0;
    }
    waiting_ += text;
    wake();
    return true;
}

void HttpStream::end() {
    ended_ = true;
    wake();
}

void HttpStream::wake() {
    if (!suspended_) return;
    suspended_ = false;
    MHD_resume_connection(connection_);
    resumed_();
}

ssize_t HttpStreaming::read(void* reader, std::uint64_t, char* to, std::size_t size) {
    HttpStream& stream = *static_cast<Reader*>(reader)->stream;
    const std::size_t count = std::min(size, stream.waiting_.size() - stream.taken_);
    if (count == 0 && stream.ended_) return MHD_CONTENT_READER_END_OF_STREAM;
    if (count == 0) {
        stream.suspended_ = true;
        MHD_suspend_connection(stream.connection_);
        return 0;
    }
    std::memcpy(to, stream.waiting_.data() + stream.taken_, count);
    stream.taken_ += count;
    return static_cast<ssize_t>(count);
}

void HttpStreaming::free(void* reader) {
    const std::unique_ptr<Reader> owned(static_cast<Reader*>(reader));
    owned->stream->closed_ = true;
    owned->stream->suspended_ = false;
    owned->streaming.streams.erase(owned->stream);
}

MHD_Result HttpStreaming::reply(MHD_Connection* connection, unsigned status,
                                const char* content_type,
                                const std::shared_ptr<HttpStream>& stream) {
    auto reader = std::make_unique<Reader>(Reader{*this, stream});
    MHD_Response* message =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &read, reader.get(), &free);
    if (message == nullptr) {
        stream->closed_ = true;
        return MHD_NO;
    }
    static_cast<void>(reader.release());  // free() has it now
    stream->connection_ = connection;
    stream->resumed_ = resumed;
    streams.insert(stream);
    // A reader may take its time.
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    MHD_add_response_header(message, "Content-Type", content_type);
    const MHD_Result queued = MHD_queue_response(connection, status, message);
    MHD_destroy_response(message);
    return queued;
}

void HttpStreaming::end_all() {
    for (const auto& stream : streams)
        stream->end();
}

}  // namespace wgs
