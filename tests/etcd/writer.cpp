// SPDX-License-Identifier: Apache-2.0
#include "tests/etcd/writer.h"

#include <fmt/format.h>

#include "source/etcd_messages.h"
#include "source/node_json.h"
#include "tests/support/environment.h"

namespace wgs::test {
namespace {

constexpr std::size_t kBatch = 100;  // keys in a transaction; etcd takes 128

}  // namespace

std::string put_of(const std::string& prefix, const NodeInfo& node) {
    return format_put(prefix + node.name, format_node_json(node), 0);
}

EtcdWriter::EtcdWriter(std::string endpoint)
    : endpoint_(std::move(endpoint)), http_(HttpClient::create({}).value()) {}

void EtcdWriter::send(const std::string& path, std::string body) {
    ++under_way_;
    http_->send({.method = "POST", .url = endpoint_ + path, .body = std::move(body)},
                {.on_done = [this](const Result<HttpReply>& reply) {
                    --under_way_;
                    if (!reply || reply->status != 200) ++failed_;
                }});
}

void EtcdWriter::put(const std::string& prefix, std::span<const NodeInfo> nodes) {
    while (!nodes.empty()) {
        std::string operations;
        for (const NodeInfo& node : nodes.first(std::min(kBatch, nodes.size())))
            operations += (operations.empty() ? "" : ",") +
                          fmt::format("{{\"request_put\":{}}}", put_of(prefix, node));
        send("/v3/kv/txn", "{\"success\":[" + operations + "]}");
        settle(4);
        nodes = nodes.subspan(std::min(kBatch, nodes.size()));
    }
    settle(0);
}

void EtcdWriter::settle(int limit) {
    dispatch_until(
        *http_, [&] { return under_way_ <= limit; }, scaled(60s));
}

void EtcdWriter::run_until(std::chrono::steady_clock::time_point time) {
    const auto now = std::chrono::steady_clock::now;
    const auto left = std::chrono::ceil<Millis>(time - now());
    dispatch_until(
        *http_, [&] { return now() >= time; }, std::max<Millis>(left, 0ms));
}

}  // namespace wgs::test
