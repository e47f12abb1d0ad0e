// SPDX-License-Identifier: Apache-2.0
#include "tests/support/workspace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "tests/support/environment.h"

namespace wgs::test {
namespace {

namespace fs = std::filesystem;

fs::path make_directory() {
    std::string name = fmt::format("/tmp/wgst-{}-XXXXXX", ::getpid());
    if (::mkdtemp(name.data()) == nullptr) broken_call("create " + name);
    return name;
}

std::string mark_for(const fs::path& directory) {
    return "WGST_WORKSPACE=" + directory.string();
}

bool carries_mark(const fs::path& process, const fs::path& directory) {
    std::ifstream file(process / "environ", std::ios::binary);
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    std::istringstream entries(environment);
    for (std::string entry; std::getline(entries, entry, '\0');) {
        if (entry == mark_for(directory)) return true;
    }
    return false;
}

bool has_open(const fs::path& process, const fs::path& directory) {
    std::error_code gone;  // processes end while we look
    for (const auto& descriptor : fs::directory_iterator(process / "fd", gone)) {
        const fs::path target = fs::read_symlink(descriptor.path(), gone);
        if (target.native().starts_with(directory.native() + "/")) return true;
    }
    return false;
}

bool kill_users(const fs::path& directory) {
    bool any = false;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 1 || pid == ::getpid() || pid == ::getppid()) continue;
        if (!carries_mark(entry.path(), directory) && !has_open(entry.path(), directory)) continue;
        ::kill(pid, SIGKILL);
        any = true;
    }
    return any;
}

void detach_mounts(const fs::path& directory) {
    std::ifstream mounts("/proc/self/mounts");
    std::vector<std::string> below;
    for (std::string device, target, rest;
         mounts >> device >> target && std::getline(mounts, rest);) {
        if (target.starts_with(directory.string() + "/")) below.push_back(target);
    }
    std::reverse(below.begin(), below.end());
    for (const std::string& target : below)
        ::umount2(target.c_str(), MNT_DETACH);
}

void clean_up(const fs::path& directory) {
    // A process may be born while the others are being killed.
    for (int round = 0; round < 50 && kill_users(directory); ++round)
        ::usleep(10'000);
    detach_mounts(directory);
    std::error_code ignored;  // nobody is left to tell
    fs::remove_all(directory, ignored);
}

[[noreturn]] void guard(int leash, const fs::path& directory) {
    ::setsid();  // an interrupt from the terminal is for the test only
    char byte = 0;
    while (::read(leash, &byte, 1) < 0 && errno == EINTR) {
    }
    clean_up(directory);
    ::_exit(0);
}

}  // namespace

Workspace::Workspace() : directory_(make_directory()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) broken_call("pipe");
    UniqueFd guarded(ends[0]);
    leash_.reset(ends[1]);
    guard_ = ::fork();
    if (guard_ < 0) broken_call("fork the guard");
    if (guard_ == 0) {
        leash_.reset();
        guard(guarded.get(), directory_);
    }
}

Workspace::~Workspace() {
    // A byte, not only the end of file: a later guard has inherited the writing end.
    const char byte = 0;
    static_cast<void>(::write(leash_.get(), &byte, 1));
    leash_.reset();
    ::waitpid(guard_, nullptr, 0);
}

std::string Workspace::mark() const {
    return mark_for(directory_);
}

}  // namespace wgs::test
