// SPDX-License-Identifier: Apache-2.0
#include "service/api.h"

#include <spdlog/spdlog.h>

#include <map>

#include "service/agent.h"
#include "service/cleanup.h"
#include "service/documents.h"
#include "service/metrics.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

// Long enough for the last answer to reach its reader.
constexpr auto kExitDelay = 50ms;

HttpResponse failure(unsigned status, const Error& error) {
    return {.status = status, .body = error_document(error)};
}

HttpResponse answer(Result<std::string> document) {
    if (!document) return failure(500, document.error());
    return {.body = std::move(*document)};
}

Result<std::string> status(Agent& agent) {
    agent.look_for_leaks();
    const auto totals = WGS_TRY(agent.steering().verdict_totals());
    const auto attached = WGS_TRY(agent.steering().hooks());
    return status_document(view_of(agent), totals, attached);
}

Result<std::string> peers(Agent& agent) {
    return peers_document(view_of(agent), WGS_TRY(count_peers(agent)));
}

Result<std::string> explanation(Agent& agent, const Flow& flow) {
    const auto judged = WGS_TRY(agent.steering().explain(first_packet(flow)));
    return explain_document(view_of(agent), flow, judged);
}

std::string leak_test(Agent& agent) {
    if (agent.config().leak_watch) agent.test_leak_watch();
    return leak_test_document(view_of(agent));
}

Result<std::string> metrics(Agent& agent) {
    agent.look_for_leaks();
    const auto totals = WGS_TRY(agent.steering().verdict_totals());
    return metrics_text(view_of(agent), totals, WGS_TRY(count_peers(agent)));
}

HttpResponse get_explanation(Agent& agent, const HttpRequest& request) {
    const Result<Flow> flow = parse_flow(request.query);
    if (!flow) return failure(400, flow.error());
    return answer(explanation(agent, *flow));
}

HttpResponse get(Agent& agent, const HttpRequest& request) {
    if (request.path == "/v1/status") return answer(status(agent));
    if (request.path == "/v1/peers") return answer(peers(agent));
    if (request.path == "/v1/explain") return get_explanation(agent, request);
    if (request.path == "/v1/leak-test") return answer(leak_test(agent));
    if (request.path == "/v1/version") return answer(version_document());
    return failure(404, Error{.code = {}, .message = "no such document: " + request.path});
}

HttpResponse clean_up_and_end(const Agent& agent) {
    const Status cleaned = clean_up(agent.config());
    if (!cleaned) {
        spdlog::error("cleanup: {}; ending all the same", cleaned.error().message);
        return failure(500, cleaned.error());
    }
    spdlog::info("cleanup: everything is removed; ending");
    return {.body = "{}\n"};
}

HttpResponse get_metrics(Agent& agent, const HttpRequest& request) {
    if (request.path != "/metrics") return {.status = 404, .body = "see /metrics\n"};
    Result<std::string> text = metrics(agent);
    if (!text) return failure(500, text.error());
    return {.body = std::move(*text), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

Result<Api> Api::open(Agent& agent, EventLoop& loop) {
    auto exit_timer =
        std::make_unique<EventLoop::Source>(WGS_TRY(loop.timer([&loop] { loop.exit(0); })));
    const auto control = [&agent, &loop, timer = exit_timer.get()](const HttpRequest& request) {
        if (request.method == "GET") return get(agent, request);
        if (request.method == "POST" && request.path == "/v1/cleanup") {
            HttpResponse response = clean_up_and_end(agent);
            if (!loop.arm(*timer, kExitDelay)) loop.exit(1);
            return response;
        }
        return failure(405, Error{.code = {}, .message = request.method + " is not supported"});
    };
    HttpServer server =
        WGS_TRY(HttpServer::listen_unix(loop, agent.config().run_dir / "api.sock", control));
    std::optional<HttpServer> metrics_server;
    if (!agent.config().metrics.empty()) {
        metrics_server = WGS_TRY(HttpServer::listen_tcp(
            loop, agent.config().metrics,
            [&agent](const HttpRequest& request) { return get_metrics(agent, request); }));
    }
    return Api(std::move(server), std::move(metrics_server), std::move(exit_timer));
}

}  // namespace wgs
