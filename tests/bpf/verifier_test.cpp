// SPDX-License-Identifier: Apache-2.0
// What the programs cost this kernel's verifier. It gives up at a million instructions; long before
// that, loading them takes seconds, and the next kernel may need ten times as many.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "loading.h"

namespace wgs {
namespace {

constexpr std::uint32_t kMostInstructions = 60'000;  // of each program

// Nothing that the settings could switch off is.
constexpr ProgramSettings kEverything{.policy_require = true,
                                      .hosts = true,
                                      .overlay = true,
                                      .fast = true,
                                      .fwmark = kFwmark,
                                      .decrypted_mark = kDecrypted,
                                      .mark_mask = kMask,
                                      .max_peers = 4,
                                      .guard_sees_decrypted = true,
                                      .crypto_latency = true};

// Instructions that the verifier has walked, on all ways together.
std::uint32_t verified_instructions(int program) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
        throw std::runtime_error("the kernel tells nothing about a program");
    return info.verified_insns;
}

using VerifierTest = LoadingTest;

TEST_F(VerifierTest, WalksAModestNumberOfInstructions) {
    const Programs programs = load(bpffs_, kEverything);
    for (const wgs_hook hook : kHooks) {
        const std::uint32_t walked = verified_instructions(programs.at(hook).fd.get());
        fmt::print("{}: {} instructions verified\n", program_name(hook), walked);
        EXPECT_GT(walked, 0U) << program_name(hook);
        EXPECT_LT(walked, kMostInstructions) << program_name(hook);
    }
}

}  // namespace
}  // namespace wgs
