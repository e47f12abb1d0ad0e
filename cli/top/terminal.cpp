// SPDX-License-Identifier: Apache-2.0
#include "cli/top/terminal.h"

#include <langinfo.h>
#include <ncurses.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/event.h"

namespace wgs::cli {
namespace {

// In which the rest of a key's sequence comes after its Esc.
constexpr int kEscapeMs = 50;
// Input that is there, but never a key: the other end has gone without a word.
constexpr int kSilentWakeups = 50;

enum Pair : short { kGood = 1, kWarning, kBad };

void use_colours() {
    if (colour_of_stdout() == Colour::off || !::has_colors()) return;
    ::start_color();
    // Not every terminal can tell its own background.
    const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
    ::init_pair(kGood, COLOR_GREEN, background);
    ::init_pair(kWarning, COLOR_YELLOW, background);
    ::init_pair(kBad, COLOR_RED, background);
}

attr_t attributes(TopStyle style) {
    switch (style) {
        case TopStyle::plain:
            return A_NORMAL;
        case TopStyle::bold:
            return A_BOLD;
        case TopStyle::reverse:
            return A_REVERSE;
        case TopStyle::good:
            return COLOR_PAIR(kGood);
        case TopStyle::warning:
            return COLOR_PAIR(kWarning);
        case TopStyle::bad:
            return COLOR_PAIR(kBad) | A_BOLD;
    }
    return A_NORMAL;
}

TopInput input_of(int code) {
    switch (code) {
        case KEY_UP:
            return {.code = TopKeyCode::up};
        case KEY_DOWN:
            return {.code = TopKeyCode::down};
        case KEY_PPAGE:
            return {.code = TopKeyCode::page_up};
        case KEY_NPAGE:
            return {.code = TopKeyCode::page_down};
        case KEY_HOME:
            return {.code = TopKeyCode::home};
        case KEY_END:
            return {.code = TopKeyCode::end};
        case '\n':
        case '\r':
        case KEY_ENTER:
            return {.code = TopKeyCode::enter};
        case '\033':
            return {.code = TopKeyCode::escape};
        case KEY_BACKSPACE:
        case '\177':
        case '\b':
            return {.code = TopKeyCode::backspace};
        default:
            return {.character = code > 0 && code < 128 ? static_cast<char>(code) : '\0'};
    }
}

}  // namespace

struct TopTerminal::Screen {
    SCREEN* handle;
};

Result<std::unique_ptr<TopTerminal>> TopTerminal::open() {
    SCREEN* handle = ::newterm(nullptr, stdout, stdin);
    if (handle == nullptr) {
        const char* type = std::getenv("TERM");
        return invalid(std::string("this terminal is not known, TERM=") +
                       (type != nullptr ? type : ""));
    }
    return std::unique_ptr<TopTerminal>(
        new TopTerminal(std::make_unique<Screen>(Screen{.handle = handle})));
}

TopTerminal::TopTerminal(std::unique_ptr<Screen> screen) : screen_(std::move(screen)) {
    ::cbreak();
    ::noecho();
    ::curs_set(0);
    ::keypad(stdscr, TRUE);
    ::nodelay(stdscr, TRUE);
    ::set_escdelay(kEscapeMs);
    use_colours();
}

TopTerminal::~TopTerminal() {
    ::endwin();
    ::delscreen(screen_->handle);
}

std::optional<std::vector<TopInput>> TopTerminal::keys(std::chrono::milliseconds wait) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&input, 1, static_cast<int>(wait.count()));
    if (ready > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return std::nullopt;
    std::vector<TopInput> keys;
    bool any = false;
    for (int code = ::getch(); code != ERR; code = ::getch()) {
        any = true;
        if (code != KEY_RESIZE) keys.push_back(input_of(code));
    }
    silent_wakeups_ = ready > 0 && !any ? silent_wakeups_ + 1 : 0;
    if (silent_wakeups_ == kSilentWakeups) return std::nullopt;
    return keys;
}

TopSize TopTerminal::size() const {
    return {.columns = static_cast<std::size_t>(std::max(1, COLS)),
            .lines = static_cast<std::size_t>(std::max(1, LINES))};
}

void TopTerminal::show(const std::vector<TopLine>& lines) {
    ::erase();
    for (std::size_t y = 0; y < lines.size(); ++y) {
        ::move(static_cast<int>(y), 0);
        for (const TopSpan& span : lines[y]) {
            ::attrset(static_cast<int>(attributes(span.style)));
            ::addstr(span.text.c_str());
        }
    }
    ::attrset(A_NORMAL);
    ::refresh();
}

TopLetters TopTerminal::letters() {
    const bool utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
    return utf8 ? TopLetters::utf8 : TopLetters::ascii;
}

}  // namespace wgs::cli
