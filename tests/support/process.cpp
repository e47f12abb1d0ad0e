// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "tests/support/net_namespace.h"

namespace wgs::test {
namespace {

UniqueFd memory_file(const char* name) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd) broken_call("memfd_create");
    return fd;
}

UniqueFd memory_file_with(const std::string& content) {
    UniqueFd fd = memory_file("input");
    const ssize_t written = ::pwrite(fd.get(), content.data(), content.size(), 0);
    if (written != static_cast<ssize_t>(content.size())) broken_call("write process input");
    return fd;
}

std::string content_of(const UniqueFd& fd) {
    struct stat info = {};
    if (::fstat(fd.get(), &info) != 0) broken_call("stat process output");
    std::string content(static_cast<std::size_t>(info.st_size), '\0');
    const ssize_t count = ::pread(fd.get(), content.data(), content.size(), 0);
    content.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return content;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::string_view name_in(std::string_view entry) {
    return entry.substr(0, entry.find('='));
}

// Each name once: with two of a kind, programs do not agree on which one counts.
std::vector<std::string> environment_with(const std::vector<std::string>& extra) {
    std::vector<std::string> result = extra;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const bool replaced = std::ranges::any_of(
            extra, [&](std::string_view other) { return name_in(other) == name_in(*entry); });
        if (!replaced) result.emplace_back(*entry);
    }
    return result;
}

// Owner of posix_spawn's list of what the child does with its descriptors.
class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    void use(const UniqueFd& fd, int as) {
        ::posix_spawn_file_actions_adddup2(&actions_, fd.get(), as);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

int exit_code_from(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, const ProcessOptions& options)
    : output_(memory_file("output")), errors_(memory_file("errors")) {
    const UniqueFd input = memory_file_with(options.input);
    FileActions actions;
    actions.use(input, STDIN_FILENO);
    actions.use(output_, STDOUT_FILENO);
    actions.use(errors_, STDERR_FILENO);

    std::vector<std::string> arguments = argv;
    std::vector<std::string> environment = environment_with(options.environment);
    std::optional<Within> inside;
    if (options.ns != nullptr) inside.emplace(*options.ns);
    const int error = ::posix_spawnp(&pid_, arguments[0].c_str(), actions.get(), nullptr,
                                     pointers(arguments).data(), pointers(environment).data());
    if (error != 0) {
        errno = error;
        broken_call("start " + arguments[0]);
    }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

Process::~Process() {
    if (pid_ < 0 || !running()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Process::reap_if_ended() {
    if (exit_code_) return;
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended < 0) broken_call(fmt::format("wait for process {}", pid_));
    if (ended == pid_) exit_code_ = exit_code_from(status);
}

bool Process::running() {
    reap_if_ended();
    return !exit_code_;
}

void Process::signal(int number) const {
    // After the process has been reaped its number may belong to somebody else.
    if (!exit_code_ && ::kill(pid_, number) != 0) broken_call(fmt::format("signal {}", pid_));
    // Its threads may run on for a moment, and answer somebody.
    siginfo_t stopped{};
    if (!exit_code_ && number == SIGSTOP)
        ::waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED | WEXITED | WNOWAIT);
}

std::optional<int> Process::wait(Millis timeout) {
    eventually(timeout, [this] { return !running(); });
    return exit_code_;
}

std::string Process::output() const {
    return content_of(output_);
}

std::string Process::errors() const {
    return content_of(errors_);
}

Outcome run(const std::vector<std::string>& argv, const ProcessOptions& options, Millis timeout) {
    Process process(argv, options);
    const std::optional<int> exit_code = process.wait(timeout);
    if (!exit_code)
        broken(fmt::format("{} did not end\n{}", fmt::join(argv, " "), process.errors()));
    return Outcome{.exit_code = *exit_code, .output = process.output(), .errors = process.errors()};
}

}  // namespace wgs::test
