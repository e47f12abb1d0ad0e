// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/gather.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <variant>

#include "base/unique_fd.h"
#include "cli/doctor/probe.h"
#include "service/cleanup.h"
#include "source/config_file.h"

namespace wgs::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultConfig = "/etc/wgsteer/wgsteer.yaml";

void find_config(const Client& client, const DoctorOptions& options, Facts& facts) {
    const fs::path saved = saved_config_path(fs::path(client.socket()).parent_path());
    facts.config_file = options.config;
    if (options.config.empty())
        facts.config_file = fs::exists(saved) ? saved.string() : kDefaultConfig;
    Result<Config> config = load_config(facts.config_file);
    if (config)
        facts.config = std::move(*config);
    else
        facts.config_error = config.error().message;
    if (facts.agent.answers || !options.config.empty() || !fs::exists(kDefaultConfig)) return;
    // What the next agent would start with.
    if (const auto next = load_config(kDefaultConfig); !next)
        facts.config_error = next.error().message;
}

bool has_no_room(const fs::path& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return false;
    const bool no_inodes = info.f_files != 0 && info.f_favail == 0;
    return info.f_bavail == 0 || no_inodes || (info.f_flag & ST_RDONLY) != 0;
}

FileFacts look_at(const fs::path& path) {
    FileFacts facts{.path = path.string()};
    struct stat info {};
    if (path.empty() || ::stat(path.c_str(), &info) != 0) return facts;
    facts.exists = true;
    facts.mode = info.st_mode & 07777;
    facts.owner = info.st_uid;
    facts.full = has_no_room(path);
    return facts;
}

void gather_files(Facts& facts) {
    facts.key = look_at(facts.config.state_dir / "private.key");
    facts.state_dir = look_at(facts.config.state_dir);
    facts.run_dir = look_at(facts.config.run_dir);
    if (const auto* source = std::get_if<DirectoryConfig>(&facts.config.source))
        facts.mesh = look_at(source->path);
}

struct Closer {
    void operator()(FILE* pipe) const { ::pclose(pipe); }
};

}  // namespace

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, Closer> pipe(::popen((command + " 2>/dev/null").c_str(), "re"));
    std::string text;
    std::array<char, 65536> buffer{};
    while (pipe) {
        const std::size_t size = ::fread(buffer.data(), 1, buffer.size(), pipe.get());
        if (size == 0) break;
        text.append(buffer.data(), size);
    }
    return text;
}

Facts gather(const Client& client, const DoctorOptions& options) {
    Facts facts;
    facts.now = std::chrono::system_clock::now();
    gather_agent(client, facts);
    find_config(client, options, facts);
    gather_kernel(facts);
    gather_files(facts);
    gather_network(facts);
    gather_probes(options, facts);
    gather_again(client, facts);
    return facts;
}

}  // namespace wgs::cli
