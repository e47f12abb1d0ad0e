// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>

namespace wgs {
namespace {

namespace fs = std::filesystem;

class Sandbox : public testing::Environment {
  public:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "BPF programs need root";
        ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWNET), 0) << "no private namespaces";
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        std::string pattern = fs::temp_directory_path() / "wgs-bpf-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        // One mount for all: what is made below goes away with it.
        ASSERT_EQ(::mount("wgs-test", directory_.c_str(), "tmpfs", 0, nullptr), 0);
        run_command("ip link set lo up");
    }

    void TearDown() override {
        if (directory_.empty()) return;
        ::umount2(directory_.c_str(), MNT_DETACH);
        fs::remove(directory_);
    }

    fs::path next() { return directory_ / std::to_string(++count_); }

  private:
    fs::path directory_;
    int count_ = 0;
};

// Owned by GoogleTest.
Sandbox* const kSandbox = [] {
    auto* environment = new Sandbox;
    testing::AddGlobalTestEnvironment(environment);
    return environment;
}();

}  // namespace

fs::path new_bpffs_path() {
    return kSandbox->next();
}

void run_command(const std::string& command) {
    // NOLINTNEXTLINE(cert-env33-c): the commands are constants of the tests.
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

unsigned index_of(const std::string& device) {
    const unsigned index = ::if_nametoindex(device.c_str());
    EXPECT_NE(index, 0U) << device;
    return index;
}

}  // namespace wgs
