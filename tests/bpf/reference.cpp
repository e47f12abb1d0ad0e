// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include <arpa/inet.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <set>
#include <span>
#include <stdexcept>

namespace wgs {
namespace {

// Thrown at the first byte that a frame does not have.
struct Cut {};

class Reader {
  public:
    explicit Reader(const Bytes& bytes) : bytes_(bytes) {}

    std::uint8_t u8(std::size_t offset) const {
        if (offset >= bytes_.size()) throw Cut();
        return bytes_[offset];
    }
    unsigned u16(std::size_t offset) const { return u8(offset) * 256U + u8(offset + 1); }
    Bytes copy(std::size_t offset, std::size_t size) const {
        if (offset + size > bytes_.size()) throw Cut();
        const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
        return {begin, begin + static_cast<std::ptrdiff_t>(size)};
    }
    [[nodiscard]] bool has(std::size_t offset, std::size_t size) const {
        return offset + size <= bytes_.size();
    }
    // All `size` bytes from `offset` on are there.
    void demand(std::size_t offset, std::size_t size) const {
        if (offset + size > bytes_.size()) throw Cut();
    }

  private:
    const Bytes& bytes_;
};

bool holds(const Bytes& prefix, unsigned length, const Bytes& address) {
    if (prefix.size() != address.size()) return false;
    for (unsigned bit = 0; bit < length; ++bit) {
        const unsigned mask = 0x80U >> bit % 8;
        if ((prefix[bit / 8] & mask) != (address[bit / 8] & mask)) return false;
    }
    return true;
}

std::uint32_t id_of(std::uint32_t owner) {
    return owner & 0xffffff;
}
bool is_node(std::uint32_t owner) {
    return owner >> 24 == 1;
}

}  // namespace

// What a frame shows.
struct Reference::View {
    bool ip = false;
    bool cut = false;  // addresses included
    bool addressed = false;
    bool dont_fragment = true;
    bool link_scope = false;
    bool later_fragment = false;
    bool discovery = false;
    std::size_t tags = 0;
    int protocol = -1;
    unsigned sport = 0;
    unsigned dport = 0;
    Bytes src, dst;

    [[nodiscard]] bool udp() const { return addressed && protocol == 17; }
    [[nodiscard]] bool overlay() const {
        const std::set<unsigned> ports{4789, 8472, 6081};
        return protocol == 4 || protocol == 41 ||
               (protocol == 17 && (later_fragment || ports.contains(dport)));
    }
    [[nodiscard]] bool dhcp() const {
        const auto both = [&](unsigned a, unsigned b) {
            return (sport == a || sport == b) && (dport == a || dport == b);
        };
        return protocol == 17 && (both(67, 68) || both(546, 547));
    }
    [[nodiscard]] bool bypassed() const {
        return protocol == 1 || protocol == 58 ||
               (protocol == 6 && (sport == kBypassedPort || dport == kBypassedPort));
    }

    void read_ip(const Reader& bytes, std::size_t at, unsigned type) {
        ip = type == 0x0800 || type == 0x86dd;
        if (!ip) return;
        if (bytes.u8(at) >> 4 != (type == 0x0800 ? 4 : 6)) throw Cut();
        type == 0x0800 ? read_ipv4(bytes, at) : read_ipv6(bytes, at);
    }

    void read_ipv4(const Reader& bytes, std::size_t at) {
        bytes.demand(at, 20);
        const std::size_t length = bytes.u8(at) % 16 * 4U;
        if (length < 20) throw Cut();
        src = bytes.copy(at + 12, 4);
        dst = bytes.copy(at + 16, 4);
        addressed = true;
        link_scope = dst[0] >= 224 || (dst[0] == 169 && dst[1] == 254);
        dont_fragment = bytes.u8(at + 6) & 0x40;
        later_fragment = bytes.u16(at + 6) % 0x2000 != 0;
        bytes.demand(at, length);
        protocol = bytes.u8(at + 9);
        read_transport(bytes, at + length, false, 0);
    }

