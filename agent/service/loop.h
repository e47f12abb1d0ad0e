// SPDX-License-Identifier: Apache-2.0
// The event loop: descriptors, timers and signals over sd-event. Single-threaded; what is
// registered stays so as long as the returned handle lives.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/error.h"

struct sd_event;
struct sd_event_source;

namespace wgs {

class EventLoop {
  public:
    using Callback = std::function<void()>;

    // One registration. Destroying it ends the callbacks.
    class Source {
      public:
        Source();
        Source(Source&&) noexcept;
        Source& operator=(Source&&) noexcept;
        Source(const Source&) = delete;
        Source& operator=(const Source&) = delete;
        ~Source();

      private:
        friend class EventLoop;
        struct Handler;
        std::unique_ptr<Handler> handler_;
    };

    static Result<EventLoop> create();

    // Calls back while `fd` (borrowed) is readable; for a pidfd: once its process has ended.
    Result<Source> on_readable(int fd, Callback callback);
    // `signal` must not be blocked by the caller; it is blocked here.
    Result<Source> on_signal(int signal, Callback callback);
    // A timer, not yet armed.
    Result<Source> timer(Callback callback);
    // One-shot, from now; an armed timer is moved.
    Status arm(Source& timer, std::chrono::microseconds delay);

    // Runs until exit(); returns its code.
    Result<int> run();
    void exit(int code);

  private:
    struct Unref {
        void operator()(sd_event* event) const;
    };
    explicit EventLoop(sd_event* event) : event_(event) {}
    std::unique_ptr<sd_event, Unref> event_;
};

}  // namespace wgs
