// SPDX-License-Identifier: Apache-2.0
#include "fake_kernel.h"

#include "maps/layout.h"

namespace wgs::test {
namespace {

// Longest-prefix match the slow, obvious way.
template <class Table>
const typename Table::mapped_type* match(const Table& table, const IpAddress& address) {
    const typename Table::mapped_type* best = nullptr;
    int length = -1;
    for (const auto& [prefix, value] : table) {
        if (prefix.length() > length && prefix.contains(address)) {
            best = &value;
            length = prefix.length();
        }
    }
    return best;
}

}  // namespace

class FakeKernel::FakeWireguard final : public WireguardDevice {
  public:
    FakeWireguard(FakeKernel& kernel, TunnelIndex index, const PublicKey& own_key)
        : kernel_(kernel), index_(index), own_key_(own_key) {}

    [[nodiscard]] BackendKind kind() const override { return BackendKind::kernel; }
    Result<std::optional<TunnelState>> observe() override {
        WGS_TRY(kernel_.enter("observe"));
        return tunnel();
    }
    Status create() override {
        WGS_TRY(kernel_.enter("create"));
        if (!tunnel()) tunnel() = TunnelState{.ifindex = kernel_.next_ifindex_++};
        kernel_.changed();
        return {};
    }
    Status configure(const TunnelSettings& settings) override {
        WGS_TRY(kernel_.enter("configure"));
        WGS_TRY(present());
        tunnel()->up = true;
        tunnel()->mtu = settings.mtu;
        tunnel()->port = settings.port;
        tunnel()->fwmark = settings.fwmark;
        tunnel()->public_key = own_key_;
        kernel_.changed();
        return {};
    }
    Result<std::optional<TunnelLink>> observe_link() override {
        WGS_TRY(kernel_.enter("observe"));
        if (!tunnel()) return std::nullopt;
        return TunnelLink{.ifindex = tunnel()->ifindex, .up = tunnel()->up, .mtu = tunnel()->mtu};
    }
    Status update_peers(std::span<const PeerUpdate> updates) override {
        for (const PeerUpdate& update : updates)
            WGS_TRY(update_peer(update));
        return {};
    }
    Status remove_allowed_ips(const PublicKey& peer, std::span<const Prefix> prefixes) override {
        WGS_TRY(kernel_.enter("remove_allowed_ips"));
        WGS_TRY(present());
        for (const Prefix& prefix : prefixes) {
            tunnel()->sessions.at(peer).allowed_ips.erase(prefix);
        }
        kernel_.changed();
        return {};
    }
    Status remove_peer(const PublicKey& peer) override {
        WGS_TRY(kernel_.enter("remove_peer"));
        WGS_TRY(present());
        tunnel()->sessions.erase(peer);
        kernel_.changed();
        return {};
    }
    Status destroy() override {
        WGS_TRY(kernel_.enter("destroy"));
        tunnel().reset();
        kernel_.changed();
        return {};
    }

  private:
    Status update_peer(const PeerUpdate& update) {
        WGS_TRY(kernel_.enter("update_peer"));
        WGS_TRY(present());
        for (const Prefix& prefix : update.add_allowed_ips)
            take(prefix);
        Session& session = tunnel()->sessions[update.public_key];
        if (update.endpoint) session.endpoint = update.endpoint;
        if (update.keepalive) session.keepalive = *update.keepalive;
        if (update.preshared_key) session.preshared_key = update.preshared_key->print();
        session.allowed_ips.insert(update.add_allowed_ips);
        kernel_.changed();
        return {};
    }
    [[nodiscard]] Status present() const {
        if (!tunnel()) return make_error(std::errc::no_such_device, "no tunnel");
        return {};
    }
    void take(const Prefix& prefix) {
        for (auto& [key, session] : tunnel()->sessions)
            session.allowed_ips.erase(prefix);
    }
    [[nodiscard]] std::optional<TunnelState>& tunnel() const { return kernel_.tunnels[index_]; }

    FakeKernel& kernel_;
    TunnelIndex index_;
    PublicKey own_key_;
};

class FakeKernel::FakeSteering final : public Steering {
  public:
    explicit FakeSteering(FakeKernel& kernel) : kernel_(kernel) {}

