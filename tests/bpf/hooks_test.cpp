// SPDX-License-Identifier: Apache-2.0
// Attaching, replacing, detecting and removing programs on devices, and the life of maps and pins.
#include "skeletons/hooks.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "loading.h"
#include "sandbox.h"
#include "skeletons/clsact.h"
#include "skeletons/loader.h"
#include "skeletons/pinned_link.h"
#include "skeletons/tcx.h"

namespace wgs {
namespace {

namespace fs = std::filesystem;

constexpr Place kLastOut{.direction = Direction::egress, .order = Order::last};

class HooksTest : public LoadingTest {
  protected:
    void SetUp() override {
        run_command("ip link add wgs-nic type veth peer name wgs-wire && ip link set wgs-nic up");
        nic_ = index_of("wgs-nic");
    }
    void TearDown() override {
        run_command("ip link del wgs-nic 2>/dev/null || true");
        EXPECT_TRUE(hooks_.detach_all());
        LoadingTest::TearDown();
    }

    [[nodiscard]] HookSite site(wgs_hook hook) const { return {.ifindex = nic_, .hook = hook}; }

    [[nodiscard]] std::string pin(wgs_hook hook) const {
        return bpffs_.links() / (std::string(program_name(hook)) + "-" + std::to_string(nic_));
    }

    // What is attached, and that it is one of `programs`.
    [[nodiscard]] std::vector<HookSite> attached(const Programs& programs) const {
        std::vector<HookSite> sites;
        const auto list = hooks_.list();
        for (const Attachment& found : list.value())
            if (found.program_id == programs.at(found.site.hook).id) sites.push_back(found.site);
        return sites;
    }

    // Ids of what a leaving packet meets by TCX, in this order.
    [[nodiscard]] std::vector<std::uint32_t> tcx_egress() const {
        constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
        std::vector<std::uint32_t> ids(8);
        auto count = static_cast<std::uint32_t>(ids.size());
        EXPECT_EQ(
            bpf_prog_query(static_cast<int>(nic_), kTcxEgress, 0, nullptr, ids.data(), &count), 0);
        ids.resize(count);
        return ids;
    }

    // How the hook's only attachment is listed.
    [[nodiscard]] std::string placement(wgs_hook hook) const {
        std::string text;
        const auto list = hooks_.list();
        for (const Attachment& found : list.value()) {
            if (found.site != site(hook)) continue;
            text += found.kind == AttachKind::tcx ? "tcx" : "clsact";
            if (found.program_id == 0) text += ", misplaced";
        }
        return text;
    }

    // One of somebody else, for which any program will do.
    void add_foreign_filter(const std::string& direction) const {
        run_command("tc filter add dev wgs-nic " + direction +
                    " pref 7 bpf direct-action object-pinned " +
                    (bpffs_.programs() / "wgs_nic_in").string());
    }

    Hooks hooks_{bpffs_};
    unsigned nic_ = 0;
};

TEST_F(HooksTest, AttachesAndDetaches) {
    const Programs programs = load_and_pin(bpffs_);
    for (const wgs_hook hook : {WGS_HOOK_NIC_OUT, WGS_HOOK_NIC_IN, WGS_HOOK_LEAK_WATCH}) {
        ASSERT_TRUE(hooks_.attach(site(hook), programs.at(hook)));
        EXPECT_EQ(attached(programs), std::vector{site(hook)});
        ASSERT_TRUE(hooks_.detach(site(hook)));
        EXPECT_TRUE(attached(programs).empty());
        EXPECT_TRUE(hooks_.detach(site(hook))) << "detaching twice";
    }
}

TEST_F(HooksTest, NewProgramsTakeThePlaceOfOldOnes) {
    {
        const Programs before = load_and_pin(bpffs_);
        ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), before.at(WGS_HOOK_NIC_OUT)));
    }
    const Programs after = load_and_pin(
        bpffs_,
        {.fwmark = kFwmark, .decrypted_mark = kDecrypted, .mark_mask = kMask | 1, .max_peers = 4});
    EXPECT_TRUE(attached(after).empty())
        << "the old program still runs, but is not the current one";
    EXPECT_EQ(hooks_.list()->size(), 1U);
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), after.at(WGS_HOOK_NIC_OUT)));
    EXPECT_EQ(attached(after), std::vector{site(WGS_HOOK_NIC_OUT)});
    EXPECT_EQ(hooks_.list()->size(), 1U);
}

