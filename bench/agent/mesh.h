// SPDX-License-Identifier: Apache-2.0
// A wgsteerd of one node among many that are there on paper only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/agent/registry.h"
#include "tests/support/process.h"

namespace wgs::bench {

class Mesh {
  public:
    static constexpr std::uint32_t kPrefixes = 10;  // of a node

    // In the network namespace of the calling thread. Nothing may have been put into the registry,
    // which is borrowed; `directory` is made.
    Mesh(std::filesystem::path directory, Registry& registry, std::uint32_t nodes);
    Mesh(const Mesh&) = delete;
    Mesh& operator=(const Mesh&) = delete;
    // Takes everything down.
    ~Mesh();

    [[nodiscard]] std::uint32_t nodes() const { return nodes_; }
    void start();
    // All peers have been seen to answer, and everything is in the kernel.
    void await_ready() const;

    // One more prefix for a node, another one with each call; returns an address within it.
    std::string grow(std::uint32_t node);
    // Who owns an address by the tables; "" for nobody.
    [[nodiscard]] std::string owner_of(const std::string& address) const;
    [[nodiscard]] static std::string name_of(std::uint32_t node);

    // Body of the answer to a GET on the control socket. Throws unless it is 200.
    [[nodiscard]] std::string get(const std::string& path) const;
    // Of the process, since its start.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
    [[nodiscard]] double resident_mib() const;

  private:
    void write_config() const;
    std::string ask(const std::string& method, const std::string& path) const;

    std::filesystem::path directory_;
    Registry& registry_;
    std::uint32_t nodes_;
    std::uint32_t grown_ = 0;
    std::unique_ptr<test::Process> process_;
};

}  // namespace wgs::bench
