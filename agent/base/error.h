// SPDX-License-Identifier: Apache-2.0
// Recoverable errors as values: Result<T>, Status, and the macro that passes them up.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace wgs {

// What failed, and on which object. `code` is for decisions, `message` for people; the message
// names the operation and its object and is complete without the code's text.
struct Error {
    std::error_code code;
    std::string message;

    // Puts the outer operation in front: "adopt tunnel: read wgsteer0: Permission denied".
    [[nodiscard]] Error within(std::string_view operation) && {
        message.insert(0, ": ").insert(0, operation);
        return std::move(*this);
    }
    [[nodiscard]] bool is(std::errc condition) const { return code == condition; }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;
    // NOLINTNEXTLINE(google-explicit-constructor): the base is what the monadic members return.
    Result(tl::expected<T, Error> base) : tl::expected<T, Error>(std::move(base)) {}

    // The same result, its error prefixed with the outer operation.
    [[nodiscard]] Result within(std::string_view operation) && {
        if (!this->has_value()) this->error() = std::move(this->error()).within(operation);
        return std::move(*this);
    }
};

using Status = Result<void>;

// An error of the operating system; pass errno as captured right after the failed call.
[[nodiscard]] inline tl::unexpected<Error> os_error(int errnum, std::string_view what) {
    const std::error_code code(errnum, std::generic_category());
    return tl::unexpected(
        Error{.code = code, .message = std::string(what) + ": " + code.message()});
}

// An error which no system call reported: bad input, a broken protocol, a rule of ours.
[[nodiscard]] inline tl::unexpected<Error> make_error(std::errc condition, std::string what) {
    return tl::unexpected(
        Error{.code = std::make_error_code(condition), .message = std::move(what)});
}

[[nodiscard]] inline tl::unexpected<Error> invalid(std::string what) {
    return make_error(std::errc::invalid_argument, std::move(what));
}

}  // namespace wgs

// Evaluates a Result; on error returns that error from the enclosing function, else yields the
// value.
#define WGS_TRY(expression)                                                                        \
    __extension__({                                                                                \
        auto wgs_result = (expression);                                                            \
        if (!wgs_result) return ::tl::unexpected(std::move(wgs_result).error());                   \
        ::wgs::detail::unwrap(std::move(wgs_result));                                              \
    })

namespace wgs::detail {
template <class T>
T unwrap(Result<T>&& result) {
    return std::move(*result);
}
inline void unwrap(Result<void>&&) {}
}  // namespace wgs::detail
