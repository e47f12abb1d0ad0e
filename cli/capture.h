// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "client.h"
#include "event_reader.h"

namespace wgs::cli {

struct CaptureOptions {
    EventOptions events;
    std::string file;  // "-": standard output
    std::uint32_t snaplen = 2048;
};

void add_capture_options(CLI::App& app, CaptureOptions& options);

// Writes packets as pcapng. The exit code of the command.
int capture(const Client& client, CaptureOptions options);

}  // namespace wgs::cli
