// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_api_servers.h"

#include <utility>

#include "base/file.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxFile = 4096;
constexpr std::size_t kMaxPorts = 16;
// Where kube-apiserver listens unless it is told otherwise.
constexpr std::uint16_t kUsualPort = 6443;

bool is_port(std::int64_t number) {
    return number > 0 && number <= 0xffff;
}

}  // namespace

KubernetesApiServers::KubernetesApiServers(std::set<std::uint16_t> known,
                                           std::filesystem::path file)
    : known_(std::move(known)), file_(std::move(file)) {
    recall();
    if (recalled_.empty() && known_.empty()) recalled_.insert(kUsualPort);
}

void KubernetesApiServers::recall() {
    const auto text = read_file(file_, kMaxFile);
    if (!text) return;
    const Json list = Json::parse(*text, nullptr, false);
    if (!list.is_array()) return;
    for (const Json& entry : list) {
        if (!entry.is_number_integer() || !is_port(entry.get<std::int64_t>())) continue;
        recalled_.insert(static_cast<std::uint16_t>(entry.get<std::int64_t>()));
    }
}

bool KubernetesApiServers::put(const Json& slice) {
    const std::set<std::uint16_t> before = ports();
    std::set<std::uint16_t> found;
    for (const Json& entry : list_at(slice, "ports")) {
        const std::string_view protocol = text_at(entry, "protocol");
        const std::int64_t number = number_at(entry, 0, "port");
        if ((protocol.empty() || protocol == "TCP") && is_port(number) && found.size() < kMaxPorts)
            found.insert(static_cast<std::uint16_t>(number));
    }
    slices_[std::string(text_at(slice, "metadata", "name"))] = std::move(found);
    return ports() != before;
}

bool KubernetesApiServers::erase(const std::string& name) {
    const std::set<std::uint16_t> before = ports();
    slices_.erase(name);
    return ports() != before;
}

bool KubernetesApiServers::complete() {
    const std::set<std::uint16_t> before = ports();
    complete_ = true;
    return ports() != before;
}

std::set<std::uint16_t> KubernetesApiServers::ports_of_slices() const {
    std::set<std::uint16_t> found;
    for (const auto& [name, ports] : slices_)
        found.insert(ports.begin(), ports.end());
    return found;
}

// No endpoints at all, while one has just answered, is not believed.
std::set<std::uint16_t> KubernetesApiServers::ports() const {
    std::set<std::uint16_t> found = ports_of_slices();
    if (!complete_ || found.empty()) found.insert(recalled_.begin(), recalled_.end());
    found.insert(known_.begin(), known_.end());
    return found;
}

Status KubernetesApiServers::remember() const {
    const std::set<std::uint16_t> found = ports_of_slices();
    if (found.empty() || file_.empty()) return {};
    return write_file_atomically(file_, Json(found).dump() + "\n", 0600);
}

}  // namespace wgs
