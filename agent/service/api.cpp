// SPDX-License-Identifier: Apache-2.0
#include "service/api.h"

#include <spdlog/spdlog.h>

#include <map>

#include "service/agent.h"
#include "service/cleanup.h"
#include "service/documents.h"
#include "service/event_filter.h"
#include "service/explain.h"
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
    agent.raise_alarms();
    const auto totals = WGS_TRY(agent.steering().verdict_totals());
    const auto attached = WGS_TRY(agent.steering().hooks());
    return status_document(view_of(agent), totals, attached);
}

Result<std::string> peers(Agent& agent) {
    return peers_document(view_of(agent), WGS_TRY(count_peers(agent)),
                          WGS_TRY(read_peer_crypto(agent)));
}

Result<std::string> peer(Agent& agent, const std::string& name) {
    agent.raise_alarms();
    return peer_document(view_of(agent), name, WGS_TRY(read_peer_stats(agent, name)),
                         WGS_TRY(read_peer_crypto(agent, name)));
}

HttpResponse get_peers(Agent& agent, const HttpRequest& request) {
    const auto name = request.query.find("name");
    if (name == request.query.end()) return answer(peers(agent));
    if (!agent.cache().peers().contains(name->second))
        return failure(404, Error{.code = {}, .message = "no such peer: " + name->second});
    return answer(peer(agent, name->second));
}

Result<std::string> top(Agent& agent) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return top_document(view_of(agent), WGS_TRY(read_peer_stats(agent)),
                        std::chrono::duration_cast<std::chrono::milliseconds>(now),
                        WGS_TRY(read_peer_crypto(agent)));
}

Result<std::string> explanation(Agent& agent, const ExplainRequest& request) {
    Rtnetlink rtnetlink = WGS_TRY(Rtnetlink::open());
    const BpfSteering& steering = agent.steering();
    return explain_document(
        view_of(agent), request,
        {.judge = [&](auto packet, HookPoint point) { return steering.explain(packet, point); },
         .route = [&](const IpAddress& address) { return rtnetlink.route_to(address); },
         .device = &device_name,
         .hooks = WGS_TRY(steering.hooks()),
         .now = Clock::now()});
}

std::string leak_test(Agent& agent) {
    if (agent.config().leak_watch) agent.test_leak_watch();
    return leak_test_document(view_of(agent));
}

Result<std::string> metrics(Agent& agent, const EventHub& events) {
    agent.look_for_leaks();
    agent.raise_alarms();
    const AgentView view = view_of(agent);
    Readings readings{.totals = WGS_TRY(agent.steering().verdict_totals()),
                      .tables = agent.steering().table_use(view.actual.steering),
                      .process = process_usage(),
                      .events = {.listeners = events.listeners(), .lost = events.lost()}};
    if (agent.config().metrics_per_peer) {
        readings.counts = WGS_TRY(count_peers(agent));
        readings.crypto = WGS_TRY(read_peer_crypto(agent));
    }
    if (times_packets(view.config, view.backend))
        readings.all_crypto = WGS_TRY(agent.steering().crypto_latency(WGS_PEER_NONE));
    if (agent.measures_programs()) readings.programs = WGS_TRY(agent.steering().program_costs());
    return metrics_text(view, readings);
}

// For a supervisor: whether a restart could help, and whether this node may take traffic.
std::optional<HttpResponse> probe(const Agent& agent, const std::string& path) {
    const auto reply = [](bool good, const char* bad) {
        return HttpResponse{.status = good ? 200U : 503U,
                            .body = good ? "ok\n" : bad,
                            .content_type = "text/plain; charset=utf-8"};
    };
    if (path == "/healthz")
        return reply(agent.is_alive(), "the kernel has refused changes for a minute\n");
    if (path == "/readyz")
        return reply(agent.cache().complete() && agent.in_sync() && !agent.starting(),
                     "the source is not complete, or the kernel is not in sync\n");
    return std::nullopt;
}

HttpResponse get_explanation(Agent& agent, const HttpRequest& request) {
    const auto wanted = parse_explain_request(request.query);
    if (!wanted) return failure(400, wanted.error());
    return answer(explanation(agent, *wanted));
}

