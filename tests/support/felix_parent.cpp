// SPDX-License-Identifier: Apache-2.0
#include "tests/support/felix_parent.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace wgs::test {
namespace {

constexpr const char* kScript = R"(exec "$0" 3<"$1" 4>"$2")";

std::filesystem::path make_pipe(const std::filesystem::path& directory, const char* name) {
    const std::filesystem::path path = directory / name;
    std::filesystem::remove(path);
    if (::mkfifo(path.c_str(), 0600) != 0) broken_call("make pipe " + path.string());
    return path;
}

// Neither end waits for the other one.
UniqueFd open_end(const std::filesystem::path& path, int flags) {
    UniqueFd fd(::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
    if (!fd) broken_call("open pipe " + path.string());
    return fd;
}

}  // namespace

FelixPipes::FelixPipes(const std::filesystem::path& directory) {
    std::filesystem::create_directories(directory);
    in_ = make_pipe(directory, "to-driver");
    out_ = make_pipe(directory, "from-driver");
    to_driver_ = open_end(in_, O_RDWR);
    from_driver_ = open_end(out_, O_RDONLY);
}

std::vector<std::string> FelixPipes::command() const {
    return {"sh", "-c", kScript, binary("wgsteer-felix"), in_, out_};
}

bool FelixPipes::write(std::string_view frames) const {
    while (!frames.empty()) {
        const ssize_t count = ::write(to_driver_.get(), frames.data(), frames.size());
        if (count > 0) {
            frames.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        pollfd waiting{.fd = to_driver_.get(), .events = POLLOUT, .revents = 0};
        if (errno != EAGAIN || ::poll(&waiting, 1, 60'000) != 1) return false;
    }
    return true;
}

std::string FelixPipes::read() const {
    std::string all;
    std::array<char, 65536> buffer{};
    ssize_t count = 0;
    while ((count = ::read(from_driver_.get(), buffer.data(), buffer.size())) > 0)
        all.append(buffer.data(), static_cast<std::size_t>(count));
    return all;
}

void FelixPipes::close() {
    to_driver_.reset();
    from_driver_.reset();
}

FelixParent::FelixParent(FelixParentOptions options, Generation generation)
    : pipes_(options.directory), speaker_(generation) {
    driver_.emplace(
        pipes_.command(),
        ProcessOptions{.ns = options.ns,
                       .input = {},
                       .environment = {options.mark, "WGSTEER_CONFIG=" + options.config.string()}});
}

void FelixParent::say(std::string_view frames) {
    if (!pipes_.write(frames)) broken("the driver does not listen\n" + log());
}

DriverWords FelixParent::heard() {
    words_ += pipes_.read();
    return parse_driver(words_);
}

std::optional<std::string> FelixParent::key(std::uint64_t ip_version, Millis timeout) {
    std::optional<std::string> last;
    eventually(timeout, [&] {
        const std::vector<std::string> keys = heard().keys[ip_version];
        if (!keys.empty()) last = keys.back();
        return last.has_value() || !running();
    });
    return last;
}

std::optional<int> FelixParent::hang_up() {
    pipes_.close();
    return driver_->wait(15s);
}

}  // namespace wgs::test
