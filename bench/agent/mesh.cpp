// SPDX-License-Identifier: Apache-2.0
#include "bench/agent/mesh.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/unique_fd.h"
#include "bench/lab/must.h"
#include "model/ip.h"
#include "model/key.h"
#include "tests/support/environment.h"

namespace wgs::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kPatience = 120s;

IpAddress address_at(std::uint32_t number) {
    return IpAddress::v4(std::array<std::uint8_t, 4>{
        static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
        static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
}

// The n-th /26 from 16.0.0.0 upwards.
Prefix block(std::uint32_t n) {
    return Prefix(address_at((16U << 24U) + (n << 6U)), 26);
}

PublicKey key_of(std::uint32_t node) {
    std::array<std::uint8_t, PublicKey::kSize> key{1};
    for (unsigned i = 0; i < 4; ++i)
        key.at(1 + i) = static_cast<std::uint8_t>(node >> (8U * i));
    return PublicKey(key);
}

NodeInfo paper_node(std::uint32_t number) {
    NodeInfo node{.name = Mesh::name_of(number),
                  .addresses = {address_at((10U << 24U) + number + 1)},
                  .public_key = key_of(number)};
    for (std::uint32_t i = 0; i < Mesh::kPrefixes; ++i)
        node.prefixes.push_back(block(number * Mesh::kPrefixes + i));
    return node;
}

UniqueFd connect_to(const fs::path& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        socket.reset();
    return socket;
}

bool is_good(const std::string& reply) {
    return reply.starts_with("HTTP/1.") && reply.substr(9, 3) == "200";
}

// Cheap, since most of the time it finds nobody yet.
template <class Condition>
void wait_for(const std::string& what, const Condition& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) throw Broken(what + ": not in time");
        std::this_thread::sleep_for(5ms);
    }
}

}  // namespace

Mesh::Mesh(fs::path directory, Registry& registry, std::uint32_t nodes)
    : directory_(std::move(directory)), registry_(registry), nodes_(nodes) {
    for (const char* part : {"programs", "run/wireguard"})
        fs::create_directories(directory_ / part);
    test::run({"ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"});
    test::run({"ip", "addr", "add", "10.255.0.1/8", "dev", "eth0"});
    for (const char* device : {"eth0", "eth1", "lo"})
        test::run({"ip", "link", "set", device, "up"});
    std::vector<NodeInfo> all;
    for (std::uint32_t node = 0; node < nodes_; ++node)
        all.push_back(paper_node(node));
    registry_.put(all);
    fs::create_symlink(test::binary("memory_wireguard_go"), directory_ / "programs/wireguard-go");
    std::ofstream(directory_ / "run/wireguard/answered").flush();
    write_config();
}

Mesh::~Mesh() {
    if (process_) {
        ask("POST", "/v1/cleanup");
        process_->wait(20s);
    }
    test::run({"ip", "link", "del", "eth0"});
}

std::string Mesh::name_of(std::uint32_t node) {
    return fmt::format("node-{}", node);
}

void Mesh::write_config() const {
    const NodeInfo self{.name = "self",
                        .addresses = {address_at((10U << 24U) + (255U << 16U) + 1)},
                        .prefixes = {Prefix(address_at(100U << 24U | 64U << 16U), 24)}};
    std::ofstream(directory_ / "config.yaml")
        << registry_.config(self)
        << fmt::format(
               "run_dir: {0}/run\nstate_dir: {0}/state\nbpffs: {0}/bpf\nunderlay: [eth0]\n"
               "max_peers: {1}\nmetrics: \"127.0.0.1:9586\"\nlog: {{level: warning}}\n",
               directory_.string(), nodes_ + 16);
}

void Mesh::start() {
    const char* path = std::getenv("PATH");
    process_ = std::make_unique<test::Process>(
        registry_.command(directory_ / "config.yaml"),
        test::ProcessOptions{.environment = {fmt::format(
                                 "PATH={}:{}", (directory_ / "programs").string(),
                                 path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin")}});
    registry_.serve();
}

void Mesh::await_ready() const {
    const auto ready = [&] {
        if (!process_->running()) throw Broken("wgsteerd has ended: " + process_->errors());
        // To tell the whole status again and again would be a good part of the agent's work.
        if (!is_good(ask("GET", "/readyz"))) return false;
        const auto status = nlohmann::json::parse(get("/v1/status"), nullptr, false);
        return status.is_object() && status.value("in_sync", false) &&
               status["peers"]["ready"] == nodes_;
    };
    wait_for("a mesh of ready peers", ready);
}

std::string Mesh::grow(std::uint32_t node) {
    const Prefix one_more = block(nodes_ * kPrefixes + grown_++);
    NodeInfo grown = paper_node(node);
    grown.prefixes.push_back(one_more);
    registry_.put({&grown, 1});
    return one_more.address().to_string();
}

std::string Mesh::owner_of(const std::string& address) const {
    const auto answer =
        nlohmann::json::parse(get("/v1/explain?src=100.64.0.1&dst=" + address), nullptr, false);
    return answer.is_object() && answer["peer"].is_string() ? answer["peer"].get<std::string>()
                                                            : "";
}

std::string Mesh::get(const std::string& path) const {
    const std::string reply = ask("GET", path);
    const std::size_t body = reply.find("\r\n\r\n");
    if (!is_good(reply) || body == std::string::npos)
        throw Broken("GET " + path + ": " + reply.substr(0, 100));
    return reply.substr(body + 4);
}

std::string Mesh::ask(const std::string& method, const std::string& path) const {
    const UniqueFd socket = connect_to(directory_ / "run/api.sock");
    const std::string request =
        fmt::format("{} {} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method, path);
    ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string reply;
    std::array<char, 65536> chunk;
    ssize_t size = 0;
    while ((size = ::recv(socket.get(), chunk.data(), chunk.size(), 0)) > 0)
        reply.append(chunk.data(), static_cast<std::size_t>(size));
    return reply;
}

std::chrono::nanoseconds Mesh::cpu_time() const {
    clockid_t clock{};
    timespec time{};
    must_call(
        ::clock_getcpuclockid(process_->pid(), &clock) == 0 && ::clock_gettime(clock, &time) == 0,
        "read the CPU time of wgsteerd");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

double Mesh::resident_mib() const {
    std::ifstream file(fmt::format("/proc/{}/status", process_->pid()));
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    throw Broken("no VmRSS of wgsteerd");
}

}  // namespace wgs::bench
