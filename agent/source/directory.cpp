// SPDX-License-Identifier: Apache-2.0
#include "source/directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "source/node_file.h"

namespace wgs {
namespace {

constexpr std::string_view kSuffix = ".yaml";
constexpr mode_t kFileMode = 0644;
constexpr std::filesystem::perms kDirectoryMode{0755};
constexpr std::size_t kMaxFiles = 100'000;
// Enough to see what is going on; a directory full of strange files must not fill the log.
constexpr std::size_t kMaxForeign = 16;

std::string stem_of(std::string_view name) {
    return std::string(name.substr(0, name.size() - kSuffix.size()));
}

// Of whoever writes elsewhere first; a listing leaves them out as well.
bool is_draft(std::string_view name) {
    return name.starts_with('.');
}

bool is_node_file(std::string_view name) {
    return name.ends_with(kSuffix) && is_valid_node_name(stem_of(name));
}

std::string foreign_message(std::string_view name) {
    if (name.ends_with(kSuffix)) return "ignored; the file's name is not that of a node";
    if (name.ends_with(".yml")) return "ignored; node files end in .yaml, not .yml";
    return "ignored; not a node file (NAME.yaml)";
}

// File names come from outside; what is odd is quoted before it meets a log.
std::string presentable(const std::string& name) {
    const bool plain =
        std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    return plain ? name : in_quotes(name);
}

}  // namespace

DirectorySource::DirectorySource(DirectoryOptions options, SourceSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      own_file_(options_.self + std::string(kSuffix)),
      started_(options_.now()),
      last_scan_(started_),
      next_scan_(started_),
      own_written_(SteadyTime::min()) {}

void DirectorySource::start() {
    create_directory();
    scan();
}

void DirectorySource::dispatch() {
    const DirectoryChanges changes = watch_.drain();
    bool unclear = changes.unnamed;
    for (const std::string& name : changes.names) {
        if (is_draft(name)) continue;
        if (const auto file = files_.find(name); file != files_.end()) file->second.stale = true;
        if (name == own_file_) own_stamp_.reset();
        if (!changes.arrived.contains(name) || !take_arrived(name)) unclear = true;
    }
    if (unclear) wake_at(options_.now() + options_.settle);
    if (options_.now() >= next_scan_) scan();
}

// A failure shows in the scan that follows.
void DirectorySource::create_directory() const {
    std::error_code error;
    if (!std::filesystem::create_directories(options_.path, error)) return;
    std::filesystem::permissions(options_.path, kDirectoryMode, error);
}

void DirectorySource::scan() {
    last_scan_ = options_.now();
    next_scan_ = last_scan_ + options_.rescan;
    // Watching comes first: what changes after it is noticed, what changed before it is listed.
    const Status watched = watch_.watch(options_.path);
    const auto listing = list_directory(options_.path, kMaxFiles);
    if (!listing) return go_away(listing.error().message);
    if (!away_.empty()) come_back();
    set_problem(watch_problem_, options_.path.string(), watched ? "" : watched.error().message);

    keep_own_file(*listing);
    note_foreign_files(*listing);
    examine_files(*listing);
    expire_missing(*listing);
    check_complete();
}

void DirectorySource::go_away(const std::string& reason) {
    set_problem(away_, options_.path.string(), reason + "; keeping the last good state");
    for (auto& [name, file] : files_)
        file.missing_since.reset();
    wake_at(last_scan_ + options_.retry);
}

void DirectorySource::come_back() {
    away_.clear();
    if (complete_) sink_.resumed();
}

void DirectorySource::note_foreign_files(const Listing& listing) {
    std::erase_if(foreign_, [&](const std::string& name) { return !listing.contains(name); });
    for (const auto& [name, stamp] : listing) {
        if (is_node_file(name) || foreign_.size() >= kMaxForeign) continue;
        if (!foreign_.insert(name).second) continue;
        sink_.report({.object = presentable(name), .message = foreign_message(name)});
    }
}

void DirectorySource::examine_files(const Listing& listing) {
    for (const auto& [name, stamp] : listing) {
        if (is_node_file(name) && name != own_file_) examine(name, stamp);
    }
}

// What has gone already, or is not another node's, is for the scan to judge.
bool DirectorySource::take_arrived(const std::string& name) {
    if (!away_.empty() || !is_node_file(name) || name == own_file_) return false;
    const FileStamp stamp = stamp_of(options_.path / name);
    if (stamp.error != 0) return false;
    last_scan_ = options_.now();
    examine(name, stamp);
    return complete_;  // else it may be the file that was waited for
}

void DirectorySource::examine(const std::string& name, const FileStamp& stamp) {
    NodeFile& file = files_[name];
    file.missing_since.reset();
    if (!std::exchange(file.stale, false) && file.stamp == stamp) return;
    file.stamp = stamp;
    const Status taken = take_file(name, file);
    if (taken) {
        unsound_.erase(name);
    } else {
        set_problem(unsound_[name], presentable(name), taken.error().message);
    }
}

Status DirectorySource::take_file(const std::string& name, NodeFile& file) {
    if (file.stamp.error != 0) return os_error(file.stamp.error, "read");
    // Told from the metadata, because opening a device can already do something.
    if (!S_ISREG(file.stamp.mode)) return invalid("not a regular file");
    std::string text = WGS_TRY(read_file(options_.path / name, kMaxNodeFileSize));
    if (is_cut_short(file, text)) return invalid("cut short, as if half-written");
    if (file.told && file.text == text) return {};
    if (text_size_ - file.text.size() + text.size() > options_.max_text) {
        return invalid("the node files are larger than " + std::to_string(options_.max_text >> 20) +
                       " MiB together");
    }
    const NodeInfo node = WGS_TRY(parse_node_file(text, stem_of(name), name));
    keep_text(file, std::move(text));
    file.told = true;
    sink_.upsert(node);
    return {};
}

void DirectorySource::keep_text(NodeFile& file, std::string text) {
    text_size_ -= file.text.size();
    file.text = std::move(text);
    text_size_ += file.text.size();
}

// The beginning of a node file can be a valid node file, one without a key or prefixes. It is
// believed only when it stays so.
bool DirectorySource::is_cut_short(NodeFile& file, std::string_view text) {
    if (text.size() >= file.text.size() || !file.text.starts_with(text)) {
        file.cut_since.reset();
        return false;
    }
    if (!file.cut_since) file.cut_since = last_scan_;
    const SteadyTime believed_at = *file.cut_since + options_.confirmation;
    if (last_scan_ >= believed_at) return false;
    file.stale = true;
    wake_at(believed_at);
    return true;
}

void DirectorySource::expire_missing(const Listing& listing) {
    for (auto entry = files_.begin(); entry != files_.end();) {
        if (listing.contains(entry->first) || !may_expire(entry->second)) {
            ++entry;
            continue;
        }
        if (entry->second.told) sink_.remove(stem_of(entry->first));
        keep_text(entry->second, {});
        unsound_.erase(entry->first);
        entry = files_.erase(entry);
    }
}

bool DirectorySource::may_expire(NodeFile& file) {
    if (!file.told) return true;
    if (!file.missing_since) file.missing_since = last_scan_;
    const SteadyTime due = *file.missing_since + options_.grace;
    if (last_scan_ >= due) return true;
    wake_at(due);
    return false;
}

// A file that cannot be read yet may be of a node which a restarted agent still serves; leftovers
// are safe until `complete`.
void DirectorySource::check_complete() {
    if (complete_) return;
    const SteadyTime patience_ends = started_ + options_.confirmation;
    const bool unread = std::any_of(files_.begin(), files_.end(),
                                    [](const auto& entry) { return !entry.second.told; });
    if (unread && last_scan_ < patience_ends) return wake_at(patience_ends);
    complete_ = true;
    sink_.complete();
}

Status DirectorySource::publish(const NodeInfo& self) {
    std::string text = format_node_file(self);
    if (text == own_text_) return {};
    own_text_ = std::move(text);
    own_unwritten_ = true;
    return write_own_file();
}

Status DirectorySource::withdraw() {
    own_text_.clear();
    own_problem_.clear();
    const std::filesystem::path path = options_.path / own_file_;
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return os_error(errno, "remove " + path.string());
}

// Restores our file after it was changed or deleted by hand. At most one write per `retry`, lest
// two agents with one name fight over it at full speed.
void DirectorySource::keep_own_file(const Listing& listing) {
    if (own_text_.empty()) return;
    const auto found = listing.find(own_file_);
    if (found != listing.end()) own_missing_since_.reset();
    if (found != listing.end() && own_file_is_good(found->second)) {
        if (last_scan_ >= own_written_ + options_.confirmation) own_problem_.clear();
        return;
    }
    SteadyTime due = own_written_ + options_.retry;
    if (found == listing.end() && !own_unwritten_) {
        if (!own_missing_since_) own_missing_since_ = last_scan_;
        due = std::max(due, *own_missing_since_ + options_.grace);
    }
    if (last_scan_ < due) return wake_at(due);
    const bool restores = !own_unwritten_;
    const bool rival = restores && found != listing.end() && is_of_a_rival();
    if (write_own_file() && restores) {
        set_problem(own_problem_, own_file_,
                    rival ? "written by another agent, restored: a second machine has the name of "
                            "this node; set 'node' in the configuration of one of them"
                          : "changed or deleted by someone else; restored");
    }
}

bool DirectorySource::own_file_is_good(const FileStamp& stamp) {
    if (own_unwritten_) return false;
    if (own_stamp_ == stamp) return true;
    if (!S_ISREG(stamp.mode) || (stamp.mode & 07777) != kFileMode) return false;
    const auto text = read_file(options_.path / own_file_, kMaxNodeFileSize);
    if (!text || *text != own_text_) return false;
    own_stamp_ = stamp;
    return true;
}

// A sound node file with another key.
bool DirectorySource::is_of_a_rival() const {
    const auto theirs = read_file(options_.path / own_file_, kMaxNodeFileSize);
    if (!theirs) return false;
    const auto node = parse_node_file(*theirs, stem_of(own_file_), own_file_);
    const auto own = parse_node_file(own_text_, stem_of(own_file_), own_file_);
    return node && own && node->public_key && node->public_key != own->public_key;
}

Status DirectorySource::write_own_file() {
    own_written_ = options_.now();
    own_stamp_.reset();
    own_missing_since_.reset();
    Status written = write_file_atomically(options_.path / own_file_, own_text_, kFileMode);
    if (!written) {
        set_problem(own_problem_, own_file_, written.error().message);
        wake_at(own_written_ + options_.retry);
    } else if (std::exchange(own_unwritten_, false)) {
        own_problem_.clear();
    }
    return written;
}

std::vector<Problem> DirectorySource::problems() const {
    std::vector<Problem> result;
    const auto add = [&](const std::string& object, const std::string& message) {
        if (!message.empty()) result.push_back({.object = object, .message = message});
    };
    add(options_.path.string(), away_);
    add(options_.path.string(), watch_problem_);
    add(own_file_, own_problem_);
    for (const auto& [name, why] : unsound_)
        add(presentable(name), why);
    for (const std::string& name : foreign_)
        add(presentable(name), foreign_message(name));
    return result;
}

void DirectorySource::set_problem(std::string& slot, const std::string& object,
                                  const std::string& message) {
    if (slot == message) return;
    slot = message;
    if (!message.empty()) sink_.report({.object = object, .message = message});
}

void DirectorySource::wake_at(SteadyTime time) {
    next_scan_ = std::min(next_scan_, time);
}

}  // namespace wgs
