// SPDX-License-Identifier: Apache-2.0
// The life of the wireguard-go process behind a user-space device.
#include "kernel/userspace_wireguard.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fstream>

#include "expect.h"
#include "kernel/pidfd.h"
#include "own_namespace.h"

namespace wgs::test {
namespace {

constexpr const char* kDevice = "wgtest0";

class UserspaceWireguardTest : public OwnNamespace {
  protected:
    void SetUp() override {
        OwnNamespace::SetUp();
        if (IsSkipped()) return;
        if (!has_tool("wireguard-go")) GTEST_SKIP() << "wireguard-go is not installed";
        device_ = open();
    }

    void TearDown() override {
        if (device_) {
            const Status destroyed = device_->destroy();
            EXPECT_TRUE(destroyed) << destroyed.error().message;
        }
        OwnNamespace::TearDown();
    }

    std::unique_ptr<WireguardBackend> open() {
        return open_wireguard(BackendChoice::userspace,
                              {.device = kDevice, .run_dir = directory(), .private_key = key_})
            .value();
    }

    Status create_with_path(const std::string& path) {
        const char* inherited = std::getenv("PATH");
        const std::string before = inherited ? inherited : "";
        ::setenv("PATH", path.c_str(), 1);
        Status created = device_->create();
        ::setenv("PATH", before.c_str(), 1);
        return created;
    }

    // With a shell script in the place of wireguard-go.
    Status create_with_program(const std::string& script) {
        const auto program = directory() / "wireguard-go";
        std::ofstream(program) << "#!/bin/sh\n" << script << '\n';
        ::chmod(program.c_str(), 0755);
        return create_with_path(directory());
    }

    // The word after `name` in one of the kernel's files.
    static std::string field(const std::string& file, const std::string& name) {
        std::ifstream words(file);
        for (std::string word; words >> word;) {
            if (word == name && words >> word) return word;
        }
        broken(name + " not in " + file);
    }

    static bool readable(int fd, int timeout_ms) {
        pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
        return ::poll(&wait, 1, timeout_ms) == 1;
    }

    [[nodiscard]] std::filesystem::path socket_path() const {
        return directory() / "wireguard" / "wgtest0.sock";
    }

