// SPDX-License-Identifier: Apache-2.0
// The manual says what the programs do: pages without warnings, every key, command and option in
// them, and shells that complete what the command knows.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace wgs::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = WGS_SOURCE_DIR;

std::string content_of(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

// What a person reads in a page: without escapes and font changes.
std::string words_of(const std::string& page) {
    std::string text =
        std::regex_replace(content_of(kSource / "docs" / page), std::regex(R"(\\f[BIPR])"), "");
    return std::regex_replace(text, std::regex(R"(\\-)"), "-");
}

std::set<std::string> all(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    std::set<std::string> found;
    for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
        found.insert((*it)[1]);
    return found;
}

std::string help(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), binary("wgsteer"));
    arguments.emplace_back("--help");
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    return outcome.output;
}

std::set<std::string> commands() {
    const std::string text = help({});
    return all(text.substr(text.find("Subcommands:")), R"(\n  ([a-z][a-z-]*))");
}

std::set<std::string> options(const std::string& command) {
    return all(help({command}), R"(\n  (?:-[a-zA-Z],)?(--[a-z-]+))");
}

TEST(Manual, PagesHaveNoWarnings) {
    if (!has_tool("mandoc")) GTEST_SKIP() << "mandoc is not installed";
    int pages = 0;
    for (const auto& entry : fs::directory_iterator(kSource / "docs")) {
        if (!all(entry.path().filename(), R"(\.([158])$)").size()) continue;
        ++pages;
        // The date is that of the release, which the page does not know.
        const Outcome lint = run({"mandoc", "-T", "lint", "-W", "warning", entry.path()});
        const std::string rest =
            std::regex_replace(lint.output, std::regex("[^\n]*missing date[^\n]*\n"), "");
        EXPECT_EQ(rest, "");
    }
    EXPECT_GE(pages, 3);
}

TEST(Manual, HasEveryKeyOfTheConfigurationFile) {
    std::string parser;
    for (const auto& entry : fs::directory_iterator(kSource / "agent" / "source"))
        parser += content_of(entry.path());
    const std::set<std::string> keys = all(parser, R"re(Key\{"([a-z_]+)")re");
    EXPECT_GT(keys.size(), 30U);
    const std::set<std::string> documented =
        all(content_of(kSource / "docs" / "wgsteerd.yaml.5"), R"(\n(?:\\ )*([a-z_]+)\|)");
    const std::string explained = words_of("wgsteerd.8");
    for (const std::string& key : keys) {
        EXPECT_TRUE(documented.contains(key)) << key << " is not in wgsteerd.yaml.5";
        EXPECT_NE(explained.find(key), std::string::npos) << key << " is not in wgsteerd.8";
    }
}

TEST(Manual, HasEveryCommandAndOption) {
    const std::string page = words_of("wgsteer.1");
    const std::set<std::string> known = commands();
    EXPECT_GT(known.size(), 6U);
    for (const std::string& command : known) {
        EXPECT_TRUE(std::regex_search(page, std::regex("\n\\.(B|BR|BI) \"?" + command)))
            << command << " is not in wgsteer.1";
        for (const std::string& option : options(command)) {
            if (option == "--help" || option == "--output" || option == "--scale") continue;
            EXPECT_NE(page.find(option), std::string::npos) << command << " " << option;
        }
    }
}

// What the shell offers after these words.
std::set<std::string> completed(const std::string& words) {
    const std::string script = "source '" + (kSource / "deploy/completion/wgsteer.bash").string() +
                               "'; COMP_WORDS=('" + binary("wgsteer").string() + "' " + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _wgsteer; "
                               "printf '%s\\n' \"${COMPREPLY[@]}\"";
    const Outcome outcome = run({"bash", "-euc", script});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    return all(outcome.output, "([^\n]+)");
}

TEST(Completion, OffersInBashWhatTheCommandKnows) {
    const std::set<std::string> offered = completed("''");
    for (const std::string& command : commands()) {
        EXPECT_TRUE(offered.contains(command)) << command;
        const std::set<std::string> flags = completed(command + " --");
        for (const std::string& option : options(command))
            EXPECT_TRUE(flags.contains(option)) << command << " " << option;
    }
    EXPECT_EQ(completed("expl"), std::set<std::string>{"explain"});
    EXPECT_EQ(completed("--socket /nowhere expl"), std::set<std::string>{"explain"});
    EXPECT_EQ(completed("status -o ''"), (std::set<std::string>{"text", "json"}));
    EXPECT_EQ(completed("peers ''"), std::set<std::string>{}) << "nobody answers";
}

TEST(Completion, OffersInZshWhatTheCommandKnows) {
    if (!has_tool("zsh")) GTEST_SKIP() << "zsh is not installed";
    const auto offered = [](const std::string& words, int current) {
        const std::string script = "_describe() { print -l -- ${(P)2} }; words=('" +
                                   binary("wgsteer").string() + "' " + words +
                                   "); CURRENT=" + std::to_string(current) + "; source '" +
                                   (kSource / "deploy/completion/_wgsteer").string() + "'";
        const Outcome outcome = run({"zsh", "-fc", script});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
        return all(outcome.output, "(?:^|\n)([^:\n]+):");
    };
    const std::set<std::string> first = offered("''", 2);
    for (const std::string& command : commands()) {
        EXPECT_TRUE(first.contains(command)) << command;
        const std::set<std::string> flags = offered(command + " --", 3);
        for (const std::string& option : options(command))
            EXPECT_TRUE(flags.contains(option)) << command << " " << option;
    }
}

}  // namespace
}  // namespace wgs::test
