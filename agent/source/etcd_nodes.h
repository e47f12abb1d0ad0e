// SPDX-License-Identifier: Apache-2.0
// What etcd's keys say about the other nodes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/etcd_messages.h"
#include "source/source.h"

namespace wgs {

// A node *leaves* when its key says so: then it is removed. A key that merely ends (its lease has
// lapsed, somebody deleted it, etcd has lost its data) marks the node as *away*: it stays as it was
// until its key returns. It is removed after kAbsence during which etcd was in reach and the node
// away, if by then its session has been dead for as long.
class EtcdNodes {
  public:
    static constexpr std::chrono::minutes kAbsence{5};
    static constexpr std::size_t kMaxNodes = 100'000;

    // Keys are `prefix` and the node's name. The sink must outlive this.
    EtcdNodes(std::string prefix, std::string self, SourceSink& sink);

    void put(const EtcdEntry& entry);
    void erase(const std::string& key, SteadyTime now);
    // Whatever is put between these two is all there is.
    void begin_listing() { ++listing_; }
    void end_listing(SteadyTime now);
    // To be called now and then; `reached_since`: for how long etcd has been in reach without a
    // break.
    void expire(SteadyTime now, SteadyTime reached_since);

    // None: the key is not of a node, or it is our own.
    [[nodiscard]] std::optional<std::string> node_of(std::string_view key) const;
    [[nodiscard]] std::size_t count() const { return nodes_.size(); }
    [[nodiscard]] std::size_t away() const { return away_; }
    [[nodiscard]] std::vector<Problem> problems() const;

  private:
    struct Node {
        std::uint64_t listing = 0;  // the last one it was seen in
        bool told = false;          // the sink knows it
        std::optional<SteadyTime> away_since;
        std::string problem;  // empty: none
    };
    using Nodes = std::map<std::string, Node, std::less<>>;

    void note_foreign(const std::string& key);
    void refuse(Node& node, const std::string& key, const std::string& why);
    void set_away(Nodes::value_type& node, SteadyTime now);
    void set_present(Node& node);
    Nodes::iterator drop(Nodes::iterator node);

    std::string prefix_;
    std::string self_;
    SourceSink& sink_;
    Nodes nodes_;
    std::uint64_t listing_ = 0;
    std::size_t away_ = 0;
    std::size_t refused_ = 0;  // nodes with a problem
    std::string foreign_;      // a key that is not of a node; empty: none was seen
    bool too_many_ = false;
};

}  // namespace wgs
