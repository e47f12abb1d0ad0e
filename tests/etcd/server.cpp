// SPDX-License-Identifier: Apache-2.0
#include "tests/etcd/server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"

namespace wgs::test {
namespace {

constexpr Millis kPatience = 60s;  // with etcdctl

// One that nobody uses now. The kernel gives it to nobody else for a while.
int free_port() {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), plain, size) != 0 || ::getsockname(socket.get(), plain, &size) != 0)
        broken_call("find a port");
    return ntohs(address.sin_port);
}

std::string joined(const std::vector<std::string>& parts) {
    std::string result;
    for (const std::string& part : parts)
        result += (result.empty() ? "" : ",") + part;
    return result;
}

}  // namespace

EtcdCluster::EtcdCluster(int members, const Place& place) : place_(place) {
    for (int i = 1; i <= members; ++i)
        members_.push_back({.name = "m" + std::to_string(i),
                            .client_port = free_port(),
                            .peer_port = free_port()});
}

std::string EtcdCluster::url(const std::string& scheme, int port) const {
    return scheme + "://" + place_.address + ":" + std::to_string(port);
}

ProcessOptions EtcdCluster::in_place() const {
    return {.ns = place_.ns, .environment = {"ETCDCTL_API=3"}};
}

std::string EtcdCluster::file(const std::string& name) const {
    return (workspace_.directory() / name).string();
}

std::string EtcdCluster::authority_file() const {
    return file("ca.pem");
}

void EtcdCluster::use_tls(const Identity& identity, const std::string& authority) {
    std::ofstream(file("cert.pem")) << identity.certificate;
    std::ofstream(file("key.pem")) << identity.key;
    std::ofstream(file("ca.pem")) << authority;
    tls_ = true;
}

void EtcdCluster::start() {
    for (std::size_t i = 1; i <= members_.size(); ++i)
        start_member(static_cast<int>(i));
    if (!wait_healthy()) broken("etcd does not serve");
}

void EtcdCluster::start_member(int number) {
    Member& member = members_.at(index(number));
    std::vector<std::string> cluster;
    for (const Member& other : members_)
        cluster.push_back(other.name + "=" + url("http", other.peer_port));
    std::vector<std::string> argv = {
        "etcd",
        "--name=" + member.name,
        "--data-dir=" + file(member.name),
        "--listen-client-urls=" + endpoint(number),
        "--advertise-client-urls=" + endpoint(number),
        "--listen-peer-urls=" + url("http", member.peer_port),
        "--initial-advertise-peer-urls=" + url("http", member.peer_port),
        "--initial-cluster=" + joined(cluster),
        "--log-level=error",
        "--bcrypt-cost=4"};
    if (tls_) {
        argv.push_back("--cert-file=" + file("cert.pem"));
        argv.push_back("--key-file=" + file("key.pem"));
    }
    member.process.emplace(argv,
                           ProcessOptions{.ns = place_.ns, .environment = {workspace_.mark()}});
}

bool EtcdCluster::wait_healthy(Millis timeout) const {
    return eventually(timeout, [&] {
        std::vector<std::string> argv = ctl_options();
        argv.insert(argv.end(), {"endpoint", "health"});
        return run(argv, in_place(), kPatience).exit_code == 0;
    });
}

void EtcdCluster::kill_all() {
    for (Member& member : members_)
        member.process.reset();
}

void EtcdCluster::signal(int number) const {
    for (const Member& member : members_) {
        if (member.process) member.process->signal(number);
    }
}

void EtcdCluster::signal_member(int member, int number) const {
    members_.at(index(member)).process->signal(number);
}

void EtcdCluster::wipe() {
    for (const Member& member : members_)
        std::filesystem::remove_all(file(member.name));
}

std::string EtcdCluster::endpoint(int member) const {
    return url(scheme(), members_.at(index(member)).client_port);
}

std::vector<std::string> EtcdCluster::endpoints() const {
    std::vector<std::string> result;
    for (const Member& member : members_)
        result.push_back(url(scheme(), member.client_port));
    return result;
}

std::vector<std::string> EtcdCluster::ctl_options() const {
    std::vector<std::string> argv = {
        "etcdctl", "--endpoints=" + (spoken_to_ == 0 ? joined(endpoints()) : endpoint(spoken_to_)),
        "--dial-timeout=10s", "--command-timeout=20s"};
    if (tls_) argv.push_back("--cacert=" + file("ca.pem"));
    if (!login_.empty()) argv.push_back("--user=" + login_);
    return argv;
}

Outcome EtcdCluster::try_ctl(const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv = ctl_options();
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(argv, in_place(), kPatience);
}

std::string EtcdCluster::ctl(const std::vector<std::string>& arguments) const {
    const Outcome outcome = try_ctl(arguments);
    if (outcome.exit_code != 0) broken("etcdctl " + arguments.front() + ": " + outcome.errors);
    return outcome.output;
}

std::string EtcdCluster::ctl_in_the_end(const std::vector<std::string>& arguments) const {
    Outcome outcome;
    const bool done = eventually(kPatience, [&] {
        outcome = try_ctl(arguments);
        return outcome.exit_code == 0;
    });
    if (!done) broken("etcdctl " + arguments.front() + ": " + outcome.errors);
    return outcome.output;
}

std::string EtcdCluster::get(const std::string& key) const {
    std::string value = ctl_in_the_end({"get", "--print-value-only", key});
    if (!value.empty()) value.pop_back();
    return value;
}

std::int64_t EtcdCluster::revision_of(const std::string& key) const {
    const auto json = nlohmann::json::parse(ctl_in_the_end({"get", key, "--write-out=json"}));
    if (!json.contains("kvs")) return 0;
    return json["kvs"][0]["mod_revision"].get<std::int64_t>();
}

void EtcdCluster::compact() const {
    const auto json = nlohmann::json::parse(ctl({"get", "x", "--write-out=json"}));
    ctl({"compact", std::to_string(json["header"]["revision"].get<std::int64_t>())});
}

}  // namespace wgs::test
