// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of bytes into JSON documents.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs {

// The documents are objects, one after the other, with or without white space in between. Whether
// one is well-formed is for its parser to say; here only braces and strings count.
class JsonSplitter {
  public:
    using Take = std::function<Status(std::string_view document)>;

    // A document of more than `limit` bytes is an error.
    explicit JsonSplitter(std::size_t limit) : limit_(limit) {}

    // Gives every document that `data` completes to `take`, in order; the text is borrowed, and may
    // not outlive the call. Its errors are passed on. After an error nothing is taken any more: the
    // same error comes again.
    Status feed(std::string_view data, const Take& take);

    // Whether the stream may end here: no document is begun.
    [[nodiscard]] bool at_boundary() const { return depth_ == 0; }

  private:
    Status split(std::string_view data, const Take& take);
    // The offset after the end of the document that is begun, or npos.
    std::size_t find_end(std::string_view data);

    std::size_t limit_;
    std::string begun_;
    std::size_t depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
    Status failure_;
};

}  // namespace wgs
