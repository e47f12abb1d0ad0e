// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "cli/doctor/archive.h"
#include "cli/doctor/gather.h"
#include "model/key.h"

namespace wgs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestSecret = 65536;
constexpr std::size_t kShortestSecret = 16;  // shorter ones would tear words out of any text

struct Section {
    const char* name;
    const char* command;
};

// None of them shows keys.
constexpr Section kSections[] = {
    {"uname.txt", "uname -a; cat /proc/cmdline; uptime"},
    {"links.txt", "ip -s -d addr"},
    {"rules.txt", "ip rule; ip -6 rule"},
    {"routes.txt", "ip route show table all; ip -6 route show table all"},
    {"neighbours.txt", "ip neigh"},
    {"qdiscs.txt", "tc -s qdisc"},
    {"bpf.txt", "bpftool net; bpftool link; bpftool prog; bpftool map"},
    {"sockets.txt", "ss -uanp"},
    {"packet-filter.txt", "nft list ruleset; iptables-save; ip6tables-save"},
    {"sysctl.txt", "sysctl -a -r 'rp_filter|forwarding|ip_forward|bpf|accept_local'"},
    {"modules.txt", "lsmod"},
    {"kernel-log.txt", "dmesg | tail -n 300"},
    {"agent-log.txt", "journalctl -u wgsteer -n 1000 --no-pager"},
};

std::string file_content(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::string document(const Client& client, const std::string& path) {
    const Result<Reply> reply = client.get(path);
    return reply ? reply->body : reply.error().message + "\n";
}

void add_secret(const std::string& text, std::vector<std::string>& secrets) {
    if (text.size() < kShortestSecret) return;
    secrets.push_back(text);
    if (const Result<PrivateKey> key = PrivateKey::parse(text)) {
        const auto bytes = key->bytes();
        secrets.push_back(key->to_hex());
        secrets.emplace_back(bytes.begin(), bytes.end());
    }
}

void add_file(const fs::path& path, std::vector<std::string>& secrets) {
    const Result<std::string> content = read_file(path, kLargestSecret);
    if (!content) return;
    add_secret(*content, secrets);
    std::istringstream lines(*content);
    for (std::string line; std::getline(lines, line);)
        add_secret(line, secrets);
}

std::string mark_of(Grade grade) {
    return grade == Grade::ok ? "ok" : grade == Grade::warning ? "WARN" : "FAIL";
}

}  // namespace

std::string render_findings(const Findings& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text +=
            fmt::format("{:<5} {:<13} {}\n", mark_of(finding.grade), finding.check, finding.text);
        if (!finding.fix.empty()) text += fmt::format("{:<19} -> {}\n", "", finding.fix);
    }
    const auto count = [&](Grade grade) {
        return std::ranges::count(findings, grade, &Finding::grade);
    };
    return text + fmt::format("\n{} failures, {} warnings, {} ok\n", count(Grade::failure),
                              count(Grade::warning), count(Grade::ok));
}

std::string findings_document(const Findings& findings) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const Finding& finding : findings)
        list.push_back({{"grade", to_string(finding.grade)},
                        {"check", finding.check},
                        {"text", finding.text},
                        {"fix", finding.fix}});
    const auto count = [&](Grade grade) {
        return std::ranges::count(findings, grade, &Finding::grade);
    };
    const Json document{{"failures", count(Grade::failure)},
                        {"warnings", count(Grade::warning)},
                        {"findings", list}};
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<std::string> secrets_of(const Config& config) {
    std::vector<std::string> secrets;
    std::error_code code;
    for (fs::recursive_directory_iterator it(config.state_dir, code), end; !code && it != end;
         it.increment(code))
        if (it->is_regular_file(code)) add_file(it->path(), secrets);
    // Longer ones first: what is part of another one must not leave the rest of it standing.
    std::ranges::sort(secrets, [](const auto& a, const auto& b) { return a.size() > b.size(); });
    return secrets;
}

std::string cleansed(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view kRemoved = "(removed)";
    for (const std::string& secret : secrets) {
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + kRemoved.size()))
            text.replace(at, secret.size(), kRemoved);
    }
    return text;
}

Status write_report(const std::string& path, const Client& client, const Facts& facts,
                    const Findings& findings) {
    const std::vector<std::string> secrets = secrets_of(facts.config);
    Archive archive;
    const auto add = [&](const std::string& name, const std::string& content) {
        archive.add("wgsteer-report/" + name, cleansed(content, secrets));
    };
    add("doctor.txt", render_findings(findings));
    add("doctor.json", findings_document(findings));
    add("status.json", document(client, "/v1/status"));
    add("peers.json", document(client, "/v1/peers"));
    add("version.json", document(client, "/v1/version"));
    add("config.yaml", file_content(facts.config_file));
    for (const Section& section : kSections)
        add(section.name, output_of(std::string("(") + section.command + ")"));
    return write_file_atomically(fs::absolute(path), archive.bytes(), 0600);
}

}  // namespace wgs::cli
