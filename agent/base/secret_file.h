// SPDX-License-Identifier: Apache-2.0
// Files that hold a secret.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace wgs {

// Text or bytes that are wiped when they go.
class SecretText {
  public:
    explicit SecretText(std::string text) : text_(std::move(text)) {}
    SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    SecretText& operator=(SecretText&& other) noexcept;
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() { wipe(); }

    [[nodiscard]] std::string_view get() const { return text_; }
    // Takes a newline off the end.
    void drop_newline();

  private:
    void wipe();
    std::string text_;
};

enum class Symlinks { refuse, follow };

// The first `limit` bytes of a regular file that belongs to root or to us, and that nobody else may
// touch; anything else is refused. `what` names the secret in messages.
Result<SecretText> read_secret_file(const std::string& path, std::string_view what,
                                    std::size_t limit, Symlinks symlinks);

}  // namespace wgs
