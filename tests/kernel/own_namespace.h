// SPDX-License-Identifier: Apache-2.0
// A test in network namespaces of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/unique_fd.h"

namespace wgs::test {

// Each test starts in a fresh network namespace, with loopback down and a directory of its own.
class OwnNamespace : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
        original_.reset(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
        enter_fresh();
        directory_ = std::filesystem::temp_directory_path() / "wgs-kernel-test-XXXXXX";
        std::string pattern = directory_.native();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }

    void TearDown() override {
        if (!original_) return;
        EXPECT_EQ(::setns(original_.get(), CLONE_NEWNET), 0);
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }

    static void enter_fresh() { ASSERT_EQ(::unshare(CLONE_NEWNET), 0); }

    static UniqueFd current_namespace() {
        return UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    }

    // Runs a command in the current network namespace; it failing fails the test.
    static void run(const std::string& command) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread.
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
    }

    // A device with a carrier and no address.
    static void add_nic(const std::string& name) {
        const std::string far = name + "-far";
        run("ip link add " + name + " type veth peer name " + far);
        for (const std::string& end : {name, far}) {
            run("ip link set " + end + " addrgenmode none && ip link set " + end + " up");
        }
    }

    static bool link_exists(const std::string& name) {
        return std::system(("ip link show dev " + name + " >/dev/null 2>&1").c_str()) == 0;
    }

    std::filesystem::path directory_;

  private:
    UniqueFd original_;
};

}  // namespace wgs::test