    PrivateKey key_ = PrivateKey::generate();
    std::unique_ptr<WireguardBackend> device_;
};

TEST_F(UserspaceWireguardTest, ProcessFdTellsTheDeathOfTheProcess) {
    EXPECT_EQ(device_->process_fd(), -1);
    ASSERT_OK(device_->create());
    EXPECT_FALSE(readable(device_->process_fd(), 0));
    ASSERT_EQ(::pidfd_send_signal(device_->process_fd(), SIGKILL, nullptr, 0), 0);
    EXPECT_TRUE(readable(device_->process_fd(), 1000));
}

TEST_F(UserspaceWireguardTest, IsCreatedAgainAfterItsProcessWasKilled) {
    ASSERT_OK(device_->create());
    ASSERT_EQ(::pidfd_send_signal(device_->process_fd(), SIGKILL, nullptr, 0), 0);
    ASSERT_TRUE(readable(device_->process_fd(), 1000));
    ASSERT_TRUE(std::filesystem::exists(socket_path())) << "nothing stale to test with";
    ASSERT_OK(device_->create());
    EXPECT_FALSE(readable(device_->process_fd(), 0));
    const auto state = device_->observe();
    ASSERT_OK(state);
    EXPECT_TRUE(state->has_value());
}

TEST_F(UserspaceWireguardTest, OutlivesItsOwnerAndIsAdopted) {
    const pid_t owner = ::fork();
    if (owner == 0) {
        const PeerUpdate update{.public_key = peer_key(1)};
        const bool done = device_->create() && device_->update_peers({&update, 1});
        ::kill(::getpid(), done ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(owner, &status, 0), owner);
    ASSERT_EQ(WTERMSIG(status), SIGKILL) << "the owner did not get as far as to be killed";

    const auto state = device_->observe();
    ASSERT_OK(state);
    EXPECT_TRUE((*state)->sessions.contains(peer_key(1)));
    ASSERT_GE(device_->process_fd(), 0);
    EXPECT_FALSE(readable(device_->process_fd(), 0));
}

TEST_F(UserspaceWireguardTest, ItsSocketsHaveRoomWhileItDoesNotRun) {
    if (!has_tool("ss")) GTEST_SKIP() << "ss is not here";
    ASSERT_OK(device_->create());
    // Without the kernel's udp_diag it has to do with /proc, which does not tell.
    if (tool({"ss", "-lunm"}).find("skmem") == std::string::npos)
        GTEST_SKIP() << "the kernel has no udp_diag";
    for (const std::uint16_t port : {51820, 51821}) {
        ASSERT_OK(device_->configure({.port = port, .fwmark = 0, .mtu = 1420}));
        EXPECT_TRUE(eventually(5s, [&] {
            const auto state = device_->observe();
            const std::string sockets = tool({"ss", "-lunm", "sport = " + std::to_string(port)});
            return state && sockets.find(",rb14680064,") != std::string::npos;
        })) << port;
    }
}

TEST_F(UserspaceWireguardTest, SoDoesItsDevice) {
    ASSERT_OK(device_->create());
    ASSERT_OK(device_->configure({.port = 51820, .fwmark = 0, .mtu = 1420}));
    EXPECT_NE(tool({"ip", "link", "show", kDevice}).find("qlen 2000"), std::string::npos);
}

TEST_F(UserspaceWireguardTest, DestroyLeavesNothingOfAKilledProcess) {
    ASSERT_OK(device_->create());
    ASSERT_EQ(::pidfd_send_signal(device_->process_fd(), SIGKILL, nullptr, 0), 0);
    ASSERT_TRUE(readable(device_->process_fd(), 1000));
    ASSERT_OK(device_->destroy());
    EXPECT_TRUE(std::filesystem::is_empty(directory()));
}

TEST_F(UserspaceWireguardTest, ProcessLeavesTheOwnersSessionAndFiles) {
    ASSERT_OK(device_->create());
    const std::string pid =
        field("/proc/self/fdinfo/" + std::to_string(device_->process_fd()), "Pid:");
    EXPECT_EQ(::getsid(std::stoi(pid)), std::stoi(pid));
    const auto files = std::filesystem::path("/proc") / pid / "fd";
    EXPECT_EQ(std::filesystem::read_symlink(files / "0"), "/dev/null");
    EXPECT_EQ(std::filesystem::read_symlink(files / "1"), "/dev/null");
    EXPECT_EQ(std::filesystem::read_symlink(files / "2").filename(), "wgtest0.log");
}

TEST_F(UserspaceWireguardTest, AProcessThatHangsIsATimeoutAndCanBeDestroyed) {
    ASSERT_OK(device_->create());
    ASSERT_EQ(::pidfd_send_signal(device_->process_fd(), SIGSTOP, nullptr, 0), 0);
    const auto state = device_->observe();
    ASSERT_FALSE(state);
    EXPECT_TRUE(state.error().is(std::errc::timed_out)) << state.error().message;
    ASSERT_OK(device_->destroy());
    EXPECT_FALSE(has_link(kDevice));
}

TEST_F(UserspaceWireguardTest, ATunDeviceOfSomebodyElseIsLeftAlone) {
    ip(std::string("tuntap add mode tun ") + kDevice);
    EXPECT_FALSE(device_->observe());
    EXPECT_FALSE(device_->create());
    EXPECT_FALSE(device_->destroy());
    EXPECT_TRUE(has_link(kDevice));
    ip(std::string("link delete ") + kDevice);
}

TEST_F(UserspaceWireguardTest, AMissingProgramIsNamedWithItsPackage) {
    const Status created = create_with_path("/nonexistent");
    ASSERT_FALSE(created);
    EXPECT_NE(created.error().message.find("Debian package wireguard-go"), std::string::npos);
}

TEST_F(UserspaceWireguardTest, AProgramThatEndsAtOnceIsReportedWithWhatItSaid) {
    const Status created = create_with_program("echo no tunnel today >&2");
    ASSERT_FALSE(created);
    EXPECT_NE(created.error().message.find("no tunnel today"), std::string::npos)
        << created.error().message;
}

TEST_F(UserspaceWireguardTest, TheProgramStartsWithSignalsUnblockedThoughItsOwnerBlocksThem) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    const Status created = create_with_program(
        "while read -r key value; do [ $key != SigBlk: ] || echo blocked $value >&2; done "
        "</proc/self/status");
    ASSERT_EQ(::sigprocmask(SIG_SETMASK, &before, nullptr), 0);
    ASSERT_FALSE(created);
    EXPECT_NE(created.error().message.find("blocked 0000000000000000"), std::string::npos)
        << created.error().message;
}

TEST_F(UserspaceWireguardTest, SocketPathTooLongForTheKernelIsAnError) {
    const auto deep = open_wireguard(
        BackendChoice::userspace,
        {.device = kDevice, .run_dir = directory() / std::string(100, 'x'), .private_key = key_});
    ASSERT_OK(deep);
    const Status created = (*deep)->create();
    ASSERT_FALSE(created);
    EXPECT_TRUE(created.error().is(std::errc::invalid_argument)) << created.error().message;
}

}  // namespace
}  // namespace wgs::test
