// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/archive.h"

#include <fmt/format.h>

#include <ctime>
#include <numeric>

namespace wgs::cli {
namespace {

constexpr std::size_t kBlock = 512;

// Fields of a header: name, mode, uid, gid, size, mtime, checksum, type, link, magic and version.
std::string header_of(const std::string& name, std::size_t size) {
    std::string header = name.substr(0, 100);
    header.resize(100, '\0');
    header += fmt::format("{:07o}{}", 0600, '\0');
    header += fmt::format("{:07o}{}{:07o}{}", 0, '\0', 0, '\0');
    header += fmt::format("{:011o}{}", size, '\0');
    header += fmt::format("{:011o}{}", std::time(nullptr), '\0');
    const std::size_t checksum = header.size();
    header += std::string(8, ' ') + "0";
    header.resize(257, '\0');
    header += std::string("ustar\0", 6) + "00";
    header.resize(kBlock, '\0');
    const unsigned sum =
        std::accumulate(header.begin(), header.end(), 0U,
                        [](unsigned all, char c) { return all + static_cast<unsigned char>(c); });
    header.replace(checksum, 8, fmt::format("{:06o}{} ", sum, '\0'));
    return header;
}

}  // namespace

void Archive::add(const std::string& name, const std::string& content) {
    bytes_ += header_of(name, content.size()) + content;
    bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock, '\0');
}

// Two blocks of zeros are the end.
std::string Archive::bytes() const {
    return bytes_ + std::string(2 * kBlock, '\0');
}

}  // namespace wgs::cli
