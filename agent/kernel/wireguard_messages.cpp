// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard_messages.h"

#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "kernel/rtnetlink.h"

namespace wgs {
namespace {

// Since Linux 6.16 in <linux/wireguard.h>, which may be older here.
constexpr int kAllowedIpFlags = 4;                      // WGALLOWEDIP_A_FLAGS
constexpr std::uint32_t kAllowedIpRemoveMe = 1U << 0U;  // WGALLOWEDIP_F_REMOVE_ME

// Room for one allowed IP with all of its attributes.
constexpr std::size_t kAllowedIpRoom = 64;

// Room for a peer with its settings and one allowed IP.
constexpr std::size_t kPeerRoom = 256;

enum class AllowedIpAction { add, remove };

// libnl's only reason to fail here is a message without room, which the sizes above rule out.
void require(bool done) {
    if (!done) throw std::bad_alloc();
}

class Nest {
  public:
    Nest(nl_msg* message, int type)
        : message_(message), start_(nla_nest_start(message, NLA_F_NESTED | type)) {
        require(start_ != nullptr);
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { nla_nest_end(message_, start_); }

  private:
    nl_msg* message_;
    nlattr* start_;
};

void put(nl_msg* message, int type, std::span<const std::uint8_t> bytes) {
    require(nla_put(message, type, static_cast<int>(bytes.size()), bytes.data()) == 0);
}

void put_endpoint(nl_msg* message, const Endpoint& endpoint) {
    const auto bytes = endpoint.address.bytes();
    if (endpoint.address.family() == Family::v4) {
        sockaddr_in socket{};
        socket.sin_family = AF_INET;
        socket.sin_port = htons(endpoint.port);
        std::memcpy(&socket.sin_addr, bytes.data(), bytes.size());
        require(nla_put(message, WGPEER_A_ENDPOINT, sizeof(socket), &socket) == 0);
    } else {
        sockaddr_in6 socket{};
        socket.sin6_family = AF_INET6;
        socket.sin6_port = htons(endpoint.port);
        std::memcpy(&socket.sin6_addr, bytes.data(), bytes.size());
        require(nla_put(message, WGPEER_A_ENDPOINT, sizeof(socket), &socket) == 0);
    }
}

void put_allowed_ip(nl_msg* message, const Prefix& prefix, AllowedIpAction action) {
    const Nest nest(message, 0);
    const std::uint16_t family = prefix.family() == Family::v4 ? AF_INET : AF_INET6;
    require(nla_put_u16(message, WGALLOWEDIP_A_FAMILY, family) == 0);
    put(message, WGALLOWEDIP_A_IPADDR, prefix.address().bytes());
    require(nla_put_u8(message, WGALLOWEDIP_A_CIDR_MASK,
                       static_cast<std::uint8_t>(prefix.length())) == 0);
    if (action == AllowedIpAction::remove) {
        require(nla_put_u32(message, kAllowedIpFlags, kAllowedIpRemoveMe) == 0);
    }
}

NetlinkMessage start_request(int family, int flags, std::uint8_t command,
                             const std::string& device) {
    NetlinkMessage message(nlmsg_alloc_size(kLongestWireguardRequest));
    require(message != nullptr);
    require(genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command,
                        WG_GENL_VERSION) != nullptr);
    require(nla_put_string(message.get(), WGDEVICE_A_IFNAME, device.c_str()) == 0);
    return message;
}

bool has_room(nl_msg* message, std::size_t room) {
    return nlmsg_hdr(message)->nlmsg_len + room <= kLongestWireguardRequest;
}

// Takes as many prefixes off the front of `prefixes` as the message has room for.
void put_allowed_ips(nl_msg* message, std::span<const Prefix>& prefixes, AllowedIpAction action) {
    const Nest nest(message, WGPEER_A_ALLOWEDIPS);
    while (!prefixes.empty() && has_room(message, kAllowedIpRoom)) {
        put_allowed_ip(message, prefixes.front(), action);
        prefixes = prefixes.subspan(1);
    }
}

void put_changes(nl_msg* message, const PeerUpdate& update) {
    if (update.endpoint) put_endpoint(message, *update.endpoint);
    if (update.preshared_key) put(message, WGPEER_A_PRESHARED_KEY, update.preshared_key->bytes());
    if (update.keepalive) {
        require(nla_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
                            static_cast<std::uint16_t>(update.keepalive->count())) == 0);
    }
}

// Takes peers off the front of `updates` while they fit, but for the last one, of which it takes
// what fits: `left` are then its other allowed IPs.
void put_peers(nl_msg* message, std::span<const PeerUpdate>& updates,
               std::span<const Prefix>& left) {
    const Nest peers(message, WGDEVICE_A_PEERS);
    while (true) {
        const PeerUpdate& update = updates.front();
        const Nest nest(message, 0);
        put(message, WGPEER_A_PUBLIC_KEY, update.public_key.bytes());
        put_changes(message, update);
        left = update.add_allowed_ips;
        put_allowed_ips(message, left, AllowedIpAction::add);
        if (!left.empty() || updates.size() == 1 || !has_room(message, kPeerRoom)) return;
        updates = updates.subspan(1);
    }
}

// A request which concerns one peer; `fill` puts that peer's attributes after the key and the
// flags.
template <class Fill>
NetlinkMessage peer_request(int family, const std::string& device, const PublicKey& peer,
                            std::uint32_t flags, Fill fill) {
    NetlinkMessage message = start_request(family, 0, WG_CMD_SET_DEVICE, device);
    const Nest peers(message.get(), WGDEVICE_A_PEERS);
    const Nest nest(message.get(), 0);
    put(message.get(), WGPEER_A_PUBLIC_KEY, peer.bytes());
    if (flags != 0) require(nla_put_u32(message.get(), WGPEER_A_FLAGS, flags) == 0);
    fill(message.get());
    return message;
}

Result<PublicKey> decode_key(nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) != PublicKey::kSize) {
        return make_error(std::errc::protocol_error, "WireGuard's dump has a bad key");
    }
    const auto* bytes = static_cast<const std::uint8_t*>(nla_data(attribute));
    return PublicKey(std::span<const std::uint8_t, PublicKey::kSize>(bytes, PublicKey::kSize));
}

