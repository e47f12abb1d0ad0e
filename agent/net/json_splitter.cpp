// SPDX-License-Identifier: Apache-2.0
#include "net/json_splitter.h"

#include "base/text.h"

namespace wgs {

Status JsonSplitter::feed(std::string_view data, const Take& take) {
    if (failure_) failure_ = split(data, take);
    return failure_;
}

Status JsonSplitter::split(std::string_view data, const Take& take) {
    while (true) {
        if (depth_ == 0) {
            const std::size_t begin = data.find_first_not_of(" \t\r\n");
            if (begin == std::string_view::npos) return {};
            data.remove_prefix(begin);
            if (data.front() != '{')
                return invalid("not a JSON object: " + in_quotes(data.substr(0, 32)));
        }
        const std::size_t end = find_end(data);
        const std::string_view part = data.substr(0, end);
        if (part.size() > limit_ - begun_.size())
            return invalid("a JSON document of more than " + std::to_string(limit_) + " bytes");
        if (end == std::string_view::npos) {
            begun_ += part;
            return {};
        }
        // One that came in one piece is not copied.
        if (begun_.empty()) {
            WGS_TRY(take(part));
        } else {
            const std::string document = std::exchange(begun_, {}).append(part);
            WGS_TRY(take(document));
        }
        data.remove_prefix(end);
    }
}

std::size_t JsonSplitter::find_end(std::string_view data) {
    for (std::size_t i = 0; i < data.size(); ++i) {
        const char c = data[i];
        if (escaped_) {
            escaped_ = false;
        } else if (in_string_) {
            escaped_ = c == '\\';
            in_string_ = c != '"';
        } else if (c == '"') {
            in_string_ = true;
        } else if (c == '{') {
            ++depth_;
        } else if (c == '}' && --depth_ == 0) {
            return i + 1;
        }
    }
    return std::string_view::npos;
}

}  // namespace wgs