TEST_F(HooksTest, MissesAProgramThatSomebodyDetached) {
    const Programs programs = load_and_pin(bpffs_);
    if (!has_tcx(programs.at(WGS_HOOK_NIC_OUT).fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), programs.at(WGS_HOOK_NIC_OUT)));
    run_command("bpftool link detach pinned " + pin(WGS_HOOK_NIC_OUT));
    EXPECT_TRUE(attached(programs).empty());
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), programs.at(WGS_HOOK_NIC_OUT)));
    EXPECT_EQ(attached(programs), std::vector{site(WGS_HOOK_NIC_OUT)});
}

// A packet which the one behind sees has passed the one before.
TEST_F(HooksTest, TheWatcherStaysBehindWhatIsAttachedLater) {
    const Programs programs = load_and_pin(bpffs_);
    if (!has_tcx(programs.at(WGS_HOOK_NIC_OUT).fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    const std::vector order{programs.at(WGS_HOOK_NIC_OUT).id, programs.at(WGS_HOOK_LEAK_WATCH).id};
    for (const wgs_hook hook : {WGS_HOOK_LEAK_WATCH, WGS_HOOK_NIC_OUT})
        ASSERT_TRUE(hooks_.attach(site(hook), programs.at(hook)));
    EXPECT_EQ(tcx_egress(), order);

    ASSERT_TRUE(hooks_.detach(site(WGS_HOOK_NIC_OUT)));
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), programs.at(WGS_HOOK_NIC_OUT)));
    EXPECT_EQ(tcx_egress(), order);

    run_command("bpftool link detach pinned " + pin(WGS_HOOK_LEAK_WATCH));
    ASSERT_TRUE(hooks_.detach(site(WGS_HOOK_NIC_OUT)));
    for (const wgs_hook hook : {WGS_HOOK_NIC_OUT, WGS_HOOK_LEAK_WATCH})
        ASSERT_TRUE(hooks_.attach(site(hook), programs.at(hook)));
    EXPECT_EQ(tcx_egress(), order);
}

TEST_F(HooksTest, ForgetsADeviceThatIsGone) {
    const Programs programs = load_and_pin(bpffs_);
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_IN), programs.at(WGS_HOOK_NIC_IN)));
    run_command("ip link del wgs-nic && ip link add wgs-nic type veth peer name wgs-wire");
    EXPECT_TRUE(attached(programs).empty());
    nic_ = index_of("wgs-nic");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_IN), programs.at(WGS_HOOK_NIC_IN)));
    EXPECT_EQ(attached(programs), std::vector{site(WGS_HOOK_NIC_IN)});
    // None where the kernel has no TCX.
    EXPECT_LE(std::distance(fs::directory_iterator(bpffs_.links()), {}), 1) << "a dead pin is left";
}

TEST_F(HooksTest, NamesTheDeviceThatIsMissing) {
    const Programs programs = load_and_pin(bpffs_);
    const Status result =
        hooks_.attach({.ifindex = 4242, .hook = WGS_HOOK_NIC_IN}, programs.at(WGS_HOOK_NIC_IN));
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("to device 4242: No such device"), std::string::npos)
        << result.error().message;
}

