// SPDX-License-Identifier: Apache-2.0
// Felix as the parent of a driver: starts it with the two pipes, and speaks to it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/felix_wire.h"
#include "tests/support/net_namespace.h"
#include "tests/support/process.h"

namespace wgs::test {

// The two pipes between Felix and its driver. They have names: a shell puts them where Felix would.
class FelixPipes {
  public:
    explicit FelixPipes(const std::filesystem::path& directory);

    // What runs the driver with them, argv[0] first.
    [[nodiscard]] std::vector<std::string> command() const;
    // Whether all was written: waits while the pipe is full, up to a minute.
    [[nodiscard]] bool write(std::string_view frames) const;
    // What has come and was not read yet.
    [[nodiscard]] std::string read() const;
    void close();

  private:
    std::filesystem::path in_;
    std::filesystem::path out_;
    UniqueFd to_driver_;
    UniqueFd from_driver_;
};

struct FelixParentOptions {
    const NetNamespace* ns = nullptr;
    std::filesystem::path directory;  // for the pipes
    std::filesystem::path config;     // of the driver
    std::string mark;                 // Workspace::mark()
};

class FelixParent {
  public:
    // The driver runs when this returns, and has been told nothing.
    FelixParent(FelixParentOptions options, Generation generation);

    [[nodiscard]] FelixSpeaker& speaker() { return speaker_; }
    // Waits while the pipe is full; breaks the test when that lasts.
    void say(std::string_view frames);
    // The last key the driver has told for this IP version; none: none within the time.
    std::optional<std::string> key(std::uint64_t ip_version = 4, Millis timeout = 20s);
    // Everything it has said so far.
    DriverWords heard();

    // Closes the pipes, as when Felix is killed; the driver's exit code.
    std::optional<int> hang_up();
    // The driver's exit code, once it has ended by itself.
    std::optional<int> wait(Millis timeout = 15s) { return driver_->wait(timeout); }
    void kill9() { driver_.reset(); }
    [[nodiscard]] bool running() { return driver_ && driver_->running(); }
    [[nodiscard]] pid_t pid() const { return driver_->pid(); }
    [[nodiscard]] std::string log() const { return driver_->output() + driver_->errors(); }

  private:
    FelixPipes pipes_;
    std::optional<Process> driver_;
    FelixSpeaker speaker_;
    std::string words_;
};

}  // namespace wgs::test
