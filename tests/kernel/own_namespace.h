// SPDX-License-Identifier: Apache-2.0
// A test which runs in a network namespace and a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/environment.h"
#include "tests/support/net_namespace.h"
#include "tests/support/process.h"
#include "tests/support/workspace.h"

namespace wgs::test {

class OwnNamespace : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
        place_ = std::make_unique<Place>();
    }

    [[nodiscard]] const std::filesystem::path& directory() const {
        return place_->workspace.directory();
    }

    // Lines of `ip` commands, without the leading "ip".
    void ip(const std::string& script) const { place_->ns.ip(script); }

    // Another tool, in the same namespace; what it printed.
    std::string tool(const std::vector<std::string>& argv) const {
        const Outcome outcome = run(argv, {.ns = &place_->ns});
        if (outcome.exit_code != 0) broken(argv.front() + ": " + outcome.errors);
        return outcome.output;
    }

    // A device with a carrier and no address.
    void add_nic(const std::string& name) const {
        const std::string far = name + "-far";
        ip("link add " + name + " type veth peer name " + far);
        for (const std::string& end : {name, far}) {
            ip("link set " + end + " addrgenmode none\nlink set " + end + " up");
        }
    }

    [[nodiscard]] bool has_link(const std::string& name) const { return place_->ns.has_link(name); }

  private:
    struct Place {
        Workspace workspace;
        NetNamespace ns{"own"};
        Within inside{ns};
    };
    std::unique_ptr<Place> place_;
};

}  // namespace wgs::test
