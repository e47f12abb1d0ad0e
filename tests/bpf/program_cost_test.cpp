// SPDX-License-Identifier: Apache-2.0
// What programs cost is counted while somebody measures, and only then.
#include "skeletons/program_cost.h"

#include <gtest/gtest.h>

#include <array>

#include "loading.h"
#include "skeletons/test_run.h"

namespace wgs {
namespace {

using ProgramCostTest = LoadingTest;

TEST_F(ProgramCostTest, IsCountedWhileSomebodyMeasures) {
    const Programs programs = load(bpffs_);
    const int program = programs.at(WGS_HOOK_NIC_OUT).fd.get();
    constexpr std::array<std::uint8_t, 64> kFrame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
                                                  0,    0,    0,    0,    1,    0x08, 0x06};  // ARP
    const auto run = [&] { ASSERT_TRUE(test_run(program, kFrame, {})); };
    const auto before = run_total(program);
    ASSERT_TRUE(before) << before.error().message;
    {
        const auto measuring = measure_programs();
        ASSERT_TRUE(measuring) << measuring.error().message;
        run();
        run();
    }
    const auto after = run_total(program);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->runs, before->runs + 2);
    EXPECT_GT(after->time, before->time);
    run();
    EXPECT_EQ(run_total(program)->runs, after->runs) << "nobody measures";
}

}  // namespace
}  // namespace wgs
