// SPDX-License-Identifier: Apache-2.0
// The directory source: one YAML file per node, NAME.yaml; each agent writes its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source/directory_watch.h"
#include "source/listing.h"
#include "source/source.h"

namespace wgs {

struct DirectoryOptions {
    std::filesystem::path path;  // created if it is missing when the source starts
    std::string self;            // this node's name

    std::chrono::milliseconds rescan{30'000};  // for file systems without notification
    std::chrono::milliseconds retry{1'000};    // while the directory is away or a write failed
    std::chrono::milliseconds settle{50};      // from an event to the scan: a burst counts once
    // How long a file must be missing before it counts as deleted, and before our own is restored:
    // editors and copying tools replace files in two steps.
    std::chrono::milliseconds grace{1'000};
    // How long `complete` waits for unreadable files, and a file that shrank to its own beginning
    // is taken for half-written.
    std::chrono::milliseconds confirmation{60'000};
    std::size_t max_text = std::size_t{64} << 20;  // bytes of all node files together
    std::function<SteadyTime()> now = &std::chrono::steady_clock::now;
};

// A file that is moved into its place is whole, and read at once. Whatever else wakes it, it scans
// the directory and compares with what it knows. What is known of a node changes only by
// a valid file, and ends only by its file missing from a directory that can be read. Whether to
// believe that many nodes have left at once is up to the sink.
class DirectorySource final : public Source {
  public:
    // The sink must outlive the source.
    DirectorySource(DirectoryOptions options, SourceSink& sink);

    void start() override;
    void dispatch() override;
    [[nodiscard]] int fd() const override { return watch_.fd(); }
    [[nodiscard]] std::optional<SteadyTime> next_timeout() const override { return next_scan_; }

    Status publish(const NodeInfo& self) override;
    Status withdraw() override;

    [[nodiscard]] std::vector<Problem> problems() const override;

  private:
    using Listing = std::map<std::string, FileStamp>;

    struct NodeFile {
        FileStamp stamp;
        bool stale = true;  // to be read even if the stamp is the same
        bool told = false;  // its node is known to the sink
        std::string text;   // of which it was told last
        std::optional<SteadyTime> missing_since;
        std::optional<SteadyTime> cut_since;
    };

    void create_directory() const;
    void scan();
    void go_away(const std::string& reason);
    void come_back();
    void note_foreign_files(const Listing& listing);
    void examine_files(const Listing& listing);
    [[nodiscard]] bool take_arrived(const std::string& name);
    void examine(const std::string& name, const FileStamp& stamp);
    Status take_file(const std::string& name, NodeFile& file);
    void keep_text(NodeFile& file, std::string text);
    [[nodiscard]] bool is_cut_short(NodeFile& file, std::string_view text);
    void expire_missing(const Listing& listing);
    [[nodiscard]] bool may_expire(NodeFile& file);
    void check_complete();
    void keep_own_file(const Listing& listing);
    [[nodiscard]] bool own_file_is_good(const FileStamp& stamp);
    [[nodiscard]] bool is_of_a_rival() const;
    Status write_own_file();
    void set_problem(std::string& slot, const std::string& object, const std::string& message);
    void wake_at(SteadyTime time);

    DirectoryOptions options_;
    SourceSink& sink_;
    DirectoryWatch watch_;
    std::string own_file_;  // name without directory

    std::map<std::string, NodeFile> files_;       // by name; own file never among them
    std::size_t text_size_ = 0;                   // bytes that are kept of them
    std::map<std::string, std::string> unsound_;  // those that could not be taken, and why
    std::set<std::string> foreign_;
    std::string away_;  // why the directory is away; empty: it is not
    std::string watch_problem_;
    SteadyTime started_;
    SteadyTime last_scan_;  // or look at single files
    SteadyTime next_scan_;
    bool complete_ = false;

    std::string own_text_;        // empty: nothing published
    bool own_unwritten_ = false;  // this text never reached the directory
    std::string own_problem_;
    std::optional<FileStamp> own_stamp_;  // as found good
    std::optional<SteadyTime> own_missing_since_;
    SteadyTime own_written_;
};

}  // namespace wgs