// With any program of theirs.
TEST_F(HooksTest, GoesBehindProgramsThatOthersAttachLater) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& out = programs.at(WGS_HOOK_NIC_OUT);
    const LoadedProgram& watcher = programs.at(WGS_HOOK_LEAK_WATCH);
    const LoadedProgram& other = programs.at(WGS_HOOK_NIC_IN);
    if (!has_tcx(out.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    const UniqueFd twin = load_twin(WGS_HOOK_NIC_OUT, bpffs_, kSettings).value();
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_LEAK_WATCH), watcher));
    EXPECT_FALSE(hooks_.is_overtaken(site(WGS_HOOK_NIC_OUT)).value());
    EXPECT_FALSE(hooks_.is_overtaken(site(WGS_HOOK_LEAK_WATCH)).value());

    const fs::path foreign = bpffs_.links() / "foreign";
    ASSERT_TRUE(put_tcx_link(foreign, other.fd.get(), {.ifindex = nic_, .place = kLastOut}));
    EXPECT_TRUE(hooks_.is_overtaken(site(WGS_HOOK_NIC_OUT)).value());
    EXPECT_TRUE(hooks_.is_overtaken(site(WGS_HOOK_LEAK_WATCH)).value());
    ASSERT_TRUE(hooks_.move_behind(site(WGS_HOOK_NIC_OUT), out, twin.get()));
    EXPECT_EQ(tcx_egress(), (std::vector{other.id, out.id}));
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_LEAK_WATCH), watcher));
    EXPECT_EQ(tcx_egress(), (std::vector{other.id, out.id, watcher.id}));
    EXPECT_FALSE(hooks_.is_overtaken(site(WGS_HOOK_NIC_OUT)).value());
    EXPECT_EQ(attached(programs).size(), 2U);
    ASSERT_TRUE(remove_pinned_link(foreign));
}

// As an agent leaves it that dies while it moves: neither is lost, nor stays when it is not wanted.
TEST_F(HooksTest, AMoveThatWasCutShortIsFinishedOrUndone) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& out = programs.at(WGS_HOOK_NIC_OUT);
    if (!has_tcx(out.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    const UniqueFd twin = load_twin(WGS_HOOK_NIC_OUT, bpffs_, kSettings).value();
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    const TcxPlace last{.ifindex = nic_, .place = kLastOut};
    ASSERT_TRUE(put_tcx_link(waiting_pin(pin(WGS_HOOK_NIC_OUT)), twin.get(), last));
    EXPECT_TRUE(hooks_.is_overtaken(site(WGS_HOOK_NIC_OUT)).value());
    const UniqueFd another = load_twin(WGS_HOOK_NIC_OUT, bpffs_, kSettings).value();
    ASSERT_TRUE(hooks_.move_behind(site(WGS_HOOK_NIC_OUT), out, another.get()));
    EXPECT_EQ(tcx_egress(), std::vector{out.id});

    ASSERT_TRUE(put_tcx_link(waiting_pin(pin(WGS_HOOK_NIC_OUT)), twin.get(), last));
    ASSERT_TRUE(hooks_.detach_all());
    EXPECT_TRUE(tcx_egress().empty());
}

TEST_F(HooksTest, StaysBehindTheFiltersOfOthersOnTheWayOut) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& out = programs.at(WGS_HOOK_NIC_OUT);
    if (!has_tcx(out.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "tcx");

    run_command("tc qdisc add dev wgs-nic clsact");
    add_foreign_filter("ingress");
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "tcx");
    add_foreign_filter("egress");
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "tcx, misplaced");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "clsact");

    run_command("tc filter del dev wgs-nic egress pref 7");
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "clsact");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "tcx");
    EXPECT_FALSE(find_clsact_filter(nic_, kLastOut, WGS_HOOK_NIC_OUT));
}

TEST_F(HooksTest, StaysBeforeTheFiltersOfOthersOnTheWayIn) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& in = programs.at(WGS_HOOK_NIC_IN);
    if (!has_tcx(in.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    run_command("tc qdisc add dev wgs-nic clsact");
    add_foreign_filter("ingress");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_IN), in));
    EXPECT_EQ(placement(WGS_HOOK_NIC_IN), "tcx");
}