Result<KeyPrint> decode_preshared_key(nlattr* attribute) {
    if (nla_len(attribute) != PresharedKey::kSize)
        return make_error(std::errc::protocol_error, "WireGuard's dump has a bad pre-shared key");
    const auto* bytes = static_cast<const std::uint8_t*>(nla_data(attribute));
    return print_of(std::span<const std::uint8_t, PresharedKey::kSize>(bytes, PresharedKey::kSize));
}

Result<Endpoint> decode_endpoint(nlattr* attribute) {
    const auto size = static_cast<std::size_t>(nla_len(attribute));
    const void* data = nla_data(attribute);
    if (size == sizeof(sockaddr_in)) {
        const auto& socket = *static_cast<const sockaddr_in*>(data);
        return Endpoint{.address = WGS_TRY(address_from_bytes(&socket.sin_addr, 4)),
                        .port = ntohs(socket.sin_port)};
    }
    if (size == sizeof(sockaddr_in6)) {
        const auto& socket = *static_cast<const sockaddr_in6*>(data);
        return Endpoint{.address = WGS_TRY(address_from_bytes(&socket.sin6_addr, 16)),
                        .port = ntohs(socket.sin6_port)};
    }
    return make_error(std::errc::protocol_error, "WireGuard's dump has a bad endpoint");
}

std::optional<Clock::time_point> decode_time(nlattr* attribute) {
    __kernel_timespec time{};
    nla_memcpy(&time, attribute, sizeof(time));
    if (time.tv_sec == 0 && time.tv_nsec == 0) return std::nullopt;
    const auto since_epoch =
        std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(since_epoch));
}

Result<Prefix> decode_allowed_ip(nlattr& nested) {
    std::array<nlattr*, WGALLOWEDIP_A_MAX + 1> attributes{};
    const int error = nla_parse_nested(attributes.data(), WGALLOWEDIP_A_MAX, &nested, nullptr);
    if (error < 0) return netlink_error(error, "parse an allowed IP");
    nlattr* bytes = attributes[WGALLOWEDIP_A_IPADDR];
    nlattr* length = attributes[WGALLOWEDIP_A_CIDR_MASK];
    if (bytes == nullptr || length == nullptr) return invalid("allowed IP without address or mask");
    const auto address =
        WGS_TRY(address_from_bytes(nla_data(bytes), static_cast<std::size_t>(nla_len(bytes))));
    if (nla_get_u8(length) > address.bits()) return invalid("allowed IP with a bad mask");
    return Prefix(address, nla_get_u8(length));
}

// Calls `visit` for each attribute within `nest`, until one fails.
template <class Visit>
Status for_each_nested(nlattr* nest, Visit visit) {
    int left = 0;
    nlattr* child = nullptr;
    nla_for_each_nested(child, nest, left) WGS_TRY(visit(*child));
    return {};
}

// Continuations of a peer repeat nothing but its key, so only what is there is taken over.
Status decode_session(const std::array<nlattr*, WGPEER_A_MAX + 1>& attributes, Session& session) {
    if (nlattr* endpoint = attributes[WGPEER_A_ENDPOINT]) {
        session.endpoint = WGS_TRY(decode_endpoint(endpoint));
    }
    if (nlattr* key = attributes[WGPEER_A_PRESHARED_KEY]) {
        session.preshared_key = WGS_TRY(decode_preshared_key(key));
    }
    if (nlattr* keepalive = attributes[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]) {
        session.keepalive = std::chrono::seconds(nla_get_u16(keepalive));
    }
    if (nlattr* time = attributes[WGPEER_A_LAST_HANDSHAKE_TIME]) {
        session.last_handshake = decode_time(time);
    }
    if (nlattr* bytes = attributes[WGPEER_A_RX_BYTES]) session.rx_bytes = nla_get_u64(bytes);
    if (nlattr* bytes = attributes[WGPEER_A_TX_BYTES]) session.tx_bytes = nla_get_u64(bytes);
    nlattr* allowed_ips = attributes[WGPEER_A_ALLOWEDIPS];
    if (allowed_ips == nullptr) return {};
    std::vector<Prefix> prefixes;
    const auto take = [&](nlattr& nested) -> Status {
        prefixes.push_back(WGS_TRY(decode_allowed_ip(nested)));
        return {};
    };
    WGS_TRY(for_each_nested(allowed_ips, take));
    session.allowed_ips.insert(prefixes);
    return {};
}

}  // namespace

