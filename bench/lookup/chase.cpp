// SPDX-License-Identifier: Apache-2.0
#include "bench/lookup/chase.h"

#include <chase_empty.skel.h>

#include <array>

#include "bench/lab/must.h"
#include "skeletons/test_run.h"

namespace wgs::bench {
namespace {

constexpr std::array<std::uint8_t, WGS_FRAME_BYTES> kAnyPacket{};

class EmptyChase : public Chase {
  public:
    explicit EmptyChase(const Destinations& destinations) : object_(image<chase_empty_bpf>()) {
        destinations.lend_to(object_);
        object_.load();
    }
    [[nodiscard]] std::string kind() const override { return "empty loop"; }
    [[nodiscard]] const BpfObject& object() const override { return object_; }

  private:
    BpfObject object_;
};

}  // namespace

ChaseResult Chase::run(Family family, std::size_t lookups) const {
    const int program = object().program(family == Family::v4 ? "wgs_chase4" : "wgs_chase6");
    const int state = object().map("wgs_chase");
    wgs_chase chase{};
    write_row(state, 0, &chase);
    const int repeat = static_cast<int>(lookups) / steps();
    const TestRun run = must(test_run(program, kAnyPacket, {}, repeat));
    read_row(state, 0, &chase);
    return {.nanoseconds = static_cast<double>(run.duration.count()) / steps(),
            .answers = {.hits = chase.hits, .sum = chase.sum}};
}

std::unique_ptr<Chase> make_empty(const Destinations& destinations) {
    return std::make_unique<EmptyChase>(destinations);
}

}  // namespace wgs::bench
