// SPDX-License-Identifier: Apache-2.0
// The text protocol of user-space WireGuard (wireguard.com/xplatform): requests and answers as
// text.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/key.h"
#include "model/state.h"

namespace wgs {

inline constexpr std::string_view kTextGetRequest = "get=1\n\n";

// Sets what differs between `actual` and `wanted`, since naming a port makes wireguard-go reopen
// its sockets even if it is the same one; the private key always. The caller wipes the text.
std::string format_settings(const TunnelState& actual, const TunnelSettings& wanted,
                            const PrivateKey& key);
std::string format_updates(std::span<const PeerUpdate> updates);
std::string format_removal(const PublicKey& peer);
// Moves the prefixes to a peer that nobody has and removes that peer, in one request.
std::string format_steal(const PublicKey& thrower, std::span<const Prefix> prefixes);

// Parses the answer to kTextGetRequest. Strict: unknown keys, keys out of place, values out of
// range and a missing end are errors. Leaves ifindex, up and mtu alone, which are not WireGuard's
// to tell.
Result<TunnelState> parse_device(std::string_view answer);
// Parses the answer to a set request; its errno becomes the error.
Status parse_acknowledgement(std::string_view answer, std::string_view what);

}  // namespace wgs
