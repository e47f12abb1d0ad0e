// SPDX-License-Identifier: Apache-2.0
#include "felix/messages.h"

#include <google/protobuf/stubs/logging.h>

#include <utility>

#include "dataplane.pb.h"

namespace wgs::felix {
namespace {

// Up to v3.29 the type was one of these numbers; the set has a bit for each.
std::uint32_t types_of_number(std::int32_t type) {
    constexpr std::int32_t kLast = 6;
    return type >= 1 && type <= kLast ? 1U << (type - 1) : 0U;
}

Message host_update(wire::HostMetadataUpdate& host) {
    return HostUpdate{.node = std::move(*host.mutable_hostname()),
                      .ipv4 = std::move(*host.mutable_ipv4_addr()),
                      .ipv6 = std::move(*host.mutable_ipv6_addr())};
}

Message host_update(wire::HostMetadataV6Update& host) {
    return HostUpdate{.node = std::move(*host.mutable_hostname()),
                      .ipv4 = {},
                      .ipv6 = std::move(*host.mutable_ipv6_addr())};
}

Message route_update(wire::RouteUpdate& route) {
    return RouteUpdate{.destination = std::move(*route.mutable_dst()),
                       .node = std::move(*route.mutable_dst_node_name()),
                       .types = route.types() != 0 ? static_cast<std::uint32_t>(route.types())
                                                   : types_of_number(route.type())};
}

Message endpoint_update(Family family, wire::WireguardEndpointUpdate& endpoint) {
    return EndpointUpdate{.family = family,
                          .node = std::move(*endpoint.mutable_hostname()),
                          .public_key = std::move(*endpoint.mutable_public_key()),
                          .interface_address = std::move(*endpoint.mutable_interface_addr())};
}

Message config_update(const wire::ConfigUpdate& config) {
    return ConfigUpdate{.parameters = {config.config().begin(), config.config().end()}};
}

Message host_remove(const std::string& node, Families families) {
    return HostRemove{.node = node, .families = families};
}

bool has_families_apart(wire::ToDataplane::PayloadCase payload) {
    return payload == wire::ToDataplane::kHostMetadataV6Update ||
           payload == wire::ToDataplane::kHostMetadataV6Remove ||
           payload == wire::ToDataplane::kHostMetadataV4V6Update ||
           payload == wire::ToDataplane::kHostMetadataV4V6Remove;
}

// The library would write to standard error what the caller is told anyway.
void keep_library_quiet() {
    static const auto kBefore = google::protobuf::SetLogHandler(nullptr);
    static_cast<void>(kBefore);
}

}  // namespace

Result<Message> MessageReader::read(std::string_view payload) {
    keep_library_quiet();
    wire::ToDataplane envelope;
    if (!envelope.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
        return make_error(std::errc::bad_message, "a message of " + std::to_string(payload.size()) +
                                                      " bytes is not what it should be");
    }
    using Case = wire::ToDataplane;
    families_apart_ = families_apart_ || has_families_apart(envelope.payload_case());
    switch (envelope.payload_case()) {
        case Case::kInSync:
            return InSync{};
        case Case::kConfigUpdate:
            return config_update(envelope.config_update());
        case Case::kHostMetadataUpdate:
            return host_update(*envelope.mutable_host_metadata_update());
        case Case::kHostMetadataRemove:
            return host_remove(envelope.host_metadata_remove().hostname(),
                               families_apart_ ? Families::v4 : Families::both);
        case Case::kRouteUpdate:
            return route_update(*envelope.mutable_route_update());
        case Case::kRouteRemove:
            return RouteRemove{.destination = envelope.route_remove().dst()};
        case Case::kWireguardEndpointUpdate:
            return endpoint_update(Family::v4, *envelope.mutable_wireguard_endpoint_update());
        case Case::kWireguardEndpointRemove:
            return EndpointRemove{.family = Family::v4,
                                  .node = envelope.wireguard_endpoint_remove().hostname()};
        case Case::kWireguardEndpointV6Update:
            return endpoint_update(Family::v6, *envelope.mutable_wireguard_endpoint_v6_update());
        case Case::kWireguardEndpointV6Remove:
            return EndpointRemove{.family = Family::v6,
                                  .node = envelope.wireguard_endpoint_v6_remove().hostname()};
        case Case::kHostMetadataV6Update:
            return host_update(*envelope.mutable_host_metadata_v6_update());
        case Case::kHostMetadataV6Remove:
            return host_remove(envelope.host_metadata_v6_remove().hostname(), Families::v6);
        case Case::kHostMetadataV4V6Update:
            return host_update(*envelope.mutable_host_metadata_v4v6_update());
        case Case::kHostMetadataV4V6Remove:
            return host_remove(envelope.host_metadata_v4v6_remove().hostname(), Families::both);
        case Case::PAYLOAD_NOT_SET:
            break;
    }
    return std::monostate();
}

std::string wireguard_status(Family family, std::string_view public_key,
                             std::uint64_t sequence_number) {
    wire::FromDataplane envelope;
    envelope.set_sequence_number(sequence_number);
    auto& status = *envelope.mutable_wireguard_status_update();
    status.set_public_key(std::string(public_key));
    status.set_ip_version(static_cast<int>(family));
    return envelope.SerializeAsString();
}

std::string process_status(std::string_view iso_timestamp, double uptime,
                           std::uint64_t sequence_number) {
    wire::FromDataplane envelope;
    envelope.set_sequence_number(sequence_number);
    auto& status = *envelope.mutable_process_status_update();
    status.set_iso_timestamp(std::string(iso_timestamp));
    status.set_uptime(uptime);
    return envelope.SerializeAsString();
}

}  // namespace wgs::felix
