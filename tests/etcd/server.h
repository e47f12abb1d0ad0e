// SPDX-License-Identifier: Apache-2.0
// Real etcd servers for a test, on ports of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/workspace.h"

namespace wgs::test {

class EtcdCluster {
  public:
    struct Place {
        const NetNamespace* ns = nullptr;  // none: that of the test
        std::string address = "127.0.0.1";
    };

    explicit EtcdCluster(int members = 1, const Place& place = {nullptr, "127.0.0.1"});
    EtcdCluster(const EtcdCluster&) = delete;
    EtcdCluster& operator=(const EtcdCluster&) = delete;
    ~EtcdCluster() = default;

    // Before start(): speak TLS to clients from now on.
    void use_tls(const Identity& identity, const std::string& authority);

    // Returns when all members serve.
    void start();
    void start_member(int member);
    [[nodiscard]] bool wait_healthy(Millis timeout = 20s) const;
    void kill_member(int member) { members_.at(index(member)).process.reset(); }
    void kill_all();
    void signal(int number) const;
    // SIGSTOP and SIGCONT of one member.
    void signal_member(int member, int number) const;
    // Removes what the members have stored; they must not be running.
    void wipe();

    // Of one member, or of all.
    [[nodiscard]] std::string endpoint(int member = 1) const;
    [[nodiscard]] std::vector<std::string> endpoints() const;

    // `etcdctl ARGUMENTS`; what it prints. Breaks the test if it fails.
    std::string ctl(const std::vector<std::string>& arguments) const;
    // The same for what may be done twice: again, for a while, when it fails, as it does while the
    // members elect a leader.
    std::string ctl_in_the_end(const std::vector<std::string>& arguments) const;
    void put(const std::string& key, const std::string& value) const {
        ctl_in_the_end({"put", key, value});
    }
    void erase(const std::string& key) const { ctl_in_the_end({"del", key}); }
    // Empty if there is no such key.
    [[nodiscard]] std::string get(const std::string& key) const;
    // The revision in which it was changed last; 0: there is no such key.
    [[nodiscard]] std::int64_t revision_of(const std::string& key) const;
    // Everything before the newest revision is forgotten.
    void compact() const;
    // etcdctl speaks to that member only; 0: to any.
    void speak_to(int member) { spoken_to_ = member; }
    // For etcdctl, once authentication is enabled.
    void use_login(const std::string& user) { login_ = user; }

    [[nodiscard]] const Workspace& workspace() const { return workspace_; }
    [[nodiscard]] std::string authority_file() const;

  private:
    struct Member {
        std::string name;
        int client_port = 0;
        int peer_port = 0;
        std::optional<Process> process = {};
    };
    static std::size_t index(int member) { return static_cast<std::size_t>(member - 1); }
    [[nodiscard]] std::string scheme() const { return tls_ ? "https" : "http"; }
    [[nodiscard]] std::string file(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> ctl_options() const;
    [[nodiscard]] Outcome try_ctl(const std::vector<std::string>& arguments) const;

    [[nodiscard]] std::string url(const std::string& scheme, int port) const;
    [[nodiscard]] ProcessOptions in_place() const;

    Place place_;
    Workspace workspace_;
    std::vector<Member> members_;
    bool tls_ = false;
    int spoken_to_ = 0;
    std::string login_;  // USER:PASSWORD
};

}  // namespace wgs::test
