// SPDX-License-Identifier: Apache-2.0
#include "felix/frames.h"

#include <algorithm>

namespace wgs::felix {
namespace {

constexpr std::size_t kHeader = 8;
// What a pipe holds: one read empties it.
constexpr std::size_t kRoom = 64 * 1024;

std::uint64_t read_length(std::span<const std::byte, kHeader> header) {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kHeader; ++i)
        length |= std::to_integer<std::uint64_t>(header[i]) << (8 * i);
    return length;
}

}  // namespace

std::span<std::byte> FrameReader::room() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    // Grows with what has arrived, never with what was announced.
    if (buffer_.size() < end_ + kRoom) {
        buffer_.resize(std::max(end_ + kRoom, 2 * end_));
    } else if (end_ == 0 && buffer_.size() > kRoom) {
        buffer_.resize(kRoom);
        buffer_.shrink_to_fit();
    }
    return std::span(buffer_).subspan(end_);
}

void FrameReader::filled(std::size_t count) {
    end_ += count;
}

void FrameReader::skip() {
    const std::uint64_t here = std::min<std::uint64_t>(to_skip_, end_ - begin_);
    begin_ += static_cast<std::size_t>(here);
    to_skip_ -= here;
}

Result<std::optional<std::string_view>> FrameReader::next() {
    while (true) {
        skip();
        if (end_ - begin_ < kHeader) return std::nullopt;
        const std::span<const std::byte> left = std::span(buffer_).subspan(begin_, end_ - begin_);
        const std::uint64_t length = read_length(left.first<kHeader>());
        if (length > kAbsurd) {
            return make_error(std::errc::bad_message,
                              "a message of " + std::to_string(length) + " bytes is announced");
        }
        if (length <= kLargest) {
            if (left.size() - kHeader < length) return std::nullopt;
            begin_ += kHeader + static_cast<std::size_t>(length);
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as characters.
            const auto* payload = reinterpret_cast<const char*>(left.data() + kHeader);
            return std::string_view(payload, static_cast<std::size_t>(length));
        }
        ++skipped_;
        begin_ += kHeader;
        to_skip_ = length;
    }
}

std::string in_frame(std::string_view payload) {
    std::string frame;
    frame.reserve(kHeader + payload.size());
    for (std::size_t i = 0; i < kHeader; ++i)
        frame.push_back(static_cast<char>(payload.size() >> (8 * i) & 0xff));
    return frame.append(payload);
}

}  // namespace wgs::felix
