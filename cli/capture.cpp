// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "output.h"
#include "pcapng.h"

namespace wgs::cli {
namespace {

constexpr unsigned kLargestSnapshot = 16384;

bool leaves(const std::string& hook) {
    return hook == "nic_out" || hook == "pod_out" || hook == "leak_watch";
}

std::string comment_on(const Event& event) {
    std::string text = event.verdict + ": " + event.reason;
    if (!event.peer.empty()) text += ", peer " + event.peer;
    return text + ", at " + event.hook + " of " + event.device;
}

CapturedPacket to_packet(const Event& event) {
    return {.time_ns = event.time_ns,
            .device = event.device,
            .hook = event.hook,
            .direction = leaves(event.hook) ? PacketDirection::out : PacketDirection::in,
            .bytes = event.snapshot,
            .length = event.length,
            .comment = comment_on(event)};
}

int capture_to(int file, const Client& client, const EventOptions& options) {
    Pcapng format;
    std::uint64_t packets = 0;
    int failed = write_all(file, Pcapng::header()) ? 0 : errno;
    const int code =
        failed != 0 ? kExitFine : read_events(client, options, [&](const Event& event, auto) {
            if (event.source.empty()) return true;  // not IP
            failed = write_all(file, format.packet(to_packet(event))) ? 0 : errno;
            packets += failed == 0 ? 1 : 0;
            return failed == 0;
        });
    if (failed != 0 && failed != EPIPE)
        return fail(kExitBad, std::string("write: ") + std::strerror(failed));
    if (code == kExitFine)
        std::fputs(fmt::format("wgsteer: {} packets captured\n", packets).c_str(), stderr);
    return code;
}

}  // namespace

void add_capture_options(CLI::App& app, CaptureOptions& options) {
    add_event_options(app, options.events);
    app.add_option("-w,--write", options.file, "File; - for standard output")->required();
    app.add_option("--snaplen", options.snaplen, "Bytes of each packet")
        ->check(CLI::Range(1U, kLargestSnapshot))
        ->capture_default_str();
}

int capture(const Client& client, CaptureOptions options) {
    end_on_signals();
    options.events.query["snaplen"] = std::to_string(options.snaplen);
    if (options.file == "-") {
        if (::isatty(STDOUT_FILENO) == 1)
            return fail(kExitUsage, "a capture is no text for a terminal: use -w FILE, or a pipe");
        return capture_to(STDOUT_FILENO, client, options.events);
    }
    const UniqueFd file(
        ::open(options.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return fail(kExitUsage, options.file + ": " + std::strerror(errno));
    return capture_to(file.get(), client, options.events);
}

}  // namespace wgs::cli
