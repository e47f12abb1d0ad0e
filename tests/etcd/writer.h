// SPDX-License-Identifier: Apache-2.0
// A client that fills an etcd as fast as it is told to.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "model/node.h"
#include "net/http_client.h"

namespace wgs::test {

// The body of a call that puts a node below the prefix.
std::string put_of(const std::string& prefix, const NodeInfo& node);

class EtcdWriter {
  public:
    explicit EtcdWriter(std::string endpoint);

    void send(const std::string& path, std::string body);
    // Returns when all of them are stored, or have failed.
    void put(const std::string& prefix, std::span<const NodeInfo> nodes);
    // At most so many calls are left under way.
    void settle(int limit);
    void run_until(std::chrono::steady_clock::time_point time);
    [[nodiscard]] int failed() const { return failed_; }

  private:
    std::string endpoint_;
    std::unique_ptr<HttpClient> http_;
    int under_way_ = 0;
    int failed_ = 0;
};

}  // namespace wgs::test
