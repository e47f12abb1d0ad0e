// SPDX-License-Identifier: Apache-2.0
#include "skeletons/libbpf_log.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>

namespace wgs {
namespace {

// A verifier log can be megabytes; its beginning is of no use, its end says what is wrong.
constexpr std::size_t kKeptBytes = 16384;

thread_local std::string* current_log = nullptr;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (!current_log || level != LIBBPF_WARN) return 0;
    va_list again;
    va_copy(again, arguments);
    const int written = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    std::string line(static_cast<std::size_t>(std::max(written, 0)) + 1, '\0');
    std::vsnprintf(line.data(), line.size(), format, arguments);
    current_log->append(line.c_str());
    if (current_log->size() > kKeptBytes) current_log->erase(0, current_log->size() - kKeptBytes);
    return written;
}

}  // namespace

LibbpfLog::LibbpfLog() {
    current_log = &text_;
    libbpf_set_print(&collect);
}

LibbpfLog::~LibbpfLog() {
    current_log = nullptr;
}

tl::unexpected<Error> LibbpfLog::error(int errnum, std::string_view what) const {
    auto error = os_error(errnum, what);
    if (!text_.empty()) error.value().message.append("\n").append(text_);
    while (error.value().message.ends_with('\n'))
        error.value().message.pop_back();
    return error;
}

}  // namespace wgs
