// SPDX-License-Identifier: Apache-2.0
// The HTTP interfaces: the control socket and the metrics port.
#pragma once

#include <memory>
#include <optional>

#include "base/error.h"
#include "service/event_hub.h"
#include "service/http_server.h"
#include "service/loop.h"

namespace wgs {

class Agent;

class Api {
  public:
    // Serves run_dir/api.sock and, unless it is empty, the `metrics` address. `agent` and `loop`
    // outlive the result. A POST to /v1/cleanup removes every trace and ends the loop.
    static Result<Api> open(Agent& agent, EventLoop& loop);

  private:
    Api(std::unique_ptr<EventHub> events, HttpServer control, std::optional<HttpServer> metrics,
        std::unique_ptr<EventLoop::Source> exit_timer)
        : events_(std::move(events)),
          control_(std::move(control)),
          metrics_(std::move(metrics)),
          exit_timer_(std::move(exit_timer)) {}

    std::unique_ptr<EventHub> events_;  // the handler refers to it
    HttpServer control_;
    std::optional<HttpServer> metrics_;
    std::unique_ptr<EventLoop::Source> exit_timer_;  // the handler refers to it
};

}  // namespace wgs
