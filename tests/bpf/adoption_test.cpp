// SPDX-License-Identifier: Apache-2.0
// When a later load takes over the pinned programs, and when it must not.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>

#include "loading.h"
#include "sandbox.h"
#include "skeletons/hooks.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

using Ids = std::array<std::uint32_t, WGS_HOOK_COUNT>;

Ids ids_of(const Programs& programs) {
    Ids ids{};
    for (const wgs_hook hook : kHooks)
        ids.at(hook) = programs.at(hook).id;
    return ids;
}

// One life of an agent; what it leaves is pinned.
Ids run_agent(const Bpffs& bpffs, const ProgramSettings& settings = kSettings) {
    return ids_of(load_and_pin(bpffs, settings));
}

fs::path marker(const Bpffs& bpffs) {
    return fs::directory_iterator(bpffs.build())->path();
}

// Puts what is pinned at one path to another.
void put(const std::string& type, const fs::path& from, const fs::path& to) {
    fs::remove(to);
    run_command("bpftool " + type + " pin pinned " + from.string() + " " + to.string());
}

using Adoption = LoadingTest;

TEST_F(Adoption, ARestartKeepsTheProgramsAndTheirTables) {
    const Ids ids = run_agent(bpffs_);
    must(load(bpffs_).tables().records.store(WGS_PEER_FIRST, {.name = "node-b"}));
    for (int restart = 0; restart < 3; ++restart)
        EXPECT_EQ(run_agent(bpffs_), ids);
    const auto record = load(bpffs_).tables().records.find(WGS_PEER_FIRST);
    ASSERT_TRUE(record && *record);
    EXPECT_STREQ((*record)->name, "node-b");
}

TEST_F(Adoption, ARestartLeavesWhatIsAttachedCurrent) {
    run_command("ip link add wgs-nic type veth peer name wgs-wire");
    const HookSite site{.ifindex = index_of("wgs-nic"), .hook = WGS_HOOK_NIC_IN};
    const Hooks hooks(bpffs_);
    (void)run_agent(bpffs_);
    must(hooks.attach(site, load(bpffs_).at(WGS_HOOK_NIC_IN)));
    const Programs programs = load(bpffs_);
    const auto attached = hooks.list();
    ASSERT_TRUE(attached);
    ASSERT_EQ(attached->size(), 1U);
    EXPECT_EQ(attached->front().program_id, programs.at(WGS_HOOK_NIC_IN).id);
    must(hooks.detach_all());
    run_command("ip link del wgs-nic");
}

TEST_F(Adoption, AnySettingCounts) {
    std::array others{kSettings, kSettings, kSettings, kSettings, kSettings, kSettings, kSettings};
    others[0].policy_require = true;
    others[1].hosts = true;
    others[2].fwmark = kDecrypted;
    others[3].decrypted_mark = kFwmark;
    others[4].mark_mask |= 1;
    others[5].fast = true;
    others[6].guard_sees_decrypted = true;
    for (const ProgramSettings& other : others) {
        const Ids before = run_agent(bpffs_);
        EXPECT_NE(run_agent(bpffs_, other), before);
        EXPECT_NE(run_agent(bpffs_), before) << "what has been replaced is gone";
    }
}

TEST_F(Adoption, MapsOfAnEarlierLayoutAreNotKept) {
    (void)run_agent(bpffs_);
    const fs::path old = bpffs_.maps() / "wgs_bypass_v0";
    run_command("bpftool map create " + old.string() +
                " type hash key 4 value 4 entries 8 name wgs_bypass_v0");
    (void)run_agent(bpffs_);
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(bpffs_.maps() / "wgs_bypass_v1"));
}

TEST_F(Adoption, LoadsAnewAfterPinningWasCutShort) {
    const Ids before = run_agent(bpffs_);
    fs::remove(marker(bpffs_));
    EXPECT_NE(ids_of(load(bpffs_)), before);
}

TEST_F(Adoption, LoadsAnewWhenAPinIsMissing) {
    for (const char* pin : {"progs/wgs_wg_in", "maps/wgs_records_v1", "maps/wgs_peers_v1"}) {
        const Ids before = run_agent(bpffs_);
        fs::remove(bpffs_.root() / pin);
        EXPECT_NE(run_agent(bpffs_), before) << pin;
        EXPECT_TRUE(fs::exists(bpffs_.root() / pin));
    }
}

TEST_F(Adoption, LoadsAnewWhenAProgramIsNotTheOneThatWasPinned) {
    const Bpffs other(new_bpffs_path());
    (void)run_agent(other);
    const Ids before = run_agent(bpffs_);
    // The same code, name and settings, but other tables.
    put("prog", other.programs() / "wgs_nic_in", bpffs_.programs() / "wgs_nic_in");
    EXPECT_NE(load(bpffs_).at(WGS_HOOK_NIC_OUT).id, before.at(WGS_HOOK_NIC_OUT));
    must(other.remove());
}

TEST_F(Adoption, LoadsAnewWhenProgramsHaveChangedPlaces) {
    const Ids before = run_agent(bpffs_);
    const fs::path first = bpffs_.programs() / "wgs_nic_in";
    const fs::path second = bpffs_.programs() / "wgs_wg_in";
    fs::rename(first, bpffs_.programs() / "aside");
    fs::rename(second, first);
    fs::rename(bpffs_.programs() / "aside", second);
    EXPECT_NE(load(bpffs_).at(WGS_HOOK_NIC_OUT).id, before.at(WGS_HOOK_NIC_OUT));
}

TEST_F(Adoption, LoadsAnewWhenATableIsNotTheOneThatWasPinned) {
    const Bpffs other(new_bpffs_path());
    (void)run_agent(other);
    // The programs know the first table, but not the second.
    for (const char* table : {"wgs_peers_v1", "wgs_records_v1"}) {
        const Ids before = run_agent(bpffs_);
        put("map", other.maps() / table, bpffs_.maps() / table);
        EXPECT_NE(run_agent(bpffs_), before) << table;
    }
    must(other.remove());
}

TEST_F(Adoption, OneMarkerIsKept) {
    ProgramSettings other = kSettings;
    other.hosts = true;
    (void)run_agent(bpffs_);
    (void)run_agent(bpffs_, other);
    EXPECT_EQ(std::distance(fs::directory_iterator(bpffs_.build()), {}), 1);
}

}  // namespace
}  // namespace wgs
