// SPDX-License-Identifier: Apache-2.0
// Socket addresses from the project's own address type.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "model/ip.h"

namespace wgs::test {

// An address and port in the form that the socket calls take.
class SocketAddress {
  public:
    SocketAddress(const IpAddress& address, std::uint16_t port) {
        if (address.family() == Family::v4) {
            sockaddr_in value = {};
            value.sin_family = AF_INET;
            value.sin_port = htons(port);
            std::memcpy(&value.sin_addr, address.bytes().data(), sizeof value.sin_addr);
            store(value);
        } else {
            sockaddr_in6 value = {};
            value.sin6_family = AF_INET6;
            value.sin6_port = htons(port);
            std::memcpy(&value.sin6_addr, address.bytes().data(), sizeof value.sin6_addr);
            store(value);
        }
    }

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage_);
    }
    [[nodiscard]] socklen_t size() const { return size_; }

  private:
    template <class T>
    void store(const T& value) {
        std::memcpy(&storage_, &value, sizeof value);
        size_ = sizeof value;
    }

    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

[[nodiscard]] inline int domain_of(const IpAddress& address) {
    return address.family() == Family::v4 ? AF_INET : AF_INET6;
}

}  // namespace wgs::test
