// SPDX-License-Identifier: Apache-2.0
// Network namespaces as values.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace wgs::test {

// A fresh network namespace with its loopback up. Unnamed: the kernel removes it, with everything
// in it, when this object and the last process inside are gone, also if the test is killed.
class NetNamespace {
  public:
    // `label` is for messages only.
    explicit NetNamespace(std::string label);

    [[nodiscard]] const std::string& label() const { return label_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    // A path that `ip link set DEV netns PATH` accepts.
    [[nodiscard]] std::string path() const;

    // Runs lines of `ip` commands (without the leading "ip") and returns what they print.
    std::string ip(const std::string& script) const;
    // `key` is relative to /proc/sys/net, with slashes: "ipv4/ip_forward".
    void sysctl(const std::string& key, const std::string& value) const;
    [[nodiscard]] std::string sysctl(const std::string& key) const;
    // A socket that stays in this namespace whichever thread uses it.
    [[nodiscard]] UniqueFd socket(int domain, int type, int protocol) const;
    // Processes inside whose command name is `name`.
    [[nodiscard]] std::vector<pid_t> processes(const std::string& name) const;
    [[nodiscard]] bool has_link(const std::string& name) const;

  private:
    std::string label_;
    UniqueFd fd_;
};

// Moves the calling thread into a namespace, and back at the end of the scope.
class Within {
  public:
    explicit Within(const NetNamespace& ns);
    ~Within();
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

  private:
    UniqueFd home_;
};

}  // namespace wgs::test