TEST_F(HooksTest, TheWatcherFollowsWhatItWatches) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& out = programs.at(WGS_HOOK_NIC_OUT);
    const LoadedProgram& watcher = programs.at(WGS_HOOK_LEAK_WATCH);
    if (!has_tcx(out.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_LEAK_WATCH), watcher));
    run_command("tc qdisc add dev wgs-nic clsact");
    add_foreign_filter("egress");
    EXPECT_EQ(placement(WGS_HOOK_LEAK_WATCH), "tcx, misplaced");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    EXPECT_EQ(placement(WGS_HOOK_LEAK_WATCH), "") << "before the filter it would see leaks";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_LEAK_WATCH), watcher));
    EXPECT_EQ(placement(WGS_HOOK_LEAK_WATCH), "clsact");
    run_command("tc filter del dev wgs-nic egress pref 7");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_LEAK_WATCH), watcher));
    EXPECT_EQ(placement(WGS_HOOK_LEAK_WATCH), "clsact");
}

// As an agent leaves it that dies between putting the new and taking the old.
TEST_F(HooksTest, OneThatIsAttachedBothWaysIsPutRight) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& out = programs.at(WGS_HOOK_NIC_OUT);
    if (!has_tcx(out.fd.get())) GTEST_SKIP() << "the kernel has no TCX";
    run_command("tc qdisc add dev wgs-nic clsact");
    add_foreign_filter("egress");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    const fs::path pin = bpffs_.links() / ("wgs_nic_out-" + std::to_string(nic_));
    ASSERT_TRUE(put_tcx_link(pin, out.fd.get(), {.ifindex = nic_, .place = kLastOut}));
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "tcx, misplaced");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), out));
    EXPECT_EQ(placement(WGS_HOOK_NIC_OUT), "clsact");
}

TEST_F(HooksTest, ClsactFiltersAreReplacedFoundAndRemoved) {
    const Programs programs = load_and_pin(bpffs_);
    const LoadedProgram& first = programs.at(WGS_HOOK_NIC_OUT);
    const LoadedProgram& second = programs.at(WGS_HOOK_WG_IN);
    ASSERT_TRUE(ensure_clsact_qdisc(nic_, bpffs_.clsact()));
    for (const Direction direction : {Direction::ingress, Direction::egress}) {
        const Place place{.direction = direction};
        EXPECT_FALSE(find_clsact_filter(nic_, place, 1));
        ASSERT_TRUE(put_clsact_filter(nic_, place, 1, first.fd.get()));
        EXPECT_EQ(find_clsact_filter(nic_, place, 1), first.id);
        ASSERT_TRUE(put_clsact_filter(nic_, place, 1, second.fd.get()));
        EXPECT_EQ(find_clsact_filter(nic_, place, 1), second.id);
        ASSERT_TRUE(remove_clsact_filter(nic_, place, 1));
        EXPECT_FALSE(find_clsact_filter(nic_, place, 1));
        EXPECT_TRUE(remove_clsact_filter(nic_, place, 1)) << "removing twice";
    }
}

TEST_F(HooksTest, ClsactFiltersOfAnEgressAreInTheOrderOfTheirNumbers) {
    const Programs programs = load_and_pin(bpffs_);
    ASSERT_TRUE(ensure_clsact_qdisc(nic_, bpffs_.clsact()));
    for (const wgs_hook hook : {WGS_HOOK_LEAK_WATCH, WGS_HOOK_NIC_OUT})
        ASSERT_TRUE(put_clsact_filter(nic_, {.direction = Direction::egress, .order = Order::last},
                                      hook, programs.at(hook).fd.get()));
    run_command(
        "test \"$(tc filter show dev wgs-nic egress | grep -o 'name wgs_[a-z_]*' | xargs)\" ="
        " 'name wgs_nic_out name wgs_leak_watch'");
}

