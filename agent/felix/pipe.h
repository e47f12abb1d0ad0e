// SPDX-License-Identifier: Apache-2.0
// The two pipes between Felix and its driver.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "felix/frames.h"
#include "felix/messages.h"
#include "felix/outbox.h"

namespace wgs::felix {

class Pipe {
  public:
    // Where Felix leaves them to the driver that it starts.
    static constexpr int kFromFelix = 3;
    static constexpr int kToFelix = 4;

    // Takes both; from then on they do not block, and no process of ours inherits them.
    static Result<Pipe> open(UniqueFd from_felix, UniqueFd to_felix);

    enum class Arrival { bytes, nothing, end };
    // Reads once. Ends the life of frames.
    Result<Arrival> receive();
    // See FrameReader and MessageReader.
    Result<std::optional<std::string_view>> next_frame() { return frames_.next(); }
    Result<Message> decode(std::string_view frame) { return messages_.read(frame); }
    [[nodiscard]] const FrameReader& frames() const { return frames_; }

    [[nodiscard]] Outbox& outbox() { return outbox_; }
    [[nodiscard]] bool empty() const { return outbox_.empty(); }
    Status flush() { return outbox_.flush(to_felix_.get()); }

    // Readable when receive() has something to say.
    [[nodiscard]] int fd() const { return from_felix_.get(); }

  private:
    Pipe(UniqueFd from_felix, UniqueFd to_felix)
        : from_felix_(std::move(from_felix)), to_felix_(std::move(to_felix)) {}

    UniqueFd from_felix_;
    UniqueFd to_felix_;
    FrameReader frames_;
    MessageReader messages_;
    Outbox outbox_;
};

// The first thing that Felix says, for which this waits.
Result<ConfigUpdate> await_configuration(Pipe& pipe);

}  // namespace wgs::felix