    Result<SteeringState> observe_tables() override {
        WGS_TRY(kernel_.enter("observe"));
        SteeringState tables = kernel_.steering;
        static_cast<HookState&>(tables) = {};
        tables.watched.clear();
        return tables;
    }
    Result<HookState> observe_hooks() override {
        WGS_TRY(kernel_.enter("observe"));
        return static_cast<const HookState&>(kernel_.steering);
    }
    Result<WatchTable> observe_watched() override {
        WGS_TRY(kernel_.enter("observe"));
        return kernel_.steering.watched;
    }
    Status set_tunnel(TunnelIndex index, const TunnelEntry& entry) override {
        return change("set_tunnel", [&] {
            kernel_.steering.tunnels.erase(index);
            if (entry.ifindex != 0) kernel_.steering.tunnels.emplace(index, entry);
        });
    }
    Status set_underlay(std::uint8_t index, const UnderlayEntry& entry) override {
        return change("set_underlay", [&] {
            kernel_.steering.underlays.erase(index);
            if (entry.ifindex != 0) kernel_.steering.underlays.emplace(index, entry);
        });
    }
    Status add_bypass(const Service& service) override {
        return change("add_bypass", [&] { kernel_.steering.bypass.insert(service); });
    }
    Status remove_bypass(const Service& service) override {
        return change("remove_bypass", [&] { kernel_.steering.bypass.erase(service); });
    }
    Status bind_peer(PeerId id, const PeerRecord& record) override {
        if (kernel_.steering.slots.contains(id)) return invalid("bind a bound id");
        return change("bind_peer", [&] {
            kernel_.steering.slots[id] = {.state = WGS_STATE_UNUSED, .way = {}, .record = record};
        });
    }
    Status update_record(PeerId id, const PeerRecord& record) override {
        if (!kernel_.steering.slots.contains(id)) return invalid("update a free id");
        return change("update_record", [&] { kernel_.steering.slots[id].record = record; });
    }
    Status set_peer_state(PeerId id, std::uint32_t state) override {
        if (!kernel_.steering.slots.contains(id)) return invalid("state of a free id");
        return change("set_peer_state", [&] { kernel_.steering.slots[id].state = state; });
    }
    Status set_peer_way(PeerId id, const PeerWay& way) override {
        if (!kernel_.steering.slots.contains(id)) return invalid("way of a free id");
        return change("set_peer_way", [&] { kernel_.steering.slots[id].way = way; });
    }
    Status release_peer(PeerId id) override {
        for (const auto& [prefix, owner] : kernel_.steering.prefixes) {
            if (owner.peer == id) return invalid("release an id in use");
        }
        return change("release_peer", [&] { kernel_.steering.slots.erase(id); });
    }
    Status set_prefixes(std::span<const PrefixRow> rows) override {
        return change_each("set_prefix", rows, [&](const PrefixRow& row) {
            kernel_.steering.prefixes[row.prefix] = row.owner;
        });
    }
    Status remove_prefixes(std::span<const Prefix> prefixes) override {
        return change_each("remove_prefix", prefixes,
                           [&](const Prefix& prefix) { kernel_.steering.prefixes.erase(prefix); });
    }
    Status set_watched(std::span<const WatchRow> rows) override {
        return change_each("set_watch", rows, [&](const WatchRow& row) {
            kernel_.steering.watched[row.prefix] = row.flags;
        });
    }
    Status remove_watched(std::span<const Prefix> prefixes) override {
        return change_each("remove_watch", prefixes,
                           [&](const Prefix& prefix) { kernel_.steering.watched.erase(prefix); });
    }
    Status set_pod(const IpAddress& address, const LocalPod& pod) override {
        return change("set_pod", [&] { kernel_.steering.pods[address] = pod; });
    }
    Status remove_pod(const IpAddress& address) override {
        return change("remove_pod", [&] { kernel_.steering.pods.erase(address); });
    }
    Status attach(const Hook& hook) override {
        return change("attach", [&] {
            kernel_.steering.hooks.insert(hook);
            kernel_.steering.outdated.erase(hook);
        });
    }
    Status detach(const Hook& hook) override {
        return change("detach", [&] {
            kernel_.steering.hooks.erase(hook);
            kernel_.steering.outdated.erase(hook);
        });
    }

