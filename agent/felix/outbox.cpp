// SPDX-License-Identifier: Apache-2.0
#include "felix/outbox.h"

#include <unistd.h>

#include <utility>

#include "felix/frames.h"
#include "felix/messages.h"

namespace wgs::felix {

void Outbox::tell_key(Family family, std::string public_key) {
    keys_[family == Family::v4 ? 0 : 1] = std::move(public_key);
}

void Outbox::tell_process(std::string iso_timestamp, double uptime) {
    process_ = Process{.iso_timestamp = std::move(iso_timestamp), .uptime = uptime};
}

bool Outbox::empty() const {
    return frame_.empty() && !keys_[0] && !keys_[1] && !process_;
}

std::optional<std::string> Outbox::next_message() {
    for (const Family family : {Family::v4, Family::v6}) {
        auto& key = keys_[family == Family::v4 ? 0 : 1];
        if (!key) continue;
        std::string message = wireguard_status(family, *key, ++sequence_number_);
        key.reset();
        return message;
    }
    if (!process_) return std::nullopt;
    const Process process = *std::exchange(process_, std::nullopt);
    return process_status(process.iso_timestamp, process.uptime, ++sequence_number_);
}

Status Outbox::flush(int fd) {
    while (true) {
        if (frame_.empty()) {
            const auto message = next_message();
            if (!message) return {};
            frame_ = in_frame(*message);
            written_ = 0;
        }
        const ssize_t count = ::write(fd, frame_.data() + written_, frame_.size() - written_);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return {};
        if (count < 0) return os_error(errno, "write to Felix");
        written_ += static_cast<std::size_t>(count);
        if (written_ == frame_.size()) frame_.clear();
    }
}

}  // namespace wgs::felix
