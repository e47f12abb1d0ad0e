// SPDX-License-Identifier: Apache-2.0
#include "bench/report/document.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>

#include "bench/report/table.h"

namespace wgs::bench {
namespace {

constexpr std::string_view kEnd = "<!-- end -->";

std::string machine_of(const Run& run) {
    Grid grid{.title = "Machine", .rows = {{"", ""}}};
    for (const auto& [name, value] : run.machine)
        grid.rows.push_back({name, value});
    return to_markdown(grid);
}

std::string figures_text(const Run& run) {
    std::string text;
    for (const Grid& grid : figures_of(run))
        text += to_markdown(grid) + "\n";
    for (const std::string& note : run.notes)
        text += fmt::format("Not measured: {}\n\n", note);
    return text;
}

Status replace_section(std::string& document, const std::string& name, const std::string& text) {
    const std::string begin = fmt::format("<!-- bench {} -->\n", name);
    const auto from = document.find(begin);
    const auto to = document.find(kEnd, from);
    if (from == std::string::npos || to == std::string::npos)
        return invalid("the document has no section " + name);
    document.replace(from + begin.size(), to - from - begin.size(), "\n" + text + "\n");
    return {};
}

Result<std::string> read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) return os_error(errno, "read " + path.string());
    return std::string{std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Status update_document(const std::filesystem::path& path, const Run& run) {
    std::string document = WGS_TRY(read_file(path));
    WGS_TRY(replace_section(document, "machine", machine_of(run)));
    WGS_TRY(replace_section(document, "targets", to_markdown(targets_of(run))));
    WGS_TRY(replace_section(document, "figures", figures_text(run)));
    std::ofstream file(path);
    file << document << std::flush;
    if (!file) return os_error(errno, "write " + path.string());
    return {};
}

}  // namespace wgs::bench
