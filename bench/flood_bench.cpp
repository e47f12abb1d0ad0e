// SPDX-License-Identifier: Apache-2.0
// What a flood of forged handshakes leaves of an established tunnel, with the guard off and on: two
// nodes in network namespaces, TCP from pod to pod, the flood on the receiver's NIC. Quiet and
// flooded, off and on take turns; medians count. All runs on one machine, so what the flood costs
// its sender is in the loss as well.
//
//   flood_bench [native|generic [PACKETS-PER-SECOND [ADDRESSES [ROUNDS]]]]
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/environment.h"
#include "tests/support/flood.h"
#include "tests/support/socket_address.h"

namespace wgs::test {
namespace {

constexpr std::uint16_t kPort = 7010;
constexpr Millis kMeasured = 3s;
constexpr Millis kWarmUp = 500ms;
constexpr std::size_t kChunk = 1 << 17;

struct Options {
    std::string mode = "native";
    int per_second = 100'000;
    std::uint32_t addresses = 1;
    int rounds = 5;
};

// A TCP connection between pods that carries as much as it can.
class Stream {
  public:
    Stream(const Node& from, const Node& to) : sender_(from.pod().socket(AF_INET, SOCK_STREAM, 0)) {
        const UniqueFd listener = to.pod().socket(AF_INET, SOCK_STREAM, 0);
        const int on = 1;
        ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const SocketAddress address(to.pod_address(Family::v4), kPort);
        if (::bind(listener.get(), address.get(), address.size()) != 0 ||
            ::listen(listener.get(), 1) != 0 ||
            ::connect(sender_.get(), address.get(), address.size()) != 0)
            broken_call("connect the pods");
        receiver_ = UniqueFd(::accept(listener.get(), nullptr, nullptr));
        thread_ = std::thread([this] { send(); });
    }
    ~Stream() {
        ::shutdown(sender_.get(), SHUT_RDWR);
        thread_.join();
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Mbit/s that arrive from now on.
    double measure(Millis duration) {
        const auto begin = std::chrono::steady_clock::now();
        std::uint64_t bytes = 0;
        std::vector<std::uint8_t> buffer(kChunk);
        pollfd readable{.fd = receiver_.get(), .events = POLLIN, .revents = 0};
        while (std::chrono::steady_clock::now() < begin + duration) {
            if (::poll(&readable, 1, 50) <= 0) continue;
            bytes += static_cast<std::uint64_t>(
                std::max<ssize_t>(0, ::recv(receiver_.get(), buffer.data(), buffer.size(), 0)));
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        return static_cast<double>(bytes) * 8 / took.count() / 1e6;
    }

  private:
    void send() const {
        const std::vector<std::uint8_t> buffer(kChunk, 0x5a);
        while (::send(sender_.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL) > 0) {
        }
    }

    UniqueFd sender_;
    UniqueFd receiver_;
    std::thread thread_;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.at(values.size() / 2);
}

class Bench {
  public:
    explicit Bench(Options options) : options_(std::move(options)), cluster_({.nodes = 2}) {
        cluster_.start_agents();
        if (!cluster_.wait_ready()) broken("the mesh did not form");
        target_.mac = mac_of(target().ns(), "eth0");
        std::ranges::copy(target().host_address(Family::v4).bytes(), target_.address.begin());
    }

    void run() {
        for (int round = 0; round < options_.rounds; ++round) {
            for (const std::string& guard : {std::string("off"), options_.mode}) {
                switch_guard(guard);
                quiet_[guard].push_back(throughput());
                HandshakeFlood flood(cluster_.underlay(), "port1", target_,
                                     {.count = options_.addresses}, options_.per_second);
                flooded_[guard].push_back(throughput());
                sent_ += flood.stop();
            }
        }
    }

    void report() {
        fmt::print("{} handshakes/s from {} addresses, {} rounds, medians in Mbit/s\n",
                   options_.per_second, options_.addresses, options_.rounds);
        fmt::print("{:<8}  {:>7}  {:>7}  {:>5}\n", "guard", "quiet", "flooded", "kept");
        for (const std::string& guard : {std::string("off"), options_.mode}) {
            const double quiet = median(quiet_[guard]);
            const double flooded = median(flooded_[guard]);
            fmt::print("{:<8}  {:>7.0f}  {:>7.0f}  {:>4.0f}%\n", guard, quiet, flooded,
                       100 * flooded / quiet);
        }
        const auto verdicts = target().agent().status()["verdicts"];
        fmt::print("{} sent, {} dropped by the guard\n", sent_, verdicts["flood"].dump());
    }

  private:
    Node& target() { return cluster_.node(1); }

    void switch_guard(const std::string& guard) {
        target().agent().settings().guard = guard;
        target().agent().kill9();
        target().agent().start();
        if (!target().agent().wait_ready(1)) broken("the agent did not come back");
    }

    double throughput() {
        Stream stream(cluster_.node(2), target());
        stream.measure(kWarmUp);
        return stream.measure(kMeasured);
    }

    Options options_;
    Cluster cluster_;
    FloodTarget target_;
    std::map<std::string, std::vector<double>> quiet_;
    std::map<std::string, std::vector<double>> flooded_;
    std::uint64_t sent_ = 0;
};

Options parse(const std::vector<std::string>& words) {
    Options options;
    if (!words.empty()) options.mode = words[0];
    if (words.size() > 1) options.per_second = std::stoi(words[1]);
    if (words.size() > 2) options.addresses = static_cast<std::uint32_t>(std::stoul(words[2]));
    if (words.size() > 3) options.rounds = std::stoi(words[3]);
    return options;
}

int main_with(const std::vector<std::string>& words) {
    if (const auto obstacle = mesh_obstacle()) {
        fmt::print(stderr, "flood_bench: {}\n", *obstacle);
        return 1;
    }
    Bench bench(parse(words));
    bench.run();
    bench.report();
    return 0;
}

}  // namespace
}  // namespace wgs::test

int main(int argc, char** argv) try {
    return wgs::test::main_with({argv + 1, argv + argc});
} catch (const std::exception& failure) {
    fmt::print(stderr, "flood_bench: {}\n", failure.what());
    return 1;
}
