// SPDX-License-Identifier: Apache-2.0
// The guard on a device: both modes, replaced in place, and never in the place of another program.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "sandbox.h"
#include "skeletons/hooks.h"
#include "skeletons/pinned_link.h"
#include "world.h"

namespace wgs {
namespace {

constexpr ProgramSettings kSettings{
    .fwmark = kFwmark, .decrypted_mark = kDecrypted, .mark_mask = kMask, .max_peers = 4};

AttachKind kind_of(XdpMode mode) {
    return mode == XdpMode::native ? AttachKind::xdp_native : AttachKind::xdp_generic;
}

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, Deleter<&::pclose>> pipe(::popen(command.c_str(), "r"));
    std::string text;
    for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;)
        text.push_back(static_cast<char>(c));
    return text;
}

class XdpHooks : public testing::TestWithParam<XdpMode> {
  protected:
    void SetUp() override {
        run_command(
            "ip link add wgs-nic type veth peer name wgs-wire && ip link set wgs-nic up && "
            "ip link set wgs-wire up");
        site_.ifindex = index_of("wgs-nic");
    }
    void TearDown() override {
        run_command("ip link del wgs-nic 2>/dev/null || true");
        EXPECT_TRUE(hooks_.detach_all());
        EXPECT_TRUE(bpffs_.remove());
    }

    [[nodiscard]] Programs load(const ProgramSettings& settings = kSettings) const {
        must(bpffs_.prepare());
        auto programs = Programs::load(bpffs_, settings);
        if (!programs) throw std::runtime_error(programs.error().message);
        must(programs->pin(bpffs_));
        return std::move(*programs);
    }
    [[nodiscard]] Status attach(const Programs& programs, XdpMode mode = GetParam()) const {
        return hooks_.attach_xdp(site_, mode, programs.at(WGS_HOOK_NIC_GUARD));
    }
    // The one thing attached is the guard of `programs` in this mode.
    [[nodiscard]] testing::AssertionResult runs(const Programs& programs,
                                                XdpMode mode = GetParam()) const {
        const auto list = hooks_.list();
        if (!list || list->size() != 1) return testing::AssertionFailure() << "not attached";
        const Attachment& found = list->front();
        return found.site == site_ && found.kind == kind_of(mode) &&
                       found.program_id == programs.at(WGS_HOOK_NIC_GUARD).id
                   ? testing::AssertionSuccess()
                   : testing::AssertionFailure() << "program " << found.program_id;
    }
    [[nodiscard]] static std::string device() { return output_of("ip link show wgs-nic"); }

    // Somebody else's program on the device, attached without a link as `ip link` does.
    void attach_foreign(const Programs& programs) const {
        const auto pin = bpffs_.root() / "foreign";
        run_command("bpftool prog pin id " + std::to_string(programs.at(WGS_HOOK_NIC_GUARD).id) +
                    " " + pin.string());
        const char* type = GetParam() == XdpMode::native ? "xdpdrv" : "xdpgeneric";
        run_command(std::string("bpftool net attach ") + type + " pinned " + pin.string() +
                    " dev wgs-nic");
        std::filesystem::remove(pin);
    }
    static void detach_foreign() {
        run_command("ip link set wgs-nic xdpdrv off && ip link set wgs-nic xdpgeneric off");
    }

    Bpffs bpffs_{new_bpffs_path()};
    Hooks hooks_{bpffs_};
    HookSite site_{.hook = WGS_HOOK_NIC_GUARD};
};

std::string mode_name(const testing::TestParamInfo<XdpMode>& info) {
    return std::string(to_string(info.param));
}

INSTANTIATE_TEST_SUITE_P(, XdpHooks, testing::Values(XdpMode::native, XdpMode::generic), mode_name);

TEST_P(XdpHooks, AttachAndDetach) {
    const Programs programs = load();
    ASSERT_TRUE(attach(programs));
    EXPECT_TRUE(runs(programs));
    const bool generic = device().find("xdpgeneric") != std::string::npos;
    EXPECT_EQ(generic, GetParam() == XdpMode::generic) << device();
    ASSERT_TRUE(hooks_.detach(site_));
    EXPECT_TRUE(hooks_.list()->empty());
    EXPECT_EQ(device().find("xdp"), std::string::npos) << device();
    EXPECT_TRUE(hooks_.detach(site_)) << "detaching twice";
}

TEST_P(XdpHooks, ANewProgramTakesThePlaceOfTheOldOneInItsLink) {
    { must(attach(load())); }
    const auto link = [&] {
        return output_of(
            "bpftool link show pinned " +
            (bpffs_.links() / ("wgs_nic_guard-" + std::to_string(site_.ifindex))).string() +
            " | cut -d: -f1 | head -n1");
    };
    const std::string before = link();
    ProgramSettings other = kSettings;
    other.hosts = true;
    const Programs after = load(other);
    EXPECT_FALSE(runs(after));
    ASSERT_TRUE(attach(after));
    EXPECT_TRUE(runs(after));
    EXPECT_EQ(link(), before) << "a gap without a guard";
}

TEST_P(XdpHooks, TheModeCanChange) {
    const Programs programs = load();
    const XdpMode other = GetParam() == XdpMode::native ? XdpMode::generic : XdpMode::native;
    ASSERT_TRUE(attach(programs, other));
    EXPECT_FALSE(runs(programs));
    ASSERT_TRUE(attach(programs));
    EXPECT_TRUE(runs(programs));
}

TEST_P(XdpHooks, AForeignProgramStaysAndIsNamed) {
    const Programs programs = load();
    attach_foreign(programs);
    const std::string id = std::to_string(programs.at(WGS_HOOK_NIC_GUARD).id);
    for (const XdpMode mode : {XdpMode::native, XdpMode::generic}) {
        const Status refused = attach(programs, mode);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("'wgs_nic_guard' (id " + id + ")"),
                  std::string::npos)
            << refused.error().message;
    }
    EXPECT_TRUE(hooks_.list()->empty()) << "what is attached is not ours";
    must(hooks_.detach_all());
    EXPECT_NE(device().find("prog/xdp id " + id), std::string::npos) << device();
    detach_foreign();
    EXPECT_TRUE(attach(programs));
}

TEST_P(XdpHooks, ADeviceThatIsGoneIsForgotten) {
    const Programs programs = load();
    ASSERT_TRUE(attach(programs));
    run_command("ip link del wgs-nic && ip link add wgs-nic type veth peer name wgs-wire");
    EXPECT_TRUE(hooks_.list()->empty());
    site_.ifindex = index_of("wgs-nic");
    ASSERT_TRUE(attach(programs));
    EXPECT_TRUE(runs(programs));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(bpffs_.links()), {}), 1)
        << "a dead pin is left";
}

TEST_P(XdpHooks, ADriverWithoutNativeXdpSaysSo) {
    const Programs programs = load();
    site_.ifindex = index_of("lo");
    const Status refused = attach(programs, XdpMode::native);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "the driver has no native XDP");
    EXPECT_TRUE(attach(programs, XdpMode::generic));
}

}  // namespace
}  // namespace wgs
