// SPDX-License-Identifier: Apache-2.0
// What every backend must do, over a real device of each kind.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "expect.h"
#include "kernel/wireguard.h"
#include "own_namespace.h"

namespace wgs::test {
namespace {

constexpr const char* kDevice = "wgtest0";
constexpr TunnelSettings kSettings{.port = 51999, .fwmark = 0x1000, .mtu = 1380};

class WireguardBackendTest : public OwnNamespace,
                             public testing::WithParamInterface<BackendChoice> {
  protected:
    void SetUp() override {
        OwnNamespace::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        device_ = open();
        const Status created = device_->create();
        if (!created && created.error().is(std::errc::operation_not_supported)) {
            GTEST_SKIP() << "this kernel has no WireGuard";
        }
        if (!created && created.error().is(std::errc::no_such_file_or_directory)) {
            GTEST_SKIP() << created.error().message;
        }
        ASSERT_OK(created);
        ASSERT_OK(device_->configure(kSettings));
    }

    void TearDown() override {
        if (device_) {
            const Status destroyed = device_->destroy();
            EXPECT_TRUE(destroyed) << destroyed.error().message;
        }
        OwnNamespace::TearDown();
    }

    std::unique_ptr<WireguardBackend> open() {
        return open_wireguard(GetParam(),
                              {.device = kDevice, .run_dir = directory(), .private_key = key_})
            .value();
    }

    TunnelState observe() {
        auto state = device_->observe();
        EXPECT_TRUE(state) << state.error().message;
        EXPECT_TRUE(state && *state) << "the device is gone";
        return state && *state ? **state : TunnelState{};
    }

    Status update(const PeerUpdate& update) { return device_->update_peers({&update, 1}); }

    void add(const PublicKey& peer, std::vector<Prefix> allowed_ips) {
        ASSERT_OK(update({.public_key = peer, .add_allowed_ips = std::move(allowed_ips)}));
    }

    PrefixSet allowed_ips(const PublicKey& peer) {
        const TunnelState state = observe();
        EXPECT_TRUE(state.sessions.contains(peer));
        return state.sessions.contains(peer) ? state.sessions.at(peer).allowed_ips : PrefixSet{};
    }

    PrivateKey key_ = PrivateKey::generate();
    std::unique_ptr<WireguardBackend> device_;
};

INSTANTIATE_TEST_SUITE_P(Backends, WireguardBackendTest,
                         testing::Values(BackendChoice::kernel, BackendChoice::userspace),
                         [](const auto& choice) {
                             return choice.param == BackendChoice::kernel ? "Kernel" : "Userspace";
                         });

TEST_P(WireguardBackendTest, ShowsWhatWasConfigured) {
    const TunnelState state = observe();
    EXPECT_NE(state.ifindex, 0U);
    EXPECT_TRUE(state.up);
    EXPECT_EQ(state.mtu, kSettings.mtu);
    EXPECT_EQ(state.port, kSettings.port);
    EXPECT_EQ(state.fwmark, kSettings.fwmark);
    EXPECT_EQ(state.public_key, key_.public_key());
    EXPECT_TRUE(state.sessions.empty());
}

TEST_P(WireguardBackendTest, CreatingAndConfiguringAgainChangesNothing) {
    add(peer_key(1), {prefix("10.1.0.0/24")});
    const TunnelState before = observe();
    ASSERT_OK(device_->create());
    ASSERT_OK(device_->configure(kSettings));
    const TunnelState after = observe();
    EXPECT_EQ(after.ifindex, before.ifindex);
    EXPECT_EQ(after.port, before.port);
    EXPECT_EQ(allowed_ips(peer_key(1)), PrefixSet{prefix("10.1.0.0/24")});
}

TEST_P(WireguardBackendTest, ChangesSettings) {
    ASSERT_OK(device_->configure({.port = 51998, .fwmark = 0x2000, .mtu = 1400}));
    const TunnelState state = observe();
    EXPECT_EQ(state.port, 51998);
    EXPECT_EQ(state.fwmark, 0x2000U);
    EXPECT_EQ(state.mtu, 1400U);
}

TEST_P(WireguardBackendTest, APortInUseIsAnErrorUntilItIsFree) {
    constexpr TunnelSettings kWanted{.port = 51997, .fwmark = 0x1000, .mtu = 1380};
    ASSERT_OK(device_->destroy());
    ASSERT_OK(device_->create());
    {
        const UniqueFd other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(kWanted.port);
        ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                  0);
        const Status configured = device_->configure(kWanted);
        ASSERT_FALSE(configured);
        EXPECT_TRUE(configured.error().is(std::errc::address_in_use)) << configured.error().message;
    }
    ASSERT_OK(device_->configure(kWanted));
    EXPECT_EQ(observe().port, kWanted.port);
}

TEST_P(WireguardBackendTest, SetsAndTakesAwayAPresharedKey) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(7);
    const PresharedKey secret{Secret<32>(bytes)};
    add(peer_key(1), {prefix("10.1.0.0/24")});
    EXPECT_EQ(observe().sessions.at(peer_key(1)).preshared_key, KeyPrint{});
    ASSERT_OK(update({.public_key = peer_key(1), .add_allowed_ips = {}, .preshared_key = secret}));
    EXPECT_EQ(observe().sessions.at(peer_key(1)).preshared_key, secret.print());
    add(peer_key(1), {prefix("10.2.0.0/24")});
    EXPECT_EQ(observe().sessions.at(peer_key(1)).preshared_key, secret.print());
    ASSERT_OK(update(
        {.public_key = peer_key(1), .add_allowed_ips = {}, .preshared_key = PresharedKey()}));
    EXPECT_EQ(observe().sessions.at(peer_key(1)).preshared_key, KeyPrint{});
    EXPECT_EQ(allowed_ips(peer_key(1)), (PrefixSet{prefix("10.1.0.0/24"), prefix("10.2.0.0/24")}));
}

