// SPDX-License-Identifier: Apache-2.0
#include "service/loop.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <csignal>

#include "base/unique_fd.h"

namespace wgs {

struct EventLoop::Source::Handler {
    Callback callback;
    std::unique_ptr<sd_event_source, Deleter<&sd_event_source_disable_unref>> source;
};

EventLoop::Source::Source() = default;
EventLoop::Source::Source(Source&&) noexcept = default;
EventLoop::Source& EventLoop::Source::operator=(Source&&) noexcept = default;
EventLoop::Source::~Source() = default;

void EventLoop::Unref::operator()(sd_event* event) const {
    sd_event_unref(event);
}

namespace {

int call(void* userdata) {
    // The callback may destroy its own registration, so it is called from a copy.
    const EventLoop::Callback callback = *static_cast<EventLoop::Callback*>(userdata);
    callback();
    return 0;
}

int on_io(sd_event_source*, int, std::uint32_t, void* userdata) {
    return call(userdata);
}
int on_time(sd_event_source*, std::uint64_t, void* userdata) {
    return call(userdata);
}
int on_signal_info(sd_event_source*, const signalfd_siginfo*, void* userdata) {
    return call(userdata);
}

}  // namespace

Result<EventLoop> EventLoop::create() {
    sd_event* event = nullptr;
    const int code = sd_event_new(&event);
    if (code < 0) return os_error(-code, "create event loop");
    EventLoop loop(event);
    // Answers systemd's watchdog, if the unit asks for it.
    sd_event_set_watchdog(event, 1);
    return loop;
}

Result<EventLoop::Source> EventLoop::on_readable(int fd, Callback callback) {
    Source result;
    result.handler_ = std::make_unique<Source::Handler>();
    result.handler_->callback = std::move(callback);
    sd_event_source* source = nullptr;
    const int code =
        sd_event_add_io(event_.get(), &source, fd, EPOLLIN, on_io, &result.handler_->callback);
    if (code < 0) return os_error(-code, "watch descriptor");
    result.handler_->source.reset(source);
    return result;
}

Result<EventLoop::Source> EventLoop::on_signal(int signal, Callback callback) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return os_error(errno, "block signal");

    Source result;
    result.handler_ = std::make_unique<Source::Handler>();
    result.handler_->callback = std::move(callback);
    sd_event_source* source = nullptr;
    const int code = sd_event_add_signal(event_.get(), &source, signal, on_signal_info,
                                         &result.handler_->callback);
    if (code < 0) return os_error(-code, "watch signal");
    result.handler_->source.reset(source);
    return result;
}

Result<EventLoop::Source> EventLoop::timer(Callback callback) {
    Source result;
    result.handler_ = std::make_unique<Source::Handler>();
    result.handler_->callback = std::move(callback);
    sd_event_source* source = nullptr;
    int code = sd_event_add_time_relative(event_.get(), &source, CLOCK_MONOTONIC, 0, 1, on_time,
                                          &result.handler_->callback);
    if (code < 0) return os_error(-code, "create timer");
    result.handler_->source.reset(source);
    code = sd_event_source_set_enabled(source, SD_EVENT_OFF);
    if (code < 0) return os_error(-code, "create timer");
    return result;
}

Status EventLoop::arm(Source& timer, std::chrono::microseconds delay) {
    sd_event_source* source = timer.handler_->source.get();
    int code = sd_event_source_set_time_relative(source, static_cast<std::uint64_t>(delay.count()));
    if (code >= 0) code = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    if (code < 0) return os_error(-code, "arm timer");
    return {};
}

Result<int> EventLoop::run() {
    const int code = sd_event_loop(event_.get());
    if (code < 0) return os_error(-code, "run event loop");
    return code;
}

void EventLoop::exit(int code) {
    sd_event_exit(event_.get(), code);
}

}  // namespace wgs
