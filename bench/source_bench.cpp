// SPDX-License-Identifier: Apache-2.0
// What a large mesh costs wgsteerd by each of its sources: a directory, a real etcd, the tests' own
// API server of Kubernetes, and Felix as the parent of the driver. WireGuard is one in memory. The
// sources take turns; medians count.
//
//   source_bench [NODES [ROUNDS [SOURCE...]]]
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/agent/suite.h"
#include "bench/lab/must.h"
#include "bench/lab/sandbox.h"
#include "bench/measure/measurement.h"
#include "tests/etcd/server.h"
#include "tests/etcd/writer.h"
#include "tests/support/felix_parent.h"
#include "tests/support/kubernetes_api.h"

namespace wgs::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kIdling = 5s;

class Etcd final : public Registry {
  public:
    explicit Etcd(const fs::path&) : writer_((server_.start(), server_.endpoint())) {}

    void put(std::span<const NodeInfo> nodes) override {
        writer_.put(kPrefix, nodes);
        if (writer_.failed() != 0) throw Broken("etcd does not take the nodes");
    }
    [[nodiscard]] std::string config(const NodeInfo& self) override {
        return describe(self) +
               fmt::format("source: {{etcd: {{endpoints: [\"{}\"], prefix: {}}}}}\n",
                           server_.endpoint(), kPrefix);
    }

  private:
    static constexpr const char* kPrefix = "/wgsteer/nodes/";
    test::EtcdCluster server_;
    test::EtcdWriter writer_;
};

class Kubernetes final : public Registry {
  public:
    explicit Kubernetes(const fs::path& directory) : server_(directory / "kubernetes") {
        server_.start();
    }

    void put(std::span<const NodeInfo> nodes) override {
        for (const NodeInfo& node : nodes)
            server_.put_node(object_of(node));
    }
    [[nodiscard]] std::string config(const NodeInfo& self) override {
        server_.put_node(object_of(self));
        return describe(self) + fmt::format("source: {{kubernetes: {{kubeconfig: {}}}}}\n",
                                            server_.kubeconfig().string());
    }

  private:
    static nlohmann::json object_of(const NodeInfo& node) {
        auto object = nlohmann::json{
            {"kind", "Node"}, {"apiVersion", "v1"}, {"metadata", {{"name", node.name}}}};
        for (const Prefix& prefix : node.prefixes)
            object["spec"]["podCIDRs"].push_back(prefix.to_string());
        for (const IpAddress& address : node.addresses)
            object["status"]["addresses"].push_back(
                {{"type", "InternalIP"}, {"address", address.to_string()}});
        if (node.public_key)
            object["metadata"]["annotations"] = {
                {"wgsteer.io/public-key", node.public_key->to_base64()},
                {"wgsteer.io/port", "51820"}};
        return object;
    }

    test::KubernetesApi server_;
};

// Tells the snapshot as Felix does when its driver starts, and then each change.
class Felix final : public Registry {
  public:
    explicit Felix(const fs::path& directory) : pipes_(directory / "pipes") {}

    void put(std::span<const NodeInfo> nodes) override {
        std::string frames;
        for (const NodeInfo& node : nodes)
            frames += frames_of(node);
        if (serving_)
            say(frames);
        else
            snapshot_ += frames;
    }
    [[nodiscard]] std::string config(const NodeInfo& self) override {
        self_ = self;
        return "source: {felix: {}}\n";
    }
    [[nodiscard]] std::vector<std::string> command(const fs::path& config) const override {
        std::vector<std::string> command = {"env", "WGSTEER_CONFIG=" + config.string()};
        for (std::string& word : pipes_.command())
            command.push_back(std::move(word));
        return command;
    }
    void serve() override {
        serving_ = true;
        std::string frames = speaker_.config({{"FelixHostname", self_.name},
                                              {"WireguardEnabled", "true"},
                                              {"WireguardHostEncryptionEnabled", "true"}});
        frames += speaker_.host(self_.name, self_.addresses.front().to_string());
        for (const Prefix& prefix : self_.prefixes)
            frames +=
                speaker_.route(prefix.to_string(), self_.name, test::RouteType::local_workload);
        say(frames + std::exchange(snapshot_, {}) + speaker_.in_sync());
    }