TEST_P(WireguardBackendTest, ShowsAPeerAsItWasSet) {
    ASSERT_OK(update({.public_key = peer_key(1),
                      .endpoint = endpoint("fd50::2", 51820),
                      .keepalive = std::chrono::seconds(25),
                      .add_allowed_ips = {prefix("10.1.0.0/24"), prefix("fd00::/64")}}));
    const TunnelState state = observe();
    ASSERT_EQ(state.sessions.size(), 1U);
    const Session& session = state.sessions.at(peer_key(1));
    EXPECT_EQ(session.endpoint, endpoint("fd50::2", 51820));
    EXPECT_EQ(session.keepalive, std::chrono::seconds(25));
    EXPECT_EQ(session.last_handshake, std::nullopt);
    EXPECT_EQ(session.allowed_ips, (PrefixSet{prefix("10.1.0.0/24"), prefix("fd00::/64")}));
}

TEST_P(WireguardBackendTest, UpdateLeavesWhatItDoesNotName) {
    ASSERT_OK(update({.public_key = peer_key(1),
                      .endpoint = endpoint("192.0.2.1", 51820),
                      .keepalive = std::chrono::seconds(25),
                      .add_allowed_ips = {prefix("10.1.0.0/24")}}));
    add(peer_key(1), {prefix("10.2.0.0/24")});
    const Session session = observe().sessions.at(peer_key(1));
    EXPECT_EQ(session.endpoint, endpoint("192.0.2.1", 51820));
    EXPECT_EQ(session.keepalive, std::chrono::seconds(25));
    EXPECT_EQ(session.allowed_ips, (PrefixSet{prefix("10.1.0.0/24"), prefix("10.2.0.0/24")}));
}

