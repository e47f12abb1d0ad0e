// SPDX-License-Identifier: Apache-2.0
// The rules of the hooks a second time, written plainly and without a look at bpf/lib: what the
// programs are compared with.
#pragma once

#include <cstdint>
#include <optional>

#include "packet.h"
#include "world.h"

namespace wgs {

struct Judgement {
    wgs_reason reason = WGS_REASON_none;
    std::uint32_t peer = 0;
    std::int32_t action = 0;
    Bytes packet;
    std::uint32_t mark = 0;

    bool operator==(const Judgement&) const = default;
};

class Reference {
  public:
    explicit Reference(World::Options options);

    [[nodiscard]] Judgement nic_out(const Bytes& frame, std::uint32_t mark) const;
    [[nodiscard]] Judgement nic_in(const Bytes& frame, std::uint32_t mark) const;

    // Owner word of the longest prefix that holds this address of 4 or 16 bytes; 0: none.
    [[nodiscard]] std::uint32_t owner(const Bytes& address) const;

  private:
    struct Row {
        Bytes address;
        unsigned length;
        std::uint32_t owner;
    };
    struct View;

    [[nodiscard]] static View look_at(const Bytes& frame);
    void judge_out(const View& view, bool marked, Judgement& judgement) const;
    void judge_in(const View& view, Judgement& judgement) const;

    World::Options options_;
    std::vector<Row> rows_;  // longest first
};

}  // namespace wgs
