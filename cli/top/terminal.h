// SPDX-License-Identifier: Apache-2.0
// The terminal as a screen of lines and a source of keys; the only user of ncurses.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "cli/top/line.h"
#include "cli/top/screen.h"

namespace wgs::cli {

class TopTerminal {
  public:
    // Takes standard input and output until it goes; they must be a terminal. One at a time. An
    // error: its type is not known.
    static Result<std::unique_ptr<TopTerminal>> open();
    ~TopTerminal();
    TopTerminal(const TopTerminal&) = delete;
    TopTerminal& operator=(const TopTerminal&) = delete;

    // What was pressed; waits for the first key so long, or until the size changes. None: the
    // terminal has gone.
    std::optional<std::vector<TopInput>> keys(std::chrono::milliseconds wait);
    [[nodiscard]] TopSize size() const;
    void show(const std::vector<TopLine>& lines);
    [[nodiscard]] static TopLetters letters();

  private:
    struct Screen;
    explicit TopTerminal(std::unique_ptr<Screen> screen);

    std::unique_ptr<Screen> screen_;
    int silent_wakeups_ = 0;
};

}  // namespace wgs::cli
