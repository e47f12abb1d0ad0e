// SPDX-License-Identifier: Apache-2.0
// What is to be told to Felix. It never waits for Felix to listen: of each kind only the last word
// is kept.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/ip.h"

namespace wgs::felix {

class Outbox {
  public:
    // An empty key: WireGuard is not in use for this family.
    void tell_key(Family family, std::string public_key);
    void tell_process(std::string iso_timestamp, double uptime);

    // Writes what the pipe takes, which must not block. An error is the end of the pipe.
    Status flush(int fd);
    [[nodiscard]] bool empty() const;

  private:
    struct Process {
        std::string iso_timestamp;
        double uptime = 0;  // seconds
    };
    std::optional<std::string> next_message();

    std::array<std::optional<std::string>, 2> keys_;  // by family
    std::optional<Process> process_;
    std::string frame_;  // of which a part is written, perhaps
    std::size_t written_ = 0;
    std::uint64_t sequence_number_ = 0;
};

}  // namespace wgs::felix
