// SPDX-License-Identifier: Apache-2.0
// Felix's framing: 8 bytes of length, little endian, then that many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace wgs::felix {

// Cuts a stream into frames, at memory for one frame and what was read with it.
class FrameReader {
  public:
    // A larger frame is passed over: nothing that concerns us comes near this size.
    static constexpr std::uint64_t kLargest = std::uint64_t{16} << 20;
    // Protobuf has no messages beyond this: it was never a length.
    static constexpr std::uint64_t kAbsurd = std::uint64_t{2} << 30;

    // Where the next bytes of the stream go; not empty. Ends the life of frames.
    std::span<std::byte> room();
    // So many of them have been written.
    void filled(std::size_t count);

    // The next whole frame, valid until room(); none: more bytes are needed. After an error the
    // borders of frames are lost for good.
    Result<std::optional<std::string_view>> next();

    // Whether the stream could end here.
    [[nodiscard]] bool at_border() const { return begin_ == end_ && to_skip_ == 0; }
    // Frames passed over so far.
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

  private:
    void skip();

    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;  // of what has not been handed out
    std::size_t end_ = 0;
    std::uint64_t to_skip_ = 0;  // bytes of a frame that is passed over
    std::uint64_t skipped_ = 0;
};

// The frame around `payload`.
[[nodiscard]] std::string in_frame(std::string_view payload);

}  // namespace wgs::felix