TEST_F(HooksTest, APodsVethIsNotDisturbedByAQdiscOfOurs) {
    const Programs programs = load(bpffs_);
    if (!has_tcx(programs.at(WGS_HOOK_POD_OUT).fd.get())) GTEST_SKIP() << "this kernel has no TCX";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_POD_OUT), programs.at(WGS_HOOK_POD_OUT)));
    EXPECT_EQ(attached(programs), std::vector{site(WGS_HOOK_POD_OUT)});
    EXPECT_FALSE(has_clsact_qdisc(nic_));

    run_command("tc qdisc add dev wgs-nic clsact");
    EXPECT_TRUE(attached(programs).empty()) << "a filter would have no say";
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_POD_OUT), programs.at(WGS_HOOK_POD_OUT)));
    ASSERT_EQ(hooks_.list()->size(), 1U);
    EXPECT_EQ(hooks_.list()->front().kind, AttachKind::clsact);
    EXPECT_EQ(attached(programs), std::vector{site(WGS_HOOK_POD_OUT)});
}

TEST_F(HooksTest, AtAPodsVethOthersHaveTheirSayFirst) {
    const Programs programs = load(bpffs_);
    run_command("tc qdisc add dev wgs-nic clsact");
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_POD_OUT), programs.at(WGS_HOOK_POD_OUT)));
    EXPECT_EQ(attached(programs), std::vector{site(WGS_HOOK_POD_OUT)});
    EXPECT_EQ(hooks_.list()->front().kind, AttachKind::clsact) << "TCX programs come before it";
    run_command("tc filter add dev wgs-nic ingress bpf bytecode '1,6 0 0 0,'");
    run_command("tc filter show dev wgs-nic ingress | grep pref | tail -1 | grep -q wgs_pod_out");
    ASSERT_TRUE(hooks_.detach(site(WGS_HOOK_POD_OUT)));
    EXPECT_TRUE(hooks_.list()->empty());
}

TEST_F(HooksTest, ForgetsPodsThatAreGone) {
    const Programs programs = load(bpffs_);
    run_command("tc qdisc add dev wgs-nic clsact");
    for (int pod = 0; pod < 3; ++pod) {
        ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_POD_OUT), programs.at(WGS_HOOK_POD_OUT)));
        run_command("ip link del wgs-nic && ip link add wgs-nic type veth peer name wgs-wire");
        run_command("tc qdisc add dev wgs-nic clsact");
        nic_ = index_of("wgs-nic");
    }
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_POD_OUT), programs.at(WGS_HOOK_POD_OUT)));
    EXPECT_EQ(std::distance(fs::directory_iterator(bpffs_.clsact()), {}), 1)
        << "more than the filter's marker";
}

TEST_F(HooksTest, FlowsAreKeptOnlyWhileTheyAreUsed) {
    const fs::path flows = bpffs_.maps() / "wgs_flows_v2";
    ProgramSettings fast = kSettings;
    fast.fast = true;
    { (void)load(bpffs_, fast); }
    EXPECT_TRUE(fs::exists(flows));
    { (void)load(bpffs_); }
    EXPECT_FALSE(fs::exists(flows));
}

