// SPDX-License-Identifier: Apache-2.0
#include "cli/top/top.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <clocale>
#include <csignal>
#include <thread>

#include "cli/output.h"
#include "cli/text.h"
#include "cli/top/frame.h"
#include "cli/top/terminal.h"

namespace wgs::cli {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kKeyWait = 100ms;
// An agent that takes longer is worth a word.
constexpr auto kPatience = 2s;
// After so long, whatever the interval: nobody likes to wait for the first ones.
constexpr auto kFirstRates = 1s;

volatile std::sig_atomic_t interrupted = 0;

void note_signal(int) {
    interrupted = 1;
}

// Whoever ends us shall find the terminal as it was.
void catch_signals() {
    struct sigaction action = {};
    action.sa_handler = &note_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
        ::sigaction(number, &action, nullptr);
}

std::chrono::seconds now_since_epoch() {
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

// A document of the agent, or what went wrong instead.
Result<Json> parsed(Result<Reply> reply) {
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status != 200) return make_error(std::errc::protocol_error, error_text(*reply));
    Json document = Json::parse(reply->body, nullptr, false);
    if (document.is_discarded())
        return make_error(std::errc::protocol_error, "the agent's answer is not JSON");
    return document;
}

Status understood(const std::function<void()>& read) {
    try {
        read();
        return {};
    } catch (const Json::exception& error) {
        return make_error(std::errc::protocol_error,
                          std::string("the agent's answer has an unknown shape: ") + error.what());
    }
}

TopOrder order_of(const TopOptions& options) {
    return {.sort = parse_top_sort(options.sort).value_or(TopSort::rate), .filter = options.filter};
}

class Top {
  public:
    Top(const Client& client, TopTerminal& terminal, const TopOptions& options, TopModel first)
        : client_(client),
          terminal_(terminal),
          interval_(std::chrono::duration_cast<SteadyClock::duration>(
              std::chrono::duration<double>(options.interval))),
          model_(std::move(first)),
          screen_(order_of(options), TopTerminal::letters()) {}

    void run() {
        auto next = SteadyClock::now() + std::min<SteadyClock::duration>(interval_, kFirstRates);
        while (turn(kKeyWait)) {
            if (wants_page_ || (!screen_.paused() && SteadyClock::now() >= next)) {
                look();
                next = SteadyClock::now() + interval_;
            }
        }
    }

  private:
    // Keys and the screen; false: enough.
    bool turn(std::chrono::milliseconds wait) {
        if (left_) return false;
        left_ = interrupted != 0 || !press(terminal_.keys(wait));
        if (!left_) terminal_.show(screen_.draw(model_, terminal_.size(), now_since_epoch()));
        return !left_;
    }

    bool press(const std::optional<std::vector<TopInput>>& keys) {
        if (!keys) return false;
        for (const TopInput& key : *keys) {
            const bool was_open = screen_.opened() != nullptr;
            if (screen_.press(key, model_, terminal_.size()) == TopAnswer::leave) return false;
            if (!was_open && screen_.opened() != nullptr) wants_page_ = true;
        }
        return true;
    }

    // Keys work while the agent takes its time.
    Result<Json> ask(const std::string& path, const std::map<std::string, std::string>& query) {
        const auto begun = SteadyClock::now();
        return parsed(client_.get(path, query, [&] {
            const auto waited =
                std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - begun);
            if (waited >= kPatience)
                screen_.set_trouble("the agent has not answered for " + duration(waited));
            return turn(0ms);
        }));
    }

    Status try_to_look() {
        const Json document = WGS_TRY(ask("/v1/top", {}));
        WGS_TRY(understood([&] { model_.take(document); }));
        return screen_.opened() == nullptr ? Status() : look_into(screen_.opened()->key());
    }

    Status look_into(const TopKey& key) {
        const Json peer = WGS_TRY(ask("/v1/peers", {{"name", key.name}}));
        const auto now = SteadyClock::now().time_since_epoch();
        TopPeerPage* page = screen_.opened();
        if (page == nullptr || page->key() != key) return {};  // closed meanwhile
        return understood(
            [&] { page->take(peer, std::chrono::duration_cast<std::chrono::milliseconds>(now)); });
    }

    void look() {
        wants_page_ = false;
        const Status looked = try_to_look();
        const bool gone =
            screen_.opened() != nullptr && model_.find(screen_.opened()->key()) == nullptr;
        // Of a peer that has gone nothing is known, which the page says by itself.
        screen_.set_trouble(looked || gone ? "" : looked.error().message);
    }

    const Client& client_;
    TopTerminal& terminal_;
    SteadyClock::duration interval_;
    TopModel model_;
    TopScreen screen_;
    bool wants_page_ = false;  // one was opened, and is empty so far
    bool left_ = false;
};

Status look_once(const Client& client, TopModel& model) {
    const Json document = WGS_TRY(parsed(client.get("/v1/top")));
    return understood([&] { model.take(document); });
}

int show_once(const Client& client, const TopOptions& options, bool json) {
    TopModel model;
    for (const bool first : {true, false}) {
        const Status looked = look_once(client, model);
        if (!looked) return fail(kExitUnreachable, looked.error().message);
        if (first) std::this_thread::sleep_for(std::chrono::duration<double>(options.interval));
    }
    const TopOrder order = order_of(options);
    print(json ? json_frame(model, order, options.rows)
               : plain_frame(model, order, options.rows, now_since_epoch()));
    return kExitFine;
}

}  // namespace

void add_top_options(CLI::App& app, TopOptions& options) {
    app.add_option("--interval", options.interval, "Seconds between two looks")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    app.add_option("--sort", options.sort, "rate, out, in, drops, handshake, state, crypto or name")
        ->check([](const std::string& name) {
            return parse_top_sort(name) ? "" : "there is no such order: " + name;
        });
    app.add_option("--filter", options.filter, "Words that name, state or tunnel must contain");
    app.add_flag("--once", options.once, "Two looks, one plain list, no terminal needed");
    app.add_option("--rows", options.rows, "With --once: so many peers at most");
}

int run_top(const Client& client, const TopOptions& options, bool json) {
    if (options.once || json) return show_once(client, options, json);
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
        return fail(kExitUsage,
                    "top needs a terminal; --once prints one list, -o json for programs");
    std::setlocale(LC_ALL, "");
    // Before the screen is taken, so that this failure can be read.
    TopModel first;
    if (const Status looked = look_once(client, first); !looked)
        return fail(kExitUnreachable, looked.error().message);
    catch_signals();
    const auto terminal = TopTerminal::open();
    if (!terminal) return fail(kExitUsage, terminal.error().message);
    Top(client, **terminal, options, std::move(first)).run();
    return kExitFine;
}

}  // namespace wgs::cli
