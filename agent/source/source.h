// SPDX-License-Identifier: Apache-2.0
// Where the agent learns of the other nodes, and tells them of itself.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "model/node.h"
#include "model/peer_cache.h"

namespace wgs {

using SteadyTime = std::chrono::steady_clock::time_point;

// Something a source cannot use or do, for status and the log. It is not fatal: the last good state
// of what it concerns stays.
struct Problem {
    std::string object;   // a file, a key, the source itself
    std::string message;  // one line

    bool operator==(const Problem&) const = default;
};

// Receives a source's events, only ever from within start() and dispatch().
class SourceSink {
  public:
    virtual ~SourceSink() = default;

    virtual void upsert(const NodeInfo& node) = 0;
    virtual void remove(const std::string& name) = 0;
    // These are all the nodes there are, told before or not: others have left. This one and the
    // next are for the cautious sink, which stands before all others and hands all else on.
    virtual void only(const std::set<std::string, std::less<>>& /*names*/) {}
    // The source was out of reach and is back: what it lacks may only not have returned yet.
    virtual void resumed() {}
    // A node's sign of life has ended. It stays as it was, and comes back with upsert(): whether it
    // has gone is for its WireGuard session to say.
    virtual void away(const std::string& /*name*/) {}
    // Whether the node may still live: false once its session, if there ever was one, has been dead
    // for minutes.
    [[nodiscard]] virtual bool session_lives(const std::string& /*name*/) const { return true; }
    // By sources that know this node as well: its prefixes, and its addresses if there are any,
    // take the place of what is configured.
    virtual void describe_self(const NodeInfo& /*self*/) {}
    // Once: everything known at start has been told.
    virtual void complete() = 0;
    // What the source itself cannot do without, and hence is never steered or dropped between
    // nodes.
    virtual void bypass(const std::set<Service>& services) { static_cast<void>(services); }
    // Once for each problem when it appears; problems() shows whether it persists.
    virtual void report(const Problem& problem) = 0;
};

// Driven by the caller's event loop: dispatch() when fd() is readable and when next_timeout() has
// come. Self is never told to the sink as one of the nodes.
class Source {
  public:
    virtual ~Source() = default;

    // Tells what is there. Call once, before anything else.
    virtual void start() = 0;
    virtual void dispatch() = 0;
    // To poll for reading, the same for the life of the source; -1: the timeout alone drives it.
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual std::optional<SteadyTime> next_timeout() const = 0;

    // Tells the others about self, and keeps telling: after an error it is tried again by itself.
    virtual Status publish(const NodeInfo& self) = 0;
    // Takes self back, for good. Nothing being there is not an error. May wait for a server, so it
    // is for programs that end.
    virtual Status withdraw() = 0;

    // The node encrypts what it should from now on: whoever waited for that may be told.
    virtual void note_protected() {}
    // The claims that are refused at the moment, from time to time.
    virtual void note_rejections(const std::vector<Rejection>& rejections) {
        static_cast<void>(rejections);
    }

    [[nodiscard]] virtual std::vector<Problem> problems() const = 0;
};

}  // namespace wgs