TEST_F(HooksTest, AClsactQdiscGoesOnlyWhenItIsOursAndUnused) {
    const Programs programs = load_and_pin(bpffs_);
    const auto has_qdisc = [] {
        return std::system("tc qdisc show dev wgs-nic | grep -q clsact") == 0;
    };
    const int program = programs.at(WGS_HOOK_NIC_IN).fd.get();

    run_command("tc qdisc add dev wgs-nic clsact");
    ASSERT_TRUE(ensure_clsact_qdisc(nic_, bpffs_.clsact()));
    ASSERT_TRUE(remove_unused_clsact_qdiscs(bpffs_.clsact()));
    EXPECT_TRUE(has_qdisc()) << "somebody else's";
    run_command("tc qdisc del dev wgs-nic clsact");

    ASSERT_TRUE(ensure_clsact_qdisc(nic_, bpffs_.clsact()));
    ASSERT_TRUE(put_clsact_filter(nic_, {.direction = Direction::egress}, 9, program));
    ASSERT_TRUE(remove_unused_clsact_qdiscs(bpffs_.clsact()));
    EXPECT_TRUE(has_qdisc()) << "in use";
    run_command("tc qdisc del dev wgs-nic clsact");

    ASSERT_TRUE(ensure_clsact_qdisc(nic_, bpffs_.clsact()));
    ASSERT_TRUE(remove_unused_clsact_qdiscs(bpffs_.clsact()));
    EXPECT_FALSE(has_qdisc());
}

TEST_F(HooksTest, CleaningUpLeavesNoProgramOnTheDevice) {
    const Programs programs = load_and_pin(bpffs_);
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_OUT), programs.at(WGS_HOOK_NIC_OUT)));
    ASSERT_TRUE(hooks_.attach(site(WGS_HOOK_NIC_IN), programs.at(WGS_HOOK_NIC_IN)));
    ASSERT_TRUE(hooks_.detach_all());
    ASSERT_TRUE(bpffs_.remove());
    EXPECT_TRUE(hooks_.list()->empty());
    EXPECT_FALSE(fs::exists(bpffs_.root()));
    EXPECT_TRUE(bpffs_.remove()) << "cleaning up twice";
}

TEST_F(HooksTest, MapsKeepTheirContentAcrossLoads) {
    {
        must(load_and_pin(bpffs_).tables().peers.store(WGS_PEER_FIRST,
                                                       {.state = WGS_STATE_READY, .tunnel = 0}));
    }
    const auto peer = load_and_pin(bpffs_).tables().peers.find(WGS_PEER_FIRST);
    ASSERT_TRUE(peer && *peer);
    EXPECT_EQ((*peer)->state, static_cast<std::uint32_t>(WGS_STATE_READY));
}

TEST_F(HooksTest, PinnedMapsOfAnotherSizeAreAnError) {
    { (void)load_and_pin(bpffs_); }
    ProgramSettings larger = kSettings;
    larger.max_peers *= 2;
    const auto programs = Programs::load(bpffs_, larger);
    ASSERT_FALSE(programs);
    EXPECT_NE(programs.error().message.find(bpffs_.maps() / "wgs_peers_v1"), std::string::npos)
        << programs.error().message;
}

// These tests run in a private mount namespace, as an agent under `ip netns exec` does.
TEST_F(HooksTest, TheMountOutlivesAPrivateNamespace) {
    std::string path = fs::path("/var/tmp") / "wgs-bpffs-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    const Bpffs shared{fs::path(path)};
    const fs::path outside = "/proc/" + std::to_string(::getppid()) + "/root" + path;
    { (void)load_and_pin(shared); }
    EXPECT_TRUE(fs::exists(shared.programs() / "wgs_nic_out"));
    EXPECT_TRUE(fs::exists(outside / "progs" / "wgs_nic_out"));
    EXPECT_TRUE(shared.remove());
    EXPECT_FALSE(fs::exists(outside));
}

TEST_F(HooksTest, UsesADirectoryOfAMountedBpffs) {
    const fs::path mount = new_bpffs_path();
    fs::create_directory(mount);
    run_command("mount -t bpf other " + mount.string());
    const Bpffs inner(mount / "wgsteer");
    { (void)load_and_pin(inner); }
    EXPECT_TRUE(fs::exists(inner.programs() / "wgs_nic_out"));
    ASSERT_TRUE(inner.remove());
    EXPECT_FALSE(fs::exists(inner.root()));
    run_command("umount " + mount.string());
}

}  // namespace
}  // namespace wgs
