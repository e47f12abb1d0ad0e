// SPDX-License-Identifier: Apache-2.0
// What keys do to the screen of `wgsteer top`.
#include <algorithm>

#include "cli/top/screen.h"

namespace wgs::cli {

TopAnswer TopScreen::press(TopInput input, const TopModel& model, TopSize size) {
    if (typing_) {
        press_in_filter(input);
        return TopAnswer::go_on;
    }
    if (input.code == TopKeyCode::character) {
        if (input.character == 'q') return TopAnswer::leave;
        if (input.character == 'p') paused_ = !paused_;
        if (input.character == 'h' || input.character == '?') show(View::help);
        if (input.character == 'a') show(View::alarms);
        // As in pagers and editors.
        if (input.character == 'k') input.code = TopKeyCode::up;
        if (input.character == 'j') input.code = TopKeyCode::down;
        if (input.character == 'g') input.code = TopKeyCode::home;
        if (input.character == 'G') input.code = TopKeyCode::end;
        if (input.character == ' ') input.code = TopKeyCode::page_down;
    }
    if (view_ == View::list)
        press_in_list(input, model, page_lines(size));
    else
        press_in_text(input, page_lines(size));
    return TopAnswer::go_on;
}

void TopScreen::show(View view) {
    view_ = view;
    text_first_ = 0;
    if (view != View::peer) page_.reset();
}

void TopScreen::sort_by(std::size_t sort) {
    order_.sort = static_cast<TopSort>(sort % kTopSorts);
    // What is first by the new order is what one wants to see.
    position_ = 0;
    followed_.reset();
}

void TopScreen::move_to(std::ptrdiff_t position, const std::vector<const TopPeer*>& rows) {
    const auto last = static_cast<std::ptrdiff_t>(rows.size()) - 1;
    position_ = static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(position, 0, std::max<std::ptrdiff_t>(0, last)));
    followed_.reset();
    if (position_ > 0) followed_ = rows[position_]->key;
}

void TopScreen::press_in_list(TopInput input, const TopModel& model, std::size_t page) {
    const auto rows = model.rows(order_);
    keep_position(rows, page);
    const auto here = static_cast<std::ptrdiff_t>(position_);
    const auto step = static_cast<std::ptrdiff_t>(page);
    switch (input.code) {
        case TopKeyCode::up:
            return move_to(here - 1, rows);
        case TopKeyCode::down:
            return move_to(here + 1, rows);
        case TopKeyCode::page_up:
            return move_to(here - step, rows);
        case TopKeyCode::page_down:
            return move_to(here + step, rows);
        case TopKeyCode::home:
            return move_to(0, rows);
        case TopKeyCode::end:
            return move_to(static_cast<std::ptrdiff_t>(rows.size()) - 1, rows);
        case TopKeyCode::enter:
            if (rows.empty()) return;
            followed_ = rows[position_]->key;
            show(View::peer);
            page_.emplace(rows[position_]->key);
            return;
        case TopKeyCode::escape:
            order_.filter.clear();
            return;
        case TopKeyCode::backspace:
            return;
        case TopKeyCode::character:
            return press_letter(input.character);
    }
}

void TopScreen::press_letter(char letter) {
    const auto sort = static_cast<std::size_t>(order_.sort);
    if (letter == 's') sort_by(sort + 1);
    if (letter == 'S') sort_by(sort + kTopSorts - 1);
    if (letter == 'r') {
        order_.direction = order_.direction == TopDirection::reversed ? TopDirection::as_usual
                                                                      : TopDirection::reversed;
        sort_by(sort);
    }
    if (letter == '/') typing_ = true;
}

void TopScreen::press_in_filter(TopInput input) {
    if (input.code == TopKeyCode::enter || input.code == TopKeyCode::escape) typing_ = false;
    if (input.code == TopKeyCode::escape) order_.filter.clear();
    if (input.code == TopKeyCode::backspace && !order_.filter.empty()) order_.filter.pop_back();
    const bool readable = input.character >= ' ' && input.character <= '~';
    if (input.code == TopKeyCode::character && readable) order_.filter += input.character;
    position_ = 0;
    followed_.reset();
}

// The end of the text is known when it is drawn.
void TopScreen::press_in_text(TopInput input, std::size_t page) {
    switch (input.code) {
        case TopKeyCode::up:
            text_first_ -= std::min<std::size_t>(text_first_, 1);
            return;
        case TopKeyCode::down:
            ++text_first_;
            return;
        case TopKeyCode::page_up:
            text_first_ -= std::min(text_first_, page);
            return;
        case TopKeyCode::page_down:
            text_first_ += page;
            return;
        case TopKeyCode::home:
            text_first_ = 0;
            return;
        case TopKeyCode::end:
            text_first_ = SIZE_MAX / 2;
            return;
        case TopKeyCode::enter:
        case TopKeyCode::escape:
        case TopKeyCode::backspace:
            return show(View::list);
        case TopKeyCode::character:
            return;
    }
}

}  // namespace wgs::cli
