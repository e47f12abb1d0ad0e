// SPDX-License-Identifier: Apache-2.0
// The body of an HTTP response which goes on for as long as somebody writes to it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

struct MHD_Connection;

namespace wgs {

// Shared by the writer and the server, on one thread. The server never waits for a writer, nor a
// writer for the reader: what the reader does not take in time has no room.
class HttpStream {
  public:
    // Holds at most `limit` bytes that the reader has not taken.
    explicit HttpStream(std::size_t limit) : limit_(limit) {}
    ~HttpStream() = default;
    HttpStream(const HttpStream&) = delete;
    HttpStream& operator=(const HttpStream&) = delete;

    // False, and nothing is taken: there is no room, or the stream is closed.
    bool write(std::string_view text);
    // What was written is still sent.
    void end();
    // Whether there may be a reader, as far as the server knows: it notices when it writes.
    [[nodiscard]] bool is_open() const { return !ended_ && !closed_; }

  private:
    friend struct HttpStreaming;

    void wake();

    std::size_t limit_;
    std::string waiting_;
    std::size_t taken_ = 0;  // of `waiting_`
    bool ended_ = false;     // by the writer
    bool closed_ = false;    // by the reader
    MHD_Connection* connection_ = nullptr;
    bool suspended_ = false;
    std::function<void()> resumed_;  // tells the server to take a turn
};

}  // namespace wgs