    void read_ipv6(const Reader& bytes, std::size_t at) {
        bytes.demand(at, 40);
        src = bytes.copy(at + 8, 16);
        dst = bytes.copy(at + 24, 16);
        addressed = true;
        link_scope = dst[0] == 0xff || (dst[0] == 0xfe && dst[1] / 64 == 2);
        protocol = bytes.u8(at + 6);
        const std::uint8_t hops = bytes.u8(at + 7);
        const std::set<int> chained{0, 43, 44, 51, 60};
        std::size_t header = at + 40;
        for (int seen = 0; chained.contains(protocol) && !later_fragment; ++seen) {
            if (seen == 6) {
                protocol = -1;
                return;
            }
            const std::size_t units = bytes.u8(header + 1);
            const std::size_t size = protocol == 44   ? 8
                                     : protocol == 51 ? 8 + units * 4
                                                      : 8 + units * 8;
            if (!bytes.has(header, size)) protocol = -1;
            bytes.demand(header, size);
            if (protocol == 44) later_fragment = bytes.u16(header + 2) >= 8;
            protocol = bytes.u8(header);
            header += size;
        }
        read_transport(bytes, header, true, hops);
    }

    void read_transport(const Reader& bytes, std::size_t at, bool v6, std::uint8_t hops) {
        if (later_fragment) return;
        if (protocol == 6 || protocol == 17) {
            bytes.demand(at, protocol == 6 ? 20 : 8);
            sport = bytes.u16(at);
            dport = bytes.u16(at + 2);
        } else if (protocol == 58 || protocol == 1) {
            bytes.demand(at, 4);
            const int type = bytes.u8(at);
            discovery = protocol == 58 && v6 && hops == 255 && type >= 133 && type <= 137;
        }
    }
};

Reference::Reference(World::Options options) : options_(options) {
    for (const auto& [prefix, owner] : world_prefixes()) {
        const auto slash = prefix.find('/');
        const bool v6 = prefix.find(':') != std::string::npos;
        Row row{.address = Bytes(v6 ? 16 : 4),
                .length = static_cast<unsigned>(std::stoul(prefix.substr(slash + 1))),
                .owner = owner};
        if (inet_pton(v6 ? AF_INET6 : AF_INET, prefix.substr(0, slash).c_str(),
                      row.address.data()) != 1)
            throw std::invalid_argument(prefix);
        rows_.push_back(row);
    }
    std::ranges::stable_sort(rows_, std::greater{}, &Row::length);
}

std::uint32_t Reference::owner(const Bytes& address) const {
    for (const Row& row : rows_)
        if (holds(row.address, row.length, address)) return row.owner;
    return 0;
}

Reference::View Reference::look_at(const Bytes& frame) {
    View view;
    try {
        const Reader bytes(frame);
        std::size_t at = 12;
        unsigned type = bytes.u16(at);
        for (; view.tags < 2 && (type == 0x8100 || type == 0x88a8); ++view.tags)
            type = bytes.u16(at += 4);
        view.read_ip(bytes, at + 2, type);
    } catch (const Cut&) {
        view.cut = true;
    }
    return view;
}

void Reference::judge_out(const View& view, bool marked, Judgement& judgement) const {
    if (marked && view.udp() && !view.later_fragment && view.sport == kPort) {
        judgement.reason = WGS_REASON_outer;
        return;
    }
    if (!view.addressed || view.discovery || view.link_scope) {
        judgement.reason = view.cut && !view.addressed ? WGS_REASON_truncated
                           : !view.ip                  ? WGS_REASON_not_ip
                           : view.discovery            ? WGS_REASON_neighbour
                                                       : WGS_REASON_link_scope;
        return;
    }
    const std::uint32_t dst = owner(view.dst);
    const std::uint32_t src = owner(view.src);
    const bool nodes = is_node(src) && is_node(dst);
    const bool to_peer = id_of(dst) >= WGS_PEER_FIRST;
    judgement.peer = id_of(dst);
    judgement.reason = [&] {
        if (dst == 0) return WGS_REASON_no_peer;
        if (src == 0) return WGS_REASON_foreign_source;
        if (marked && view.udp() && view.later_fragment && nodes && id_of(src) == WGS_PEER_SELF &&
            to_peer)
            return WGS_REASON_outer;
        if (nodes && !options_.hosts && !(options_.overlay && view.overlay()))
            return WGS_REASON_hosts_off;
        if (nodes && view.dhcp()) return WGS_REASON_link_scope;
        if (nodes && view.bypassed()) return WGS_REASON_bypass;
        if (id_of(dst) == WGS_PEER_SELF) return WGS_REASON_local;
        if (id_of(src) != WGS_PEER_SELF) return WGS_REASON_wrong_source;
        switch (id_of(dst)) {
            case WGS_PEER_CLUSTER:
                return WGS_REASON_unclaimed;
            case WGS_PEER_GONE:
                return WGS_REASON_gone;
            case kReady:
                return WGS_REASON_steered;
            case kNoKey:
                return WGS_REASON_no_key;
            case kConflict:
                return WGS_REASON_conflict;
            case kStalled:
                return WGS_REASON_stalled;
            case kTunnelMissing:
                return WGS_REASON_no_tunnel;
            default:
                return WGS_REASON_waiting;
        }
    }();
}

Judgement Reference::nic_out(const Bytes& frame, std::uint32_t mark) const {
    static const std::set<wgs_reason> kHarmless{WGS_REASON_outer,          WGS_REASON_not_ip,
                                                WGS_REASON_neighbour,      WGS_REASON_no_peer,
                                                WGS_REASON_foreign_source, WGS_REASON_hosts_off,
                                                WGS_REASON_bypass,         WGS_REASON_link_scope};
    const View view = look_at(frame);
    Judgement judgement{.packet = frame, .mark = mark};
    judge_out(view, (mark & kMask) == kFwmark, judgement);
    if (judgement.reason == WGS_REASON_steered) {
        const auto tags = judgement.packet.begin() + 12;
        judgement.packet.erase(tags, tags + static_cast<std::ptrdiff_t>(4 * view.tags));
        judgement.action = TC_ACT_REDIRECT;
    } else {
        const bool harmless = kHarmless.contains(judgement.reason) || !options_.require;
        judgement.action = harmless ? TC_ACT_UNSPEC : TC_ACT_SHOT;
    }
    return judgement;
}

void Reference::judge_in(const View& view, Judgement& judgement) const {
    judgement.reason = WGS_REASON_other_in;
    if (!view.addressed || view.discovery || view.link_scope) return;
    const std::uint32_t dst = owner(view.dst);
    if (id_of(dst) == WGS_PEER_NONE || id_of(dst) >= WGS_PEER_FIRST) return;
    if (id_of(dst) == WGS_PEER_SELF && is_node(dst) && view.udp() && !view.later_fragment &&
        view.dport == kPort) {
        judgement.reason = WGS_REASON_outer_in;
        return;
    }
    const std::uint32_t src = owner(view.src);
    const bool nodes = is_node(src) && is_node(dst);
    judgement.peer = id_of(src);
    if (id_of(src) <= WGS_PEER_SELF) return;
    if (nodes && view.udp() && view.later_fragment && id_of(src) >= WGS_PEER_FIRST)
        judgement.reason = WGS_REASON_outer_in;
    else if (nodes && ((!options_.hosts && !(options_.overlay && view.overlay())) || view.dhcp()))
        judgement.reason = WGS_REASON_other_in;
    else if (nodes && view.bypassed())
        judgement.reason = WGS_REASON_bypass_in;
    else
        judgement.reason = WGS_REASON_clear_in;
}

Judgement Reference::nic_in(const Bytes& frame, std::uint32_t mark) const {
    Judgement judgement{.action = TC_ACT_UNSPEC, .packet = frame, .mark = mark};
    if ((mark & kMask) == kDecrypted) {
        judgement.reason = WGS_REASON_decrypted;
        judgement.mark = mark & ~kMask;
    } else {
        judge_in(look_at(frame), judgement);
        if (judgement.reason == WGS_REASON_clear_in && options_.require)
            judgement.action = TC_ACT_SHOT;
    }
    return judgement;
}

}  // namespace wgs
