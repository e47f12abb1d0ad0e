// SPDX-License-Identifier: Apache-2.0
#include "felix/felix_source.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/text.h"

namespace wgs::felix {
namespace {

// Reads of one dispatch(): others have to do something as well.
constexpr int kMaxReads = 32;
constexpr std::size_t kMaxProblems = 64;

std::size_t index_of(Family family) {
    return family == Family::v4 ? 0 : 1;
}

std::string iso_time() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

template <class... Callables>
struct Overloaded : Callables... {
    using Callables::operator()...;
};
template <class... Callables>
Overloaded(Callables...) -> Overloaded<Callables...>;  // clang 14 does not guess it

}  // namespace

FelixSource::FelixSource(FelixOptions options, Pipe pipe, SourceSink& sink)
    : options_(std::move(options)),
      pipe_(std::move(pipe)),
      sink_(sink),
      table_(options_.self, options_.parameters),
      started_(options_.now()),
      next_status_(started_) {}

void FelixSource::start() {
    take_frames();  // what came with the configuration
    tell();
    speak();
}

void FelixSource::dispatch() {
    for (int reads = 0; reads < kMaxReads && !ended_; ++reads) {
        const auto arrival = pipe_.receive();
        if (!arrival) return end(End::broken, arrival.error().message);
        if (*arrival == Pipe::Arrival::nothing) break;
        if (*arrival == Pipe::Arrival::end) {
            end(End::felix_gone, pipe_.frames().at_border()
                                     ? "Felix has ended"
                                     : "Felix has ended in the middle of a message");
            break;
        }
        take_frames();
    }
    tell();
    speak();
}

void FelixSource::take_frames() {
    while (!ended_) {
        const auto frame = pipe_.next_frame();
        if (!frame) return end(End::broken, frame.error().message);
        if (!*frame) return;
        take(**frame);
    }
}

void FelixSource::take(std::string_view frame) {
    const Result<Message> message = pipe_.decode(frame);
    if (message) {
        handle(*message);
    } else {
        note("messages", tl::unexpected(message.error()));
    }
}

void FelixSource::handle(const Message& message) {
    const auto apply = [this](std::string_view kind, const std::string& name, const auto& part) {
        const Status status = table_.apply(part);
        if (status && problems_.empty()) return;
        note(std::string(kind) + in_quotes(name), status);
    };
    std::visit(Overloaded{
                   [](std::monostate) {},
                   [this](InSync) { in_sync_ = true; },
                   [this](const ConfigUpdate& config) {
                       if (read_parameters(config.parameters).parameters != options_.parameters)
                           end(End::restart, "Felix has changed the WireGuard settings");
                   },
                   [&](const HostUpdate& host) { apply("node ", host.node, host); },
                   [&](const HostRemove& host) { apply("node ", host.node, host); },
                   [&](const RouteUpdate& route) { apply("route ", route.destination, route); },
                   [&](const RouteRemove& route) { apply("route ", route.destination, route); },
                   [&](const EndpointUpdate& endpoint) {
                       apply("key of ", endpoint.node, endpoint);
                       if (endpoint.node == options_.self) correct_own_key(endpoint.family);
                   },
                   [&](const EndpointRemove& endpoint) {
                       apply("key of ", endpoint.node, endpoint);
                       if (endpoint.node == options_.self) correct_own_key(endpoint.family);
                   },
               },
               message);
}

// The datastore follows us, never the other way round.
void FelixSource::correct_own_key(Family family) {
    const std::optional<std::string>& told = own_keys_[index_of(family)];
    if (!told) return;
    const auto known = table_.own_key(family);
    if (told != (known ? known->to_base64() : std::string()))
        pipe_.outbox().tell_key(family, *told);
}

void FelixSource::tell() {
    if (!in_sync_) return;
    if (table_.take_self_change()) sink_.describe_self(table_.self());
    for (const std::string& name : table_.take_changes()) {
        if (const auto node = table_.node(name)) {
            sink_.upsert(*node);
        } else {
            sink_.remove(name);
        }
    }
    if (!std::exchange(complete_, true)) sink_.complete();
}

void FelixSource::speak() {
    if (ended_) return;
    const SteadyTime now = options_.now();
    if (now >= next_status_) {
        next_status_ = now + options_.status;
        pipe_.outbox().tell_process(iso_time(),
                                    std::chrono::duration<double>(now - started_).count());
    }
    if (const Status flushed = pipe_.flush(); !flushed)
        end(End::felix_gone, flushed.error().message);
}

std::optional<SteadyTime> FelixSource::next_timeout() const {
    SteadyTime next = next_status_;
    if (!pipe_.empty()) next = std::min(next, options_.now() + options_.retry);
    return next;
}

Status FelixSource::publish(const NodeInfo& self) {
    for (const Family family : {Family::v4, Family::v6}) {
        const bool second = family == Family::v6 && options_.parameters.v4.enabled;
        const auto& own = second ? self.public_key_v6 : self.public_key;
        const bool in_use = options_.parameters.of(family).enabled && own;
        std::string key = in_use ? own->to_base64() : std::string();
        auto& told = own_keys_[index_of(family)];
        if (told == key) continue;
        pipe_.outbox().tell_key(family, key);
        told = std::move(key);
    }
    speak();
    return {};
}

Status FelixSource::withdraw() {
    return publish(NodeInfo{
        .name = options_.self, .addresses = {}, .prefixes = {}, .public_key = std::nullopt});
}

void FelixSource::end(End end, const std::string& message) {
    if (std::exchange(ended_, true)) return;
    options_.on_end(end, message);
}

void FelixSource::note(const std::string& object, const Status& status) {
    if (status) {
        problems_.erase(object);
        return;
    }
    const std::string& message = status.error().message;
    const auto known = problems_.find(object);
    if (known != problems_.end() && known->second == message) return;
    if (known == problems_.end() && problems_.size() >= kMaxProblems) return;
    problems_[object] = message;
    sink_.report({.object = object, .message = message});
}

std::vector<Problem> FelixSource::problems() const {
    std::vector<Problem> problems;
    for (const auto& [object, message] : problems_)
        problems.push_back({.object = object, .message = message});
    if (const auto skipped = pipe_.frames().skipped(); skipped != 0) {
        problems.push_back({.object = "messages",
                            .message = fmt::format("{} were too large to be read", skipped)});
    }
    return problems;
}

}  // namespace wgs::felix
