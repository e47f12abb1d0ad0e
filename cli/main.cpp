// SPDX-License-Identifier: Apache-2.0
// wgsteer: asks and cleans up after the agent of this node.
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/version.h"
#include "bench.h"
#include "capture.h"
#include "cleanup.h"
#include "client.h"
#include "doctor/doctor.h"
#include "explain.h"
#include "monitor.h"
#include "output.h"
#include "render.h"
#include "top/top.h"

namespace wgs::cli {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;
using Renderer = std::function<std::string(const Json&)>;
using Judge = std::function<int(const Json&)>;  // the exit code

struct Options {
    std::string socket = "/run/wgsteer/api.sock";
    std::string output = "text";
    bool check = false;
    ExplainOptions explain;
    std::string peer;
    CleanupOptions cleanup;
    BenchOptions bench;
    MonitorOptions monitor;
    CaptureOptions capture;
    DoctorOptions doctor;
    TopOptions top;
};

// Prints an answer; `judge` makes the exit code of it.
int print_document(const Options& options, const std::string& body, const Renderer& render,
                   const Judge& judge) {
    const Json document = Json::parse(body, nullptr, false);
    if (document.is_discarded()) return fail(kExitUnreachable, "the agent's answer is not JSON");
    try {
        const int code = judge(document);
        print(options.output == "json" ? body : render(document));
        return code;
    } catch (const Json::exception& error) {
        return fail(kExitUnreachable,
                    std::string("the agent's answer has an unknown shape: ") + error.what());
    }
}

int show(const Options& options, const std::string& path, const Query& query,
         const Renderer& render, const Judge& judge) {
    const Result<Reply> reply = Client(options.socket).get(path, query);
    if (!reply) return fail(kExitUnreachable, reply.error().message);
    if (reply->status == 400) return fail(kExitUsage, error_text(*reply));
    if (reply->status != 200) return fail(kExitBad, error_text(*reply));
    return print_document(options, reply->body, render, judge);
}

int always_fine(const Json&) {
    return kExitFine;
}

std::chrono::seconds now_since_epoch() {
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

int show_status(const Options& options) {
    const auto render = [](const Json& status) { return render_status(status, now_since_epoch()); };
    return show(options, "/v1/status", {}, render, [&](const Json& status) {
        return options.check && !is_healthy(status) ? kExitBad : kExitFine;
    });
}

int show_peers(const Options& options) {
    const auto render = [](const Json& peers) { return render_peers(peers, now_since_epoch()); };
    const auto render_one = [](const Json& peers) {
        std::string text;
        for (const Json& peer : peers.get_ref<const Json::array_t&>())
            text += (text.empty() ? "" : "\n") + render_peer(peer, now_since_epoch());
        return text;
    };
    if (options.peer.empty()) return show(options, "/v1/peers", {}, render, &always_fine);
    return show(options, "/v1/peers", {{"name", options.peer}}, render_one, &always_fine);
}

int show_explanation(const Options& options) {
    return explain(Client(options.socket), options.explain, options.output == "json");
}

int show_leak_test(const Options& options) {
    return show(options, "/v1/leak-test", {}, &render_leak_test,
                [](const Json& test) { return has_passed(test) ? kExitFine : kExitBad; });
}

int run_bench(const Options& options) {
    return run_benchmarks(options.bench,
                          options.output == "json" ? BenchOutput::json : BenchOutput::text);
}

int run_monitor(const Options& options) {
    return monitor(Client(options.socket), options.monitor, options.output == "json");
}

int run_capture(const Options& options) {
    return capture(Client(options.socket), options.capture);
}

int examine_node(const Options& options) {
    return run_doctor(Client(options.socket), options.doctor,
                      options.output == "json" ? DoctorOutput::json : DoctorOutput::text);
}

int show_top(const Options& options) {
    return run_top(Client(options.socket), options.top, options.output == "json");
}

int show_version(const Options& options) {
    const std::string version(kVersion);
    print(options.output == "json" ? Json{{"version", version}}.dump(2) + "\n"
                                   : "wgsteer " + version + "\n");
    return kExitFine;
}

// One subcommand; all of them share -o.
CLI::App* command(CLI::App& app, Options& options, const std::string& name,
                  const std::string& description, int& code,
                  const std::function<int(const Options&)>& run) {
    CLI::App* sub = app.add_subcommand(name, description);
    sub->add_option("-o,--output", options.output, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    sub->fallthrough();
    sub->callback([&options, &code, run] { code = run(options); });
    return sub;
}

void add_bench_options(CLI::App& sub, BenchOptions& bench) {
    sub.add_option("suite", bench.suites, "Which ones; none: all")
        ->check(CLI::IsMember(bench_suites()));
    sub.add_option("--scale", bench.scale, "tiny, quick (below 3 minutes) or full")
        ->check(CLI::IsMember({"tiny", "quick", "full"}))
        ->capture_default_str();
    sub.add_flag_callback(
        "--quick", [&bench] { bench.scale = "quick"; }, "--scale quick");
    sub.add_flag("--check", bench.check, "Exit with 1 if a figure misses its target");
    sub.add_option("--from", bench.from, "Report an earlier run, of this file");
    sub.add_option("--save", bench.save, "Write the run to this file as JSON");
    sub.add_option("--plots", bench.plots, "Draw SVG plots into this directory");
    sub.add_option("--doc", bench.document, "Write the tables of the run into this Markdown file");
}

void add_doctor_options(CLI::App& sub, DoctorOptions& doctor) {
    sub.add_option("--config", doctor.config, "The agent's configuration file");
    sub.add_option("--peer", doctor.peers, "Probe these; else the first sixteen");
    sub.add_option("--report", doctor.report, "Write an archive for a bug report, without secrets");
}

int run(int argc, char** argv) {
    CLI::App app("Shows what the wgsteer agent of this node does, and cleans up after it.",
                 "wgsteer");
    Options options;
    int code = kExitFine;
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string(kVersion));
    app.add_option("--socket", options.socket, "The agent's control socket")->capture_default_str();
    command(app, options, "status", "The agent at a glance, problems first", code, &show_status)
        ->add_flag("--check", options.check, "Exit with 1 unless all is well");
    command(app, options, "peers", "The other nodes, or one of them in full", code, &show_peers)
        ->add_option("name", options.peer, "Of a peer; none: a line for each");
    add_top_options(
        *command(app, options, "top", "The peers by rate, on a full screen", code, &show_top),
        options.top);
    add_explain_options(*command(app, options, "explain",
                                 "What would happen to a packet, and where, judged by the programs "
                                 "in the kernel",
                                 code, &show_explanation),
                        options.explain);
    command(app, options, "leak-test", "Whether the watcher tells a leak from our own traffic",
            code, &show_leak_test);
    add_monitor_options(*command(app, options, "monitor",
                                 "Packets as they are judged, one line each", code, &run_monitor),
                        options.monitor);
    add_capture_options(*command(app, options, "capture",
                                 "Packets as they are judged, for tcpdump, tshark and Wireshark",
                                 code, &run_capture),
                        options.capture);
    CLI::App* cleanup = command(
        app, options, "cleanup", "Remove every trace of the agent; traffic leaves in clear then",
        code, [](const Options& all) { return clean_up_node(Client(all.socket), all.cleanup); });
    cleanup->add_flag("--yes", options.cleanup.yes, "Do not ask");
    cleanup->add_option("--config", options.cleanup.config,
                        "The agent's configuration file, if it does not run");
    add_bench_options(
        *command(app, options, "bench", "What the tables and programs cost on this machine", code,
                 &run_bench),
        options.bench);
    add_doctor_options(
        *command(app, options, "doctor", "Everything one would check by hand", code, &examine_node),
        options.doctor);
    command(app, options, "version", "The version of this command", code, &show_version);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitFine : kExitUsage;
    }
    return code;
}

}  // namespace
}  // namespace wgs::cli

int main(int argc, char** argv) {
    return wgs::cli::finish(wgs::cli::run(argc, argv));
}
