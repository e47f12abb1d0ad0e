// SPDX-License-Identifier: Apache-2.0
// The screen of `wgsteer top`, made of the model and what the user has pressed. Knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/top/line.h"
#include "cli/top/model.h"
#include "cli/top/peer_page.h"

namespace wgs::cli {

enum class TopKeyCode {
    up,
    down,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    character,  // any other, told beside it
};

struct TopInput {
    TopKeyCode code = TopKeyCode::character;
    char character = '\0';
};

enum class TopAnswer { go_on, leave };

class TopScreen {
  public:
    // Smaller ones show a word about that, and nothing else.
    static constexpr TopSize kSmallest{.columns = 30, .lines = 5};

    TopScreen(TopOrder order, TopLetters letters) : order_(std::move(order)), letters_(letters) {}

    TopAnswer press(TopInput input, const TopModel& model, TopSize size);

    // As many lines as the screen has, none wider than it.
    [[nodiscard]] std::vector<TopLine> draw(const TopModel& model, TopSize size,
                                            std::chrono::seconds now_since_epoch);

    // The peer that is looked into; none: the list is shown.
    [[nodiscard]] TopPeerPage* opened() { return page_ ? &*page_ : nullptr; }
    // Why nothing new is shown; empty: all is well.
    void set_trouble(std::string trouble) { trouble_ = std::move(trouble); }
    [[nodiscard]] bool paused() const { return paused_; }

  private:
    enum class View { list, peer, alarms, help };

    [[nodiscard]] std::vector<TopLine> head(const TopModel& model, TopSize size) const;
    [[nodiscard]] std::size_t head_lines(TopSize size) const;
    [[nodiscard]] std::size_t page_lines(TopSize size) const;
    [[nodiscard]] TopLine footer(std::size_t width) const;
    void append_list(const TopModel& model, TopSize size, std::chrono::seconds now,
                     std::vector<TopLine>& lines);
    void append_text(const TopModel& model, TopSize size, std::chrono::seconds now,
                     std::vector<TopLine>& lines);
    [[nodiscard]] std::vector<TopLine> text(const TopModel& model, std::size_t width,
                                            std::chrono::seconds now) const;
    void keep_position(const std::vector<const TopPeer*>& rows, std::size_t page);
    void move_to(std::ptrdiff_t position, const std::vector<const TopPeer*>& rows);
    void press_in_list(TopInput input, const TopModel& model, std::size_t page);
    void press_in_filter(TopInput input);
    void press_in_text(TopInput input, std::size_t page);
    void press_letter(char letter);
    void show(View view);
    void sort_by(std::size_t sort);

    TopOrder order_;
    TopLetters letters_;
    View view_ = View::list;
    bool typing_ = false;  // the filter
    bool paused_ = false;
    // Where the cursor is, and on whom: a peer is followed when the list is sorted anew, but the
    // first place stays the first place.
    std::size_t position_ = 0;
    std::optional<TopKey> followed_;
    std::size_t first_ = 0;  // row on top
    std::size_t matching_ = 0;
    std::size_t missing_columns_ = 0;
    std::optional<TopPeerPage> page_;
    std::size_t text_first_ = 0;  // line on top
    std::string trouble_;
};

}  // namespace wgs::cli
