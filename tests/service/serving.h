// SPDX-License-Identifier: Apache-2.0
// An HTTP server on a loop and thread of its own, for clients in the test.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "service/http_server.h"
#include "service/loop.h"

namespace wgs {

class Serving {
  public:
    using Listen = std::function<Result<HttpServer>(EventLoop&)>;

    explicit Serving(const Listen& listen)
        : loop_(EventLoop::create().value()),
          server_(listen(loop_).value()),
          stop_(::eventfd(0, EFD_CLOEXEC)),
          on_stop_(loop_.on_readable(stop_.get(), [this] { loop_.exit(0); }).value()),
          thread_([this] { static_cast<void>(loop_.run()); }) {}
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() { stop(); }

    // Then there is no other thread, and what lives on the loop may go.
    void stop() {
        if (!thread_.joinable()) return;
        ::eventfd_write(stop_.get(), 1);
        thread_.join();
    }

  private:
    EventLoop loop_;
    HttpServer server_;
    UniqueFd stop_;
    EventLoop::Source on_stop_;
    std::thread thread_;
};

}  // namespace wgs