TEST_P(WireguardBackendTest, HoldsThousandsOfAllowedIpsOnOnePeer) {
    const std::vector<Prefix> prefixes = host_prefixes(3'000);
    add(peer_key(1), prefixes);
    add(peer_key(2), {prefix("192.168.0.0/16")});
    EXPECT_EQ(allowed_ips(peer_key(1)), PrefixSet(prefixes));
    EXPECT_EQ(allowed_ips(peer_key(2)), PrefixSet{prefix("192.168.0.0/16")});
}

TEST_P(WireguardBackendTest, AddingMovesAPrefixFromItsHolder) {
    add(peer_key(1), {prefix("10.1.0.0/24"), prefix("10.2.0.0/24")});
    add(peer_key(2), {prefix("10.1.0.0/24")});
    EXPECT_EQ(allowed_ips(peer_key(1)), PrefixSet{prefix("10.2.0.0/24")});
    EXPECT_EQ(allowed_ips(peer_key(2)), PrefixSet{prefix("10.1.0.0/24")});
}

TEST_P(WireguardBackendTest, RemovesSinglePrefixesAndLeavesNoOtherPeer) {
    const std::vector<Prefix> prefixes = host_prefixes(2'000);
    add(peer_key(1), prefixes);
    const std::span<const Prefix> all(prefixes);
    for (const auto part : {all.first(500), all.subspan(500, 1'499)}) {
        ASSERT_OK(device_->remove_allowed_ips(peer_key(1), part));
    }
    EXPECT_EQ(allowed_ips(peer_key(1)), PrefixSet{prefixes.back()});
    EXPECT_EQ(observe().sessions.size(), 1U);
}

TEST_P(WireguardBackendTest, RemovingTakesNothingFromOtherPeers) {
    add(peer_key(1), {prefix("10.1.0.0/24")});
    add(peer_key(2), {prefix("10.2.0.0/24")});
    const std::vector<Prefix> both{prefix("10.1.0.0/24"), prefix("10.2.0.0/24")};
    ASSERT_OK(device_->remove_allowed_ips(peer_key(1), both));
    EXPECT_TRUE(allowed_ips(peer_key(1)).empty());
    EXPECT_EQ(allowed_ips(peer_key(2)), PrefixSet{prefix("10.2.0.0/24")});
}

TEST_P(WireguardBackendTest, RemovingFromAnUnknownPeerDoesNotCreateIt) {
    const std::vector<Prefix> prefixes{prefix("10.1.0.0/24")};
    ASSERT_OK(device_->remove_allowed_ips(peer_key(1), prefixes));
    ASSERT_OK(device_->remove_peer(peer_key(1)));
    EXPECT_TRUE(observe().sessions.empty());
}

TEST_P(WireguardBackendTest, RemovesAPeer) {
    add(peer_key(1), {prefix("10.1.0.0/24")});
    add(peer_key(2), {prefix("10.2.0.0/24")});
    ASSERT_OK(device_->remove_peer(peer_key(1)));
    const TunnelState state = observe();
    ASSERT_EQ(state.sessions.size(), 1U);
    EXPECT_TRUE(state.sessions.contains(peer_key(2)));
}

TEST_P(WireguardBackendTest, IsTakenOverByTheNextOwner) {
    add(peer_key(1), {prefix("10.1.0.0/24")});
    const std::uint32_t ifindex = observe().ifindex;
    const auto opened = open_wireguard(
        BackendChoice::automatic, {.device = kDevice, .run_dir = directory(), .private_key = key_});
    ASSERT_OK(opened);
    EXPECT_EQ((*opened)->kind(), device_->kind());
    device_ = open();
    ASSERT_OK(device_->create());
    EXPECT_EQ(observe().ifindex, ifindex);
    EXPECT_EQ(allowed_ips(peer_key(1)), PrefixSet{prefix("10.1.0.0/24")});
}

TEST_P(WireguardBackendTest, DestroyLeavesNothingAndMayBeRepeated) {
    ASSERT_OK(device_->destroy());
    ASSERT_OK(device_->destroy());
    const auto state = device_->observe();
    ASSERT_OK(state);
    EXPECT_FALSE(state->has_value());
    EXPECT_TRUE(std::filesystem::is_empty(directory()));
}

TEST_P(WireguardBackendTest, CanBeCreatedAgainAfterItWasDeletedByHand) {
    ip(std::string("link delete ") + kDevice);
    const auto gone = device_->observe();
    ASSERT_OK(gone);
    EXPECT_FALSE(gone->has_value());
    ASSERT_OK(device_->create());
    ASSERT_OK(device_->configure(kSettings));
    EXPECT_TRUE(observe().up);
}

TEST_P(WireguardBackendTest, DevicesOfEqualNameInTwoNamespacesDoNotMeet) {
    add(peer_key(1), {prefix("10.1.0.0/24")});
    const NetNamespace elsewhere("second");
    {
        const Within inside(elsewhere);
        const auto second = open_wireguard(
            GetParam(),
            {.device = kDevice, .run_dir = directory() / "second", .private_key = key_});
        ASSERT_OK(second);
        ASSERT_OK((*second)->create());
        ASSERT_OK((*second)->configure(kSettings));
        const auto state = (*second)->observe();
        ASSERT_OK(state);
        EXPECT_TRUE((*state)->sessions.empty());
        ASSERT_OK((*second)->destroy());
    }
    EXPECT_EQ(observe().sessions.size(), 1U);
}

class ForeignLinkTest : public OwnNamespace, public testing::WithParamInterface<BackendChoice> {};

INSTANTIATE_TEST_SUITE_P(Choices, ForeignLinkTest,
                         testing::Values(BackendChoice::automatic, BackendChoice::kernel,
                                         BackendChoice::userspace));

TEST_P(ForeignLinkTest, OfTheSameNameIsAnErrorAndIsLeftAlone) {
    add_nic(kDevice);
    const PrivateKey key = PrivateKey::generate();
    const auto device =
        open_wireguard(GetParam(), {.device = kDevice, .run_dir = directory(), .private_key = key});
    ASSERT_OK(device);
    const auto state = (*device)->observe();
    ASSERT_FALSE(state);
    EXPECT_TRUE(state.error().is(std::errc::file_exists));
    EXPECT_NE(state.error().message.find("wgtest0 exists and is of type 'veth'"), std::string::npos)
        << state.error().message;
    EXPECT_FALSE((*device)->create());
    EXPECT_FALSE((*device)->destroy());
    EXPECT_TRUE(has_link(kDevice));
}

}  // namespace
}  // namespace wgs::test
