// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made anew each time.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace wgs::test {

// Both PEM.
struct Identity {
    std::string certificate;
    std::string key;
};

class Authority {
  public:
    explicit Authority(const std::string& name);
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    ~Authority();

    [[nodiscard]] const std::string& certificate() const { return pem_; }
    // For server and client alike; `alternatives` are as in "DNS:localhost" and "IP:127.0.0.1".
    [[nodiscard]] Identity issue(const std::string& name,
                                 const std::vector<std::string>& alternatives = {}) const;
    // The same for a certificate that was valid until yesterday.
    [[nodiscard]] Identity issue_expired(const std::string& name,
                                         const std::vector<std::string>& alternatives = {}) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::string pem_;
};

}  // namespace wgs::test
