// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard_go.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>
#include <utility>

#include "base/file.h"
#include "kernel/pidfd.h"
#include "kernel/wireguard_text.h"

namespace wgs {
namespace {

using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

constexpr const char* kProgram = "wireguard-go";
constexpr const char* kSocketDirectory =
    "/var/run/wireguard";  // fixed in wireguard-go, ipc/uapi_unix.go
constexpr std::chrono::seconds kShortestPatience{2};
constexpr std::chrono::seconds kLongestPatience{8};
constexpr milliseconds kStartTimeout{3000};
constexpr milliseconds kEndTimeout{1000};
constexpr milliseconds kPollInterval{10};
constexpr std::size_t kLargestAnswer = 256U << 20U;
// As wireguard-go takes itself since 2023 (conn/controlfns.go); the kernel's default holds 250
// small packets, which arrive while another process has its turn.
constexpr int kReceiveBuffer = 7 << 20;
constexpr int kDescriptors = 64;  // it opens a dozen

Result<sockaddr_un> socket_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.size() >= sizeof(address.sun_path)) return invalid("socket path too long: " + text);
    text.copy(address.sun_path, text.size());
    return address;
}

Status limit_waiting(int socket, std::chrono::seconds patience, const std::filesystem::path& path) {
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        if (::setsockopt(socket, SOL_SOCKET, direction, &limit, sizeof(limit)) != 0) {
            return os_error(errno, "set timeout on " + path.native());
        }
    }
    return {};
}

Result<std::filesystem::path> find_program() {
    const char* configured = std::getenv("PATH");
    std::istringstream path(configured != nullptr ? configured : "/usr/sbin:/usr/bin:/sbin:/bin");
    for (std::string directory; std::getline(path, directory, ':');) {
        std::filesystem::path candidate = std::filesystem::path(directory) / kProgram;
        if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return make_error(std::errc::no_such_file_or_directory,
                      "wireguard-go not found in PATH: install the Debian package wireguard-go");
}

Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0) {
    UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!file) return os_error(errno, "open " + path.native());
    return file;
}

Status make_directory(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return os_error(error.value(), "create " + path.native());
    return {};
}

// What the new process needs, made before the fork: after it only async-signal-safe calls are
// allowed.
struct Launch {
    const char* program;
    const char* name;
    const char* directory;
    int null_file;
    int log_file;
    int failure_pipe;
};

void reset_signals() {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
}

// A mount namespace whose /var/run/wireguard is our directory. Slave and not private: what is
// unmounted outside must not stay busy in here.
bool enter_own_mounts(const char* directory) {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
           ::mount(directory, kSocketDirectory, nullptr, MS_BIND, nullptr) == 0;
}

bool redirect_streams(const Launch& launch) {
    return ::dup2(launch.null_file, STDIN_FILENO) >= 0 &&
           ::dup2(launch.null_file, STDOUT_FILENO) >= 0 &&
           ::dup2(launch.log_file, STDERR_FILENO) >= 0 &&
           ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

[[noreturn]] void run(const Launch& launch) {
    reset_signals();
    if (::setsid() >= 0 && ::chdir("/") == 0 && enter_own_mounts(launch.directory) &&
        redirect_streams(launch)) {
        const char* const arguments[] = {kProgram, "-f", launch.name, nullptr};
        // The variable keeps its banner out of the log.
        const char* const environment[] = {"WG_PROCESS_FOREGROUND=1", nullptr};
        ::execve(launch.program, const_cast<char**>(arguments), const_cast<char**>(environment));
    }
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(launch.failure_pipe, &error, sizeof(error));
    ::_exit(EXIT_FAILURE);
}

// Whether the process has ended within `limit`; reaps it if it is our child.
bool has_ended(int process, milliseconds limit) {
    pollfd wait{.fd = process, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return false;
    siginfo_t info;
    ::waitid(P_PIDFD, static_cast<id_t>(process), &info, WEXITED | WNOHANG);
    return true;
}

// Blocks until the process has replaced itself by the program, or tells why it could not.
Status await_exec(int failure_pipe, const std::filesystem::path& program) {
    int error = 0;
    ssize_t size = 0;
    do {
        size = ::read(failure_pipe, &error, sizeof(error));
    } while (size < 0 && errno == EINTR);
    if (size != 0) return os_error(size > 0 ? error : errno, "start " + program.native());
    return {};
}

bool is_udp_socket(int fd) {
    int protocol = 0;
    socklen_t size = sizeof(protocol);
    return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
           protocol == IPPROTO_UDP;
}

Status send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return os_error(errno == EAGAIN ? ETIMEDOUT : errno, "write to wireguard-go");
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return {};
}

// Appends to `answer` what one read gives; false at the end of the stream.
Result<bool> receive_some(int socket, std::string& answer) {
    std::array<char, 16384> chunk;
    const ssize_t size = ::recv(socket, chunk.data(), chunk.size(), 0);
    if (size < 0 && errno == EINTR) return true;
    if (size < 0) return os_error(errno == EAGAIN ? ETIMEDOUT : errno, "read from wireguard-go");
    answer.append(chunk.data(), static_cast<std::size_t>(size));
    sodium_memzero(chunk.data(), static_cast<std::size_t>(size));
    return size > 0;
}

Result<std::string> receive_answer(int socket) {
    std::string answer;
    while (!answer.ends_with("\n\n")) {
        if (!WGS_TRY(receive_some(socket, answer))) {
            return make_error(std::errc::connection_reset, "wireguard-go closed its socket");
        }
        if (answer.size() > kLargestAnswer) {
            return make_error(std::errc::message_size, "wireguard-go's answer is too long");
        }
    }
    return answer;
}

}  // namespace

