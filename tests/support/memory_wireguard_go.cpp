// SPDX-License-Identifier: Apache-2.0
// Stands in for wireguard-go: a device of any size that only remembers what it is told, and
// encrypts nothing. Speaks the text protocol (wireguard.com/xplatform) on wireguard-go's socket.
//
// Files beside the socket are its controls, looked at with each request:
//   slow      a request that sets something takes half a second
//   answered  every peer has just completed a handshake
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace wgs::test {
namespace {

const std::filesystem::path kDirectory = "/var/run/wireguard";

struct Peer {
    std::string endpoint;
    std::string keepalive = "0";
    std::string preshared_key;
    std::set<std::string> allowed_ips;
};

class Device {
  public:
    std::string answer(std::string_view request) {
        if (request.starts_with("get=1\n")) return text();
        selected_ = peers_.end();
        request.remove_prefix(request.find('\n') + 1);
        for (std::size_t end = 0; (end = request.find('\n')) != std::string_view::npos;) {
            const std::string_view line = request.substr(0, end);
            const std::size_t equals = line.find('=');
            if (equals != std::string_view::npos)
                set(line.substr(0, equals), std::string(line.substr(equals + 1)));
            request.remove_prefix(end + 1);
        }
        return "errno=0\n\n";
    }

  private:
    void set(std::string_view key, const std::string& value) {
        if (key == "public_key") {
            selected_ = peers_.try_emplace(value).first;
        } else if (selected_ == peers_.end()) {
            settings_[std::string(key)] = value;
        } else if (key == "remove") {
            remove();
        } else if (key == "allowed_ip") {
            take(value);
        } else if (key == "endpoint") {
            selected_->second.endpoint = value;
        } else if (key == "persistent_keepalive_interval") {
            selected_->second.keepalive = value;
        } else if (key == "preshared_key") {
            selected_->second.preshared_key = value;
        }
    }

    void remove() {
        for (const std::string& prefix : selected_->second.allowed_ips)
            holders_.erase(prefix);
        peers_.erase(selected_);
        selected_ = peers_.end();
    }

    // From whoever holds it.
    void take(const std::string& prefix) {
        const auto [holder, fresh] = holders_.try_emplace(prefix, selected_->first);
        if (!fresh) {
            peers_.at(holder->second).allowed_ips.erase(prefix);
            holder->second = selected_->first;
        }
        selected_->second.allowed_ips.insert(prefix);
    }

    [[nodiscard]] std::string text() const {
        const bool answered = std::filesystem::exists(kDirectory / "answered");
        const std::string handshake = answered ? std::to_string(std::time(nullptr)) : "0";
        std::string text;
        for (const auto& [key, value] : settings_)
            text.append(key).append("=").append(value).append("\n");
        for (const auto& [key, peer] : peers_) {
            text.append("public_key=").append(key).append("\n");
            if (!peer.preshared_key.empty())
                text.append("preshared_key=").append(peer.preshared_key).append("\n");
            text.append("protocol_version=1\n");
            if (!peer.endpoint.empty()) text.append("endpoint=").append(peer.endpoint).append("\n");
            text.append("last_handshake_time_sec=").append(handshake);
            text.append("\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n");
            text.append("persistent_keepalive_interval=").append(peer.keepalive).append("\n");
            for (const std::string& prefix : peer.allowed_ips)
                text.append("allowed_ip=").append(prefix).append("\n");
        }
        return text + "errno=0\n\n";
    }

    std::map<std::string, std::string> settings_;
    std::map<std::string, Peer> peers_;  // by key, in hexadecimal digits
    std::map<std::string, Peer>::iterator selected_ = peers_.end();
    std::map<std::string, std::string> holders_;  // of allowed IPs
};

UniqueFd make_tun(const std::string& name) {
    UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (tun && ::ioctl(tun.get(), TUNSETIFF, &request) != 0) tun.reset();
    return tun;
}

UniqueFd listen_at(const std::filesystem::path& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ::unlink(path.c_str());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(socket.get(), 16) != 0)
        socket.reset();
    return socket;
}

void serve(Device& device, int connection) {
    std::string request;
    std::array<char, 65536> chunk;
    while (!request.ends_with("\n\n")) {
        const ssize_t size = ::recv(connection, chunk.data(), chunk.size(), 0);
        if (size <= 0) return;
        request.append(chunk.data(), static_cast<std::size_t>(size));
    }
    if (request.starts_with("set=1\n") && std::filesystem::exists(kDirectory / "slow"))
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const std::string answer = device.answer(request);
    std::string_view rest = answer;
    while (!rest.empty()) {
        const ssize_t size = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (size <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(size));
    }
}

int run(const std::string& name) {
    const UniqueFd tun = make_tun(name);
    const UniqueFd listener = listen_at(kDirectory / (name + ".sock"));
    if (!tun || !listener) {
        std::perror("memory_wireguard_go");
        return 1;
    }
    Device device;
    while (true) {
        const UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) serve(device, connection.get());
    }
}

}  // namespace
}  // namespace wgs::test

// As the agent calls wireguard-go: -f NAME.
int main(int argc, char** argv) {
    return argc == 3 ? wgs::test::run(argv[2]) : 2;
}