  private:
    std::string frames_of(const NodeInfo& node) {
        const std::string address = node.addresses.front().to_string();
        std::string frames =
            speaker_.host(node.name, address) +
            speaker_.route(address + "/32", node.name, test::RouteType::remote_host);
        for (const Prefix& prefix : node.prefixes)
            frames +=
                speaker_.route(prefix.to_string(), node.name, test::RouteType::remote_workload);
        return frames + speaker_.endpoint(node.name, node.public_key->to_base64());
    }
    void say(const std::string& frames) const {
        if (!pipes_.write(frames)) throw Broken("the driver does not listen");
    }

    test::FelixPipes pipes_;
    test::FelixSpeaker speaker_{test::Generation::v3_33};
    NodeInfo self_;
    std::string snapshot_;
    bool serving_ = false;
};

template <class Kind>
std::unique_ptr<Registry> make(const fs::path& directory) {
    fs::create_directories(directory);
    return std::make_unique<Kind>(directory);
}

using Sources = std::vector<std::pair<std::string, std::function<decltype(make<Etcd>)>>>;

const Sources kSources = {
    {"directory", [](const fs::path& path) { return std::make_unique<Directory>(path / "mesh"); }},
    {"etcd", make<Etcd>},
    {"kubernetes", make<Kubernetes>},
    {"felix", make<Felix>}};

Sources chosen(std::span<const std::string> names) {
    if (names.empty()) return kSources;
    Sources sources;
    for (const std::string& name : names) {
        const auto known =
            std::ranges::find(kSources, name, [](const auto& one) { return one.first; });
        if (known == kSources.end()) throw Broken("no such source: " + name);
        sources.push_back(*known);
    }
    return sources;
}

void report(const Sources& sources, const std::map<std::string, Figures>& measured,
            std::uint32_t nodes, int rounds) {
    fmt::print("{} nodes with {} prefixes each, {} rounds, medians\n{:<52}", nodes, Mesh::kPrefixes,
               rounds, "");
    for (const auto& [name, make] : sources)
        fmt::print("  {:>10}", name);
    const auto& rows = measured.at(sources.front().first).all();
    for (std::size_t row = 0; row < rows.size(); ++row) {
        fmt::print("\n{:<52}", rows[row].first);
        for (const auto& [name, make] : sources)
            fmt::print("  {:>10.2f}", median_of(measured.at(name).all().at(row).second));
    }
    fmt::print("\n");
}

int main_with(const std::vector<std::string>& words) {
    const auto nodes = words.empty() ? 10'000U : static_cast<std::uint32_t>(std::stoul(words[0]));
    const int rounds = words.size() > 1 ? std::stoi(words[1]) : 3;
    const Sources sources =
        chosen(std::span(words).subspan(std::min<std::size_t>(2, words.size())));
    std::map<std::string, Figures> measured;
    for (int round = 0; round < rounds; ++round) {
        for (const auto& [name, make] : sources) {
            fmt::print(stderr, "{}, {} of {}\n", name, round + 1, rounds);
            const Sandbox sandbox;
            const fs::path directory = Sandbox::directory() / fmt::format("{}-{}", name, round);
            test::run({"ip", "link", "set", "lo", "up"});
            const auto registry = make(directory);
            Mesh mesh(directory, *registry, nodes);
            measure_life(mesh, kIdling, measured[name]);
        }
    }
    report(sources, measured, nodes, rounds);
    return 0;
}

}  // namespace
}  // namespace wgs::bench

int main(int argc, char** argv) try {
    return wgs::bench::main_with({argv + 1, argv + argc});
} catch (const std::exception& failure) {
    fmt::print(stderr, "source_bench: {}\n", failure.what());
    return 1;
}