WireguardGo::WireguardGo(std::string name, std::filesystem::path directory)
    : name_(std::move(name)),
      directory_(std::move(directory)),
      socket_(directory_ / (name_ + ".sock")),
      log_(directory_ / (name_ + ".log")),
      patience_(kShortestPatience) {}

Result<UniqueFd> WireguardGo::connect() const {
    const sockaddr_un address = WGS_TRY(socket_address(socket_));
    UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connection) return os_error(errno, "open a socket");
    WGS_TRY(limit_waiting(connection.get(), patience_, socket_));
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
        const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        return os_error(nobody ? ESRCH : errno, "connect to " + socket_.native());
    }
    return connection;
}

Status WireguardGo::adopt() {
    if (process_ && !has_ended(process_.get(), milliseconds(0))) return {};
    process_.reset();
    const UniqueFd connection = WGS_TRY(connect());
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return os_error(errno, "read the owner of " + socket_.native());
    }
    process_.reset(::pidfd_open(peer.pid, 0));
    if (!process_) return os_error(errno, "open process " + std::to_string(peer.pid));
    return {};
}

Status WireguardGo::start() {
    WGS_TRY(make_directory(directory_));
    WGS_TRY(make_directory(kSocketDirectory));
    process_ = WGS_TRY(launch());
    Status status = await_answer();
    if (!status) WGS_TRY(stop());
    return status;
}

Result<UniqueFd> WireguardGo::launch() const {
    const std::filesystem::path program = WGS_TRY(find_program());
    const UniqueFd null_file = WGS_TRY(open_file("/dev/null", O_RDWR));
    const UniqueFd log_file = WGS_TRY(open_file(log_, O_WRONLY | O_APPEND | O_CREAT, 0640));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error(errno, "open a pipe");
    const UniqueFd failure_reader(ends[0]);
    UniqueFd failure_writer(ends[1]);
    const Launch launch{.program = program.c_str(),
                        .name = name_.c_str(),
                        .directory = directory_.c_str(),
                        .null_file = null_file.get(),
                        .log_file = log_file.get(),
                        .failure_pipe = failure_writer.get()};
    const pid_t pid = ::fork();
    if (pid < 0) return os_error(errno, "fork");
    if (pid == 0) run(launch);
    UniqueFd process(::pidfd_open(pid, 0));
    if (!process) return os_error(errno, "open process " + std::to_string(pid));
    failure_writer.reset();
    const Status started = await_exec(failure_reader.get(), program);
    if (!started) {
        has_ended(process.get(), kEndTimeout);
        return tl::unexpected(started.error());
    }
    return process;
}

Status WireguardGo::await_answer() {
    const Deadline deadline = std::chrono::steady_clock::now() + kStartTimeout;
    while (std::chrono::steady_clock::now() < deadline) {
        if (has_ended(process_.get(), kPollInterval)) {
            return make_error(std::errc::io_error, "wireguard-go ended: " + last_log_line());
        }
        if (auto answer = exchange(kTextGetRequest)) {
            sodium_memzero(answer->data(), answer->size());
            return {};
        }
    }
    return make_error(std::errc::timed_out, "wireguard-go does not answer: " + last_log_line());
}

Status WireguardGo::stop() {
    if (!process_) {
        const Status adopted = adopt();
        if (!adopted && !adopted.error().is(std::errc::no_such_process)) return adopted;
    }
    patience_ = kShortestPatience;
    for (const int signal : {0, SIGTERM, SIGKILL}) {
        if (!process_) break;
        if (signal != 0) ::pidfd_send_signal(process_.get(), signal, nullptr, 0);
        if (has_ended(process_.get(), kEndTimeout)) process_.reset();
    }
    if (process_)
        return make_error(std::errc::timed_out, "wireguard-go for " + name_ + " does not end");
    if (::unlink(socket_.c_str()) != 0 && errno != ENOENT) {
        return os_error(errno, "remove " + socket_.native());
    }
    return {};
}

void WireguardGo::remove_log() {
    ::unlink(log_.c_str());
    ::rmdir(directory_.c_str());
}

Result<std::string> WireguardGo::exchange(std::string_view request) {
    const UniqueFd connection = WGS_TRY(connect());
    Status sent = send_all(connection.get(), request);
    Result<std::string> answer =
        sent ? receive_answer(connection.get()) : Result<std::string>(tl::unexpected(sent.error()));
    if (!answer && answer.error().is(std::errc::timed_out))
        patience_ = std::min(2 * patience_, kLongestPatience);
    return answer;
}

Result<int> WireguardGo::enlarge_buffers() const {
    int sockets = 0;
    for (int number = 0; number < kDescriptors; ++number) {
        const UniqueFd copy(::pidfd_getfd(process_.get(), number, 0));
        if (!copy && errno == EBADF) continue;
        if (!copy) return os_error(errno, "look at the sockets of wireguard-go");
        if (!is_udp_socket(copy.get())) continue;
        if (::setsockopt(copy.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                         sizeof(kReceiveBuffer)) != 0)
            return os_error(errno, "enlarge a buffer of wireguard-go");
        ++sockets;
    }
    return sockets;
}

std::string WireguardGo::last_log_line() const {
    const auto text = read_file(log_, 1U << 20U);
    if (!text || text->empty()) return "nothing in " + log_.native();
    const std::size_t end = text->find_last_not_of('\n');
    const std::size_t start = text->rfind('\n', end);
    return text->substr(start == std::string::npos ? 0 : start + 1, end - start);
}

}  // namespace wgs