HttpResponse get(Agent& agent, const HttpRequest& request) {
    if (auto probed = probe(agent, request.path)) return std::move(*probed);
    if (request.path == "/v1/status") return answer(status(agent));
    if (request.path == "/v1/peers") return get_peers(agent, request);
    if (request.path == "/v1/top") return answer(top(agent));
    if (request.path == "/v1/explain") return get_explanation(agent, request);
    if (request.path == "/v1/leak-test") return answer(leak_test(agent));
    if (request.path == "/v1/version") return answer(version_document());
    return failure(404, Error{.code = {}, .message = "no such document: " + request.path});
}

constexpr const char* kJsonLines = "application/x-ndjson";

unsigned status_of(const Error& error) {
    return error.is(std::errc::invalid_argument) ? 400 : 503;
}

HttpResponse get_events(EventHub& events, const HttpRequest& request) {
    const auto filter = parse_event_filter(request.query);
    if (!filter) return failure(400, filter.error());
    auto stream = events.listen(*filter);
    if (!stream) return failure(status_of(stream.error()), stream.error());
    return {.content_type = kJsonLines, .stream = std::move(*stream)};
}

std::optional<PeerIdsOfNode> peer_ids(const Agent& agent, const std::string& name) {
    PeerIdsOfNode ids{};
    std::size_t found = 0;
    for (const auto& [id, slot] : agent.reconciler().actual().steering.slots) {
        if (slot.record.name == name && found < ids.size()) ids.at(found++) = id;
    }
    return found == 0 ? std::nullopt : std::optional(ids);
}

std::string peer_name(const Agent& agent, PeerId id) {
    if (id == WGS_PEER_SELF) return agent.config().node;
    const auto& slots = agent.reconciler().actual().steering.slots;
    const auto slot = slots.find(id);
    return slot == slots.end() ? "" : slot->second.record.name;
}

Result<std::unique_ptr<EventHub>> open_events(Agent& agent, EventLoop& loop) {
    std::vector<std::string> tunnels;
    for (const TunnelConfig& tunnel : agent.config().wireguard.tunnels())
        tunnels.push_back(tunnel.device);
    EventNames names([&agent](PeerId id) { return peer_name(agent, id); }, &device_name, tunnels);
    return EventHub::open(
        agent.steering().events(), loop, std::move(names),
        {.policy = agent.config().policy,
         .peer_ids = [&agent](const std::string& name) { return peer_ids(agent, name); }});
}

HttpResponse clean_up_and_end(Agent& agent) {
    agent.retire();
    const Status cleaned = clean_up(agent.config());
    if (!cleaned) {
        spdlog::error("cleanup: {}; ending all the same", cleaned.error().message);
        return failure(500, cleaned.error());
    }
    spdlog::info("cleanup: everything is removed; ending");
    return {.body = "{}\n"};
}

HttpResponse get_metrics(Agent& agent, const EventHub& events, const HttpRequest& request) {
    if (auto probed = probe(agent, request.path)) return std::move(*probed);
    if (request.path != "/metrics") return {.status = 404, .body = "see /metrics\n"};
    Result<std::string> text = metrics(agent, events);
    if (!text) return failure(500, text.error());
    return {.body = std::move(*text), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

Result<Api> Api::open(Agent& agent, EventLoop& loop) {
    auto exit_timer =
        std::make_unique<EventLoop::Source>(WGS_TRY(loop.timer([&loop] { loop.exit(0); })));
    auto events = WGS_TRY(open_events(agent, loop));
    const auto control = [&agent, &loop, timer = exit_timer.get(),
                          &events = *events](const HttpRequest& request) {
        if (request.method == "GET" && request.path == "/v1/events")
            return get_events(events, request);
        if (request.method == "GET" && request.path == "/v1/recent-drops")
            return HttpResponse{.body = events.recent_drops(), .content_type = kJsonLines};
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
            loop, agent.config().metrics, [&agent, &events = *events](const HttpRequest& request) {
                return get_metrics(agent, events, request);
            }));
    }
    return Api(std::move(events), std::move(server), std::move(metrics_server),
               std::move(exit_timer));
}

}  // namespace wgs
