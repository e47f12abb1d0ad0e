// SPDX-License-Identifier: Apache-2.0
// Requests to the agent's control socket.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wgs::cli {

struct Reply {
    long status = 0;  // of HTTP
    std::string body;
};

// What a reply that is not a success says went wrong.
std::string error_text(const Reply& reply);

class Client {
  public:
    static constexpr std::chrono::seconds kPatience{30};

    // `patience` is with one answer.
    explicit Client(std::string socket, std::chrono::seconds patience = kPatience)
        : socket_(std::move(socket)), patience_(patience) {}

    // Any error means that the agent did not answer. Values are encoded here.
    [[nodiscard]] Result<Reply> get(const std::string& path,
                                    const std::map<std::string, std::string>& query = {}) const;
    // The same, unless `go_on`, which is asked ten times a second, gives it up
    // (operation_canceled).
    [[nodiscard]] Result<Reply> get(const std::string& path,
                                    const std::map<std::string, std::string>& query,
                                    const std::function<bool()>& go_on) const;
    [[nodiscard]] Result<Reply> post(const std::string& path) const;
    // Gives the lines of an answer without end to `use`, until that or `go_on`, which is asked a
    // few times a second, says false. An error as well: the agent ended it. The reply has the body
    // of an answer that is no success.
    [[nodiscard]] Result<Reply> stream(const std::string& path,
                                       const std::map<std::string, std::string>& query,
                                       const std::function<bool(std::string_view)>& use,
                                       const std::function<bool()>& go_on) const;
    [[nodiscard]] const std::string& socket() const { return socket_; }

  private:
    [[nodiscard]] Result<Reply> request(const std::string& url, bool is_post) const;
    std::string socket_;
    std::chrono::seconds patience_;
};

}  // namespace wgs::cli
