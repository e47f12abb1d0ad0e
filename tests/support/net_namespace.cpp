// SPDX-License-Identifier: Apache-2.0
#include "tests/support/net_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

UniqueFd open_own_namespace() {
    UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd) broken_call("open the thread's network namespace");
    return fd;
}

std::optional<pid_t> pid_of(const std::filesystem::path& entry) {
    const std::string name = entry.filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return pid;
}

bool same_file(const struct stat& left, const std::filesystem::path& right) {
    struct stat info = {};
    return ::stat(right.c_str(), &info) == 0 && info.st_ino == left.st_ino &&
           info.st_dev == left.st_dev;
}

std::string first_line(const std::filesystem::path& file) {
    std::string line;
    std::ifstream stream(file);
    std::getline(stream, line);
    return line;
}

}  // namespace

NetNamespace::NetNamespace(std::string label) : label_(std::move(label)) {
    const UniqueFd home = open_own_namespace();
    if (::unshare(CLONE_NEWNET) != 0) broken_call("create network namespace " + label_);
    fd_ = open_own_namespace();
    if (::setns(home.get(), CLONE_NEWNET) != 0) broken_call("leave network namespace " + label_);
    ip("link set lo up\n");
}

std::string NetNamespace::path() const {
    return fmt::format("/proc/{}/fd/{}", ::getpid(), fd());
}

std::string NetNamespace::ip(const std::string& script) const {
    const Outcome outcome = run({"ip", "-batch", "-"}, {.ns = this, .input = script});
    if (outcome.exit_code != 0) {
        broken(fmt::format("ip in {}: {}\n{}", label_, outcome.errors, script));
    }
    return outcome.output;
}

void NetNamespace::sysctl(const std::string& key, const std::string& value) const {
    const Within inside(*this);
    std::ofstream file("/proc/sys/net/" + key);
    file << value << std::flush;
    if (!file) broken(fmt::format("sysctl {}={} in {}", key, value, label_));
}

std::string NetNamespace::sysctl(const std::string& key) const {
    const Within inside(*this);
    return first_line("/proc/sys/net/" + key);
}

UniqueFd NetNamespace::socket(int domain, int type, int protocol) const {
    const Within inside(*this);
    UniqueFd fd(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (!fd) broken_call("socket in " + label_);
    return fd;
}

std::vector<pid_t> NetNamespace::processes(const std::string& name) const {
    struct stat own = {};
    if (::fstat(fd(), &own) != 0) broken_call("stat namespace " + label_);
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::optional<pid_t> pid = pid_of(entry.path());
        if (pid && same_file(own, entry.path() / "ns/net") &&
            first_line(entry.path() / "comm") == name) {
            found.push_back(*pid);
        }
    }
    return found;
}

bool NetNamespace::has_link(const std::string& name) const {
    const Within inside(*this);
    return ::if_nametoindex(name.c_str()) != 0;
}

Within::Within(const NetNamespace& ns) : home_(open_own_namespace()) {
    if (::setns(ns.fd(), CLONE_NEWNET) != 0) broken_call("enter network namespace " + ns.label());
}

Within::~Within() {
    // A thread lost in a foreign namespace would spoil every later test.
    if (::setns(home_.get(), CLONE_NEWNET) != 0) std::terminate();
}

}  // namespace wgs::test