NetlinkMessage WireguardEncoder::get_device() const {
    return start_request(family_, NLM_F_DUMP, WG_CMD_GET_DEVICE, device_);
}

NetlinkMessage WireguardEncoder::set_device(const TunnelSettings& settings,
                                            const PrivateKey& key) const {
    NetlinkMessage message = start_request(family_, 0, WG_CMD_SET_DEVICE, device_);
    put(message.get(), WGDEVICE_A_PRIVATE_KEY, key.bytes());
    require(nla_put_u16(message.get(), WGDEVICE_A_LISTEN_PORT, settings.port) == 0);
    require(nla_put_u32(message.get(), WGDEVICE_A_FWMARK, settings.fwmark) == 0);
    return message;
}

std::vector<NetlinkMessage> WireguardEncoder::update_peers(
    std::span<const PeerUpdate> updates) const {
    std::vector<NetlinkMessage> messages;
    while (!updates.empty()) {
        std::span<const Prefix> left = updates.front().add_allowed_ips;
        messages.push_back(start_request(family_, 0, WG_CMD_SET_DEVICE, device_));
        put_peers(messages.back().get(), updates, left);
        const PublicKey& last = updates.front().public_key;
        updates = updates.subspan(1);
        while (!left.empty()) {
            messages.push_back(peer_request(
                family_, device_, last, WGPEER_F_UPDATE_ONLY,
                [&](nl_msg* message) { put_allowed_ips(message, left, AllowedIpAction::add); }));
        }
    }
    return messages;
}

std::vector<NetlinkMessage> WireguardEncoder::remove_allowed_ips(
    const PublicKey& peer, std::span<const Prefix> prefixes) const {
    std::vector<NetlinkMessage> messages;
    while (!prefixes.empty()) {
        messages.push_back(peer_request(
            family_, device_, peer, WGPEER_F_UPDATE_ONLY,
            [&](nl_msg* message) { put_allowed_ips(message, prefixes, AllowedIpAction::remove); }));
    }
    return messages;
}

NetlinkMessage WireguardEncoder::remove_peer(const PublicKey& peer) const {
    return peer_request(family_, device_, peer, WGPEER_F_REMOVE_ME, [](nl_msg*) {});
}

Status WireguardDecoder::take(nlmsghdr& message) {
    std::array<nlattr*, WGDEVICE_A_MAX + 1> attributes{};
    const int error = genlmsg_parse(&message, 0, attributes.data(), WGDEVICE_A_MAX, nullptr);
    if (error < 0) return netlink_error(error, "parse a WireGuard dump");
    if (attributes[WGDEVICE_A_PUBLIC_KEY] != nullptr) {
        state_.public_key = WGS_TRY(decode_key(attributes[WGDEVICE_A_PUBLIC_KEY]));
    }
    if (nlattr* port = attributes[WGDEVICE_A_LISTEN_PORT]) state_.port = nla_get_u16(port);
    if (nlattr* mark = attributes[WGDEVICE_A_FWMARK]) state_.fwmark = nla_get_u32(mark);
    nlattr* peers = attributes[WGDEVICE_A_PEERS];
    if (peers == nullptr) return {};
    return for_each_nested(peers, [this](nlattr& peer) { return take_peer(peer); });
}

Result<std::optional<std::uint16_t>> listen_port(nlmsghdr& message) {
    std::array<nlattr*, WGDEVICE_A_MAX + 1> attributes{};
    const int error = genlmsg_parse(&message, 0, attributes.data(), WGDEVICE_A_MAX, nullptr);
    if (error < 0) return netlink_error(error, "parse a WireGuard dump");
    nlattr* port = attributes[WGDEVICE_A_LISTEN_PORT];
    if (port == nullptr) return std::nullopt;
    if (nla_len(port) != sizeof(std::uint16_t))
        return make_error(std::errc::protocol_error, "WireGuard's dump has a bad port");
    return nla_get_u16(port);
}

Status WireguardDecoder::take_peer(nlattr& peer) {
    std::array<nlattr*, WGPEER_A_MAX + 1> attributes{};
    const int error = nla_parse_nested(attributes.data(), WGPEER_A_MAX, &peer, nullptr);
    if (error < 0) return netlink_error(error, "parse a WireGuard peer");
    const PublicKey key = WGS_TRY(decode_key(attributes[WGPEER_A_PUBLIC_KEY]));
    return decode_session(attributes, state_.sessions[key]);
}

}  // namespace wgs
