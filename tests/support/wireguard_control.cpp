// SPDX-License-Identifier: Apache-2.0
#include "tests/support/wireguard_control.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

std::string hex(const PublicKey& key) {
    std::string text;
    for (const std::uint8_t byte : key.bytes())
        text += fmt::format("{:02x}", byte);
    return text;
}

// One request of the cross-platform userspace protocol; returns the answer.
std::string ask(const std::filesystem::path& path, const std::string& request) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        broken_call("connect to " + path.string());
    }
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        broken_call("send to " + path.string());
    }
    std::array<char, 256> answer{};
    const ssize_t length = ::recv(fd.get(), answer.data(), answer.size(), 0);
    return std::string(answer.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
}

}  // namespace

WireguardControl::WireguardControl(const NetNamespace& ns, const std::filesystem::path& run_dir,
                                   std::string device)
    : ns_(&ns), socket_(run_dir / "wireguard" / (device + ".sock")), device_(std::move(device)) {}

std::optional<std::string> WireguardControl::obstacle() const {
    if (exists(socket_) || has_tool("wg")) return std::nullopt;
    return "a kernel device, and the wg tool is not here";
}

void WireguardControl::connect(const PrivateKey& key, std::uint16_t port, const PublicKey& peer,
                               const std::string& endpoint, const Prefix& allowed_ip) const {
    set(fmt::format("private_key={}\nlisten_port={}\npublic_key={}\nendpoint={}\nallowed_ip={}\n",
                    key.to_hex(), port, hex(peer), endpoint, allowed_ip.to_string()));
}

void WireguardControl::remove_peer(const PublicKey& peer) const {
    if (exists(socket_)) return set(fmt::format("public_key={}\nremove=true\n", hex(peer)));
    wg({"peer", peer.to_base64(), "remove"});
}

void WireguardControl::set_fwmark(std::uint32_t mark) const {
    if (exists(socket_)) return set(fmt::format("fwmark={}\n", mark));
    wg({"fwmark", fmt::format("{:#x}", mark)});
}

void WireguardControl::set(const std::string& lines) const {
    const std::string answer = ask(socket_, "set=1\n" + lines + "\n");
    if (!answer.starts_with("errno=0\n")) broken("wireguard-go refused: " + answer);
}

void WireguardControl::wg(const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv = {"wg", "set", device_};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run(argv, {.ns = ns_});
    if (outcome.exit_code != 0) broken("wg refused: " + outcome.errors);
}

}  // namespace wgs::test
