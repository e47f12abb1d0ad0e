// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "temporary_directory.h"

namespace wgs {
namespace {

using std::filesystem::perms;

std::size_t entries_in(const std::filesystem::path& path) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

TEST(ReadFile, ReturnsTheWholeContentUpToTheLimit) {
    const TemporaryDirectory directory;
    write_text(directory.path() / "f", std::string("a\0b", 3));
    EXPECT_EQ(read_file(directory.path() / "f", 3), std::string("a\0b", 3));
    EXPECT_TRUE(read_file(directory.path() / "f", 2).error().is(std::errc::file_too_large));
}

TEST(ReadFile, NamesTheFileInItsErrors) {
    const auto missing = read_file("/nonexistent/f", 10);
    EXPECT_EQ(missing.error().message, "read /nonexistent/f: No such file or directory");
    EXPECT_TRUE(missing.error().is(std::errc::no_such_file_or_directory));
}

TEST(ReadFile, NeitherBlocksOnAPipeNorReadsADirectory) {
    const TemporaryDirectory directory;
    const auto pipe = directory.path() / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_file(pipe, 10).error().message,
              "read " + pipe.string() + ": not a regular file");
    EXPECT_FALSE(read_file(directory.path(), 10));
}

TEST(WriteFileAtomically, ReplacesContentAndMode) {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "f";
    write_text(file, "old");
    std::filesystem::permissions(file, perms(0600));
    ASSERT_TRUE(write_file_atomically(file, "new", 0644));
    EXPECT_EQ(read_text(file), "new");
    EXPECT_EQ(mode_of(file), perms(0644));
    EXPECT_EQ(entries_in(directory.path()), 1u);
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItFails) {
    const TemporaryDirectory directory;
    const auto target = directory.path() / "f";
    std::filesystem::create_directories(target / "in-the-way");
    EXPECT_FALSE(write_file_atomically(target, "new", 0644));
    EXPECT_EQ(entries_in(directory.path()), 1u);
    EXPECT_FALSE(write_file_atomically(directory.path() / "missing" / "f", "new", 0644));
}

}  // namespace
}  // namespace wgs
