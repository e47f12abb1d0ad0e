// SPDX-License-Identifier: Apache-2.0
// For tests of what a load leaves in its BPF file system, and of what a later one makes of it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "sandbox.h"
#include "skeletons/bpffs.h"
#include "skeletons/programs.h"
#include "world.h"

namespace wgs {

inline constexpr ProgramSettings kSettings{
    .fwmark = kFwmark, .decrypted_mark = kDecrypted, .mark_mask = kMask, .max_peers = 4};

// Loads or adopts, as an agent does when it starts; pins nothing.
inline Programs load(const Bpffs& bpffs, const ProgramSettings& settings = kSettings) {
    must(bpffs.prepare());
    auto programs = Programs::load(bpffs, settings);
    if (!programs) throw std::runtime_error(programs.error().message);
    return std::move(*programs);
}

inline Programs load_and_pin(const Bpffs& bpffs, const ProgramSettings& settings = kSettings) {
    Programs programs = load(bpffs, settings);
    must(programs.pin(bpffs));
    return programs;
}

// A BPF file system for each test, of which nothing is left behind.
class LoadingTest : public testing::Test {
  protected:
    void TearDown() override {
        EXPECT_TRUE(bpffs_.remove());
        EXPECT_FALSE(std::filesystem::exists(bpffs_.root()));
    }

    Bpffs bpffs_{new_bpffs_path()};
};

}  // namespace wgs