  private:
    Status change(const std::string& call, const std::function<void()>& mutate) {
        WGS_TRY(kernel_.enter(call));
        mutate();
        kernel_.changed();
        return {};
    }
    // What the port takes at once the kernel shows one by one.
    template <class Item, class Mutate>
    Status change_each(const std::string& call, std::span<const Item> items, const Mutate& mutate) {
        for (const Item& item : items)
            WGS_TRY(change(call, [&] { mutate(item); }));
        return {};
    }
    FakeKernel& kernel_;
};

class FakeKernel::FakeLinks final : public Links {
  public:
    explicit FakeLinks(FakeKernel& kernel) : kernel_(kernel) {}
    Result<std::vector<Underlay>> underlays(const std::vector<std::string>&,
                                            const std::vector<IpAddress>&) override {
        WGS_TRY(kernel_.enter("observe"));
        return kernel_.underlays;
    }
    Result<std::set<std::uint16_t>> foreign_tunnels() override {
        WGS_TRY(kernel_.enter("observe"));
        return kernel_.foreign_tunnels;
    }
    Result<std::optional<std::uint32_t>> route(const IpAddress& address) override {
        WGS_TRY(kernel_.enter("observe"));
        const auto found = kernel_.routes.find(address);
        if (found == kernel_.routes.end()) return std::nullopt;
        return found->second;
    }
    Result<LocalPods> pods(const std::vector<std::string>&, const std::vector<Prefix>&) override {
        WGS_TRY(kernel_.enter("observe"));
        return kernel_.pods;
    }

  private:
    FakeKernel& kernel_;
};

FakeKernel::FakeKernel(const std::vector<PublicKey>& own_keys)
    : tunnels(own_keys.size()),
      tunnel(tunnels.front()),
      underlays({Underlay{.name = "eth0",
                          .ifindex = 2,
                          .mac = {2, 0, 0, 0, 0, 1},
                          .mtu = 1500,
                          .up = true,
                          .addresses = {}}}),
      steering_(std::make_shared<FakeSteering>(*this)),
      links_(std::make_shared<FakeLinks>(*this)) {
    for (const PublicKey& own_key : own_keys) {
        const auto index = static_cast<TunnelIndex>(wireguard_.size());
        wireguard_.push_back(std::make_shared<FakeWireguard>(*this, index, own_key));
    }
}

std::vector<std::reference_wrapper<WireguardDevice>> FakeKernel::wireguard() {
    std::vector<std::reference_wrapper<WireguardDevice>> devices;
    for (const auto& device : wireguard_)
        devices.emplace_back(*device);
    return devices;
}
Steering& FakeKernel::tables() {
    return *steering_;
}
Links& FakeKernel::links() {
    return *links_;
}

Status FakeKernel::enter(const std::string& call) {
    if (calls_until_failure_ > 0 && --calls_until_failure_ == 0) {
        return os_error(EIO, "injected failure of " + call);
    }
    if (call == "observe") {
        ++looks;
    } else {
        log.push_back(call);
    }
    return {};
}

void FakeKernel::handshake(const PublicKey& peer, Clock::time_point when) {
    for (auto& device : tunnels) {
        if (!device) continue;
        const auto session = device->sessions.find(peer);
        if (session != device->sessions.end()) session->second.last_handshake = when;
    }
}

Outcome FakeKernel::outcome(const IpAddress& destination, Policy policy) const {
    using Kind = Outcome::Kind;
    const bool hooked =
        !underlays.empty() && steering.hooks.contains({.ifindex = underlays.front().ifindex,
                                                       .point = HookPoint::nic_out});
    const Owner* owner = match(steering.prefixes, destination);
    if (!hooked || owner == nullptr || owner->peer == WGS_PEER_SELF) return {.kind = Kind::clear};
    const Outcome refused{.kind = policy == Policy::require ? Kind::dropped : Kind::clear};
    const auto slot = steering.slots.find(owner->peer);
    const bool ready = slot != steering.slots.end() && slot->second.state == WGS_STATE_READY;
    if (!ready) return refused;

    const TunnelIndex index = slot->second.record.tunnel;
    const auto entry = steering.tunnels.find(index);
    const auto& device = tunnels.at(index);
    if (!device || entry == steering.tunnels.end() || entry->second.ifindex != device->ifindex)
        return {.kind = Kind::lost};
    std::map<Prefix, PublicKey> allowed;
    for (const auto& [key, session] : device->sessions) {
        for (const Prefix& prefix : session.allowed_ips)
            allowed.emplace(prefix, key);
    }
    const PublicKey* peer = match(allowed, destination);
    if (peer == nullptr) return {.kind = Kind::lost};
    return {.kind = Kind::encrypted, .peer = *peer};
}

bool FakeKernel::watches(const IpAddress& source, const IpAddress& destination) const {
    const std::uint32_t* from = match(steering.watched, source);
    const std::uint32_t* to = match(steering.watched, destination);
    if (from == nullptr || to == nullptr) return false;
    if ((*from & WGS_WATCH_FROM) == 0 || (*to & WGS_WATCH_TO) == 0) return false;
    return ((*from | *to) & WGS_WATCH_POD) != 0 || (*from & *to & WGS_WATCH_HOSTS) != 0;
}

}  // namespace wgs::test
