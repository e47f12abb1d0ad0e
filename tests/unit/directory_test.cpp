// SPDX-License-Identifier: Apache-2.0
#include "source/directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>

#include "node_builder.h"
#include "source/node_file.h"
#include "temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;
using std::filesystem::perms;
using Events = std::vector<std::string>;

constexpr const char* kRestored = "self.yaml: changed or deleted by someone else; restored";

class Recorder : public SourceSink {
  public:
    void upsert(const NodeInfo& node) override {
        events_.push_back("upsert " + node.name);
        nodes_[node.name] = node;
    }
    void remove(const std::string& name) override { events_.push_back("remove " + name); }
    void only(const std::set<std::string, std::less<>>& /*names*/) override {
        events_.emplace_back("only");
    }
    void resumed() override { events_.emplace_back("resumed"); }
    void complete() override { events_.emplace_back("complete"); }
    void report(const Problem& problem) override {
        events_.push_back(problem.object + ": " + problem.message);
    }

    [[nodiscard]] Events take() { return std::exchange(events_, {}); }
    [[nodiscard]] const NodeInfo& node(const std::string& name) const { return nodes_.at(name); }

  private:
    Events events_;
    std::map<std::string, NodeInfo> nodes_;
};

NodeInfo named(const std::string& name) {
    return node(
        {.name = name, .addresses = {"192.168.0.2"}, .prefixes = {"10.1.0.0/24"}, .key = 2});
}

// Time stands still unless a test lets it pass; notifications are the kernel's own.
class Directory : public testing::Test {
  protected:
    void start() {
        source_ = std::make_unique<DirectorySource>(
            DirectoryOptions{
                .path = path_, .self = "self", .max_text = limit_, .now = [this] { return now_; }},
            sink_);
        source_->start();
    }

    // Lets time pass as an event loop would see it, and returns what the sink was told.
    Events after(std::chrono::milliseconds duration) {
        const SteadyTime end = now_ + duration;
        source_->dispatch();
        while (*source_->next_timeout() <= end) {
            now_ = *source_->next_timeout();
            source_->dispatch();
        }
        now_ = end;
        return sink_.take();
    }
    Events settled() { return after(100ms); }

    void write_node(const NodeInfo& info) const {
        write(info.name + ".yaml", format_node_file(info));
    }
    void write(const std::string& name, std::string_view text) const {
        write_text(path_ / name, text);
    }
    void erase(const std::string& name) const { std::filesystem::remove(path_ / name); }

    // A mesh of self and two others, running for a while.
    void start_mesh() {
        std::filesystem::create_directories(path_);
        write_node(named("node-b"));
        write_node(named("node-c"));
        start();
        ASSERT_TRUE(source_->publish(named("self")));
        ASSERT_EQ(after(5min), (Events{"upsert node-b", "upsert node-c", "complete"}));
        ASSERT_EQ(source_->problems(), std::vector<Problem>{});
    }

    const TemporaryDirectory parent_;
    const std::filesystem::path path_ = parent_.path() / "mesh";
    const std::filesystem::path own_ = path_ / "self.yaml";
    SteadyTime now_{100h};
    std::size_t limit_ = std::size_t{1} << 20;
    Recorder sink_;
    std::unique_ptr<DirectorySource> source_;
};

TEST_F(Directory, IsCreatedWhenMissing) {
    start();
    EXPECT_TRUE(std::filesystem::is_directory(path_));
    EXPECT_EQ(mode_of(path_), perms(0755));
    EXPECT_EQ(sink_.take(), Events{"complete"});
}

TEST_F(Directory, TellsWhatIsThereAndThenCompletes) {
    std::filesystem::create_directories(path_);
    write_node(named("node-b"));
    write_node(named("node-c"));
    start();
    EXPECT_EQ(sink_.take(), (Events{"upsert node-b", "upsert node-c", "complete"}));
    EXPECT_EQ(sink_.node("node-b"), named("node-b"));
}

// As agents write theirs. What is written in place may be half there, and has to settle.
TEST_F(Directory, TellsOfAFileThatIsMovedIntoPlaceWithoutWaiting) {
    start_mesh();
    ASSERT_EQ(after(1s), Events{});  // with a scan, hence no other one soon
    NodeInfo changed = named("node-b");
    changed.port = 4711;
    write(".node-b", format_node_file(changed));
    std::filesystem::rename(path_ / ".node-b", path_ / "node-b.yaml");
    source_->dispatch();
    EXPECT_EQ(sink_.take(), Events{"upsert node-b"});
    EXPECT_EQ(sink_.node("node-b").port, 4711);
    EXPECT_GT(*source_->next_timeout(), now_ + 1s) << "a large directory is not scanned for that";
    EXPECT_EQ(settled(), Events{}) << "once";

    changed.port = 4712;
    write_node(changed);
    source_->dispatch();
    EXPECT_EQ(sink_.take(), Events{});
    EXPECT_EQ(settled(), Events{"upsert node-b"});
}

TEST_F(Directory, NoticesFilesThatAppearChangeAndGo) {
    start_mesh();
    write_node(named("node-d"));
    EXPECT_EQ(settled(), Events{"upsert node-d"});

    NodeInfo changed = named("node-d");
    changed.port = 4000;
    write_node(changed);
    EXPECT_EQ(settled(), Events{"upsert node-d"});
    EXPECT_EQ(sink_.node("node-d"), changed);

    erase("node-d.yaml");
    EXPECT_EQ(after(2s), Events{"remove node-d"});
}

TEST_F(Directory, NoticesFilesThatAreMovedIntoPlaceOrLinked) {
    start_mesh();
    write_text(parent_.path() / "elsewhere", format_node_file(named("node-d")));
    std::filesystem::create_symlink("../elsewhere", path_ / "node-d.yaml");
    EXPECT_EQ(settled(), Events{"upsert node-d"});

    write_text(parent_.path() / "other", format_node_file(named("node-e")));
    std::filesystem::rename(parent_.path() / "other", path_ / "node-e.yaml");
    EXPECT_EQ(settled(), Events{"upsert node-e"});
}

TEST_F(Directory, SaysNothingWhenAFileIsWrittenAgainUnchanged) {
    start_mesh();
    write_node(named("node-b"));
    EXPECT_EQ(settled(), Events{});
}

TEST_F(Directory, SurvivesAnEditorThatReplacesAFileInTwoSteps) {
    start_mesh();
    erase("node-b.yaml");
    EXPECT_EQ(after(500ms), Events{});
    write_node(named("node-b"));
    EXPECT_EQ(after(5min), Events{});
}

TEST_F(Directory, FindsByItselfWhatNoNotificationTold) {
    std::filesystem::create_directories(path_);
    const auto target = parent_.path() / "elsewhere";
    write_text(target, format_node_file(named("node-b")));
    std::filesystem::create_symlink("../elsewhere", path_ / "node-b.yaml");
    start();
    (void)settled();
    NodeInfo changed = named("node-b");
    changed.port = 4000;
    write_text(target, format_node_file(changed));  // outside the watched directory
    EXPECT_EQ(settled(), Events{});
    EXPECT_EQ(after(31s), Events{"upsert node-b"});
}

TEST_F(Directory, FindsWhatHappenedWhenTheKernelDropsNotifications) {
    start_mesh();
    for (int i = 0; i < 20'000; ++i) {
        const auto& file = path_ / (i % 2 == 0 ? "node-b.yaml" : "node-c.yaml");
        std::filesystem::permissions(file, perms(i % 4 < 2 ? 0644 : 0640));
    }
    write_node(named("node-d"));
    EXPECT_EQ(after(1s), Events{"upsert node-d"});
}

TEST_F(Directory, KeepsTheLastGoodStateOfAHalfWrittenFile) {
    start_mesh();
    write("node-b.yaml", "name: \"node-b\"\naddresses: [192.1");
    EXPECT_EQ(settled().size(), 1u);
    EXPECT_EQ(source_->problems().size(), 1u);
    EXPECT_EQ(after(10min), Events{});

    write_node(named("node-b"));
    EXPECT_EQ(after(1s), Events{});
    EXPECT_EQ(source_->problems(), std::vector<Problem>{});
}

TEST_F(Directory, DoesNotBelieveAnyBeginningOfAFileAtFirst) {
    start_mesh();
    const std::string whole = format_node_file(named("node-b"));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write("node-b.yaml", whole.substr(0, length));
        for (const std::string& event : settled()) {
            EXPECT_TRUE(event.starts_with("node-b.yaml: ")) << event << " at " << length;
        }
        EXPECT_EQ(source_->problems().size(), 1u) << length;
    }
    write("node-b.yaml", "name: \"node-b\"\n");
    EXPECT_EQ(after(2min), Events{"upsert node-b"});
    EXPECT_EQ(sink_.node("node-b").public_key, std::nullopt);
}

TEST_F(Directory, RemovesANodeWhoseInvalidFileIsDeleted) {
    start_mesh();
    write("node-b.yaml", "rubbish");
    (void)settled();
    erase("node-b.yaml");
    EXPECT_EQ(after(2s), Events{"remove node-b"});
    EXPECT_EQ(source_->problems(), std::vector<Problem>{});
}

TEST_F(Directory, ReportsWhatItCannotUseOnceAndGoesOn) {
    start_mesh();
    write("binary.yaml", std::string("\x7f\x45LF\0\0\xff", 7));
    write("big.yaml", std::string((1 << 20) + 1, '#'));
    write("liar.yaml", format_node_file(named("node-b")));
    std::filesystem::create_symlink("loop.yaml", path_ / "loop.yaml");
    std::filesystem::create_symlink("nowhere", path_ / "dangling.yaml");
    std::filesystem::create_directory(path_ / "directory.yaml");
    ASSERT_EQ(::mkfifo((path_ / "pipe.yaml").c_str(), 0644), 0);
    EXPECT_EQ(settled(),
              (Events{"big.yaml: read " + (path_ / "big.yaml").string() + ": File too large",
                      "binary.yaml: binary.yaml:1: not valid UTF-8 text",
                      "dangling.yaml: read: No such file or directory",
                      "directory.yaml: not a regular file",
                      "liar.yaml: liar.yaml:1: name: 'node-b' does not match the file's name",
                      "loop.yaml: read: Too many levels of symbolic links",
                      "pipe.yaml: not a regular file"}));
    EXPECT_EQ(source_->problems().size(), 7u);
    EXPECT_EQ(after(5min), Events{});
}

TEST_F(Directory, HintsAtForeignFilesOnceAndSkipsDotFiles) {
    start_mesh();
    write("node-d.yml", format_node_file(named("node-d")));
    write("README", "the mesh");
    write("Node_E.yaml", "");
    write("odd\n.yaml", "");
    write(".node-f.yaml", format_node_file(named("node-f")));
    EXPECT_EQ(settled(),
              (Events{"Node_E.yaml: ignored; the file's name is not that of a node",
                      "README: ignored; not a node file (NAME.yaml)",
                      "node-d.yml: ignored; node files end in .yaml, not .yml",
                      "'odd\\x0a.yaml': ignored; the file's name is not that of a node"}));
    EXPECT_EQ(after(5min), Events{});
    EXPECT_EQ(source_->problems().size(), 4u);
}

TEST_F(Directory, DoesNotLetStrangeFilesFillTheLog) {
    start_mesh();
    for (int i = 0; i < 100; ++i)
        write("strange" + std::to_string(i), "");
    EXPECT_EQ(settled().size(), 16u);
    EXPECT_EQ(after(5min), Events{});
}

TEST_F(Directory, WaitsForAnUnreadableFileBeforeItCompletes) {
    std::filesystem::create_directories(path_);
    write_node(named("node-b"));
    write("node-c.yaml", "name: node");
    start();
    EXPECT_EQ(sink_.take().size(), 2u);  // node-b, and the problem of node-c
    EXPECT_EQ(after(10s), Events{});
    write_node(named("node-c"));
    EXPECT_EQ(settled(), (Events{"upsert node-c", "complete"}));
}

TEST_F(Directory, CompletesOnceTheFileThatWasWaitedForIsMovedIntoPlace) {
    std::filesystem::create_directories(path_);
    write("node-b.yaml", "nonsense");
    start();
    ASSERT_FALSE(settled().empty());
    write(".node-b", format_node_file(named("node-b")));
    std::filesystem::rename(path_ / ".node-b", path_ / "node-b.yaml");
    EXPECT_EQ(settled(), (Events{"upsert node-b", "complete"}));
}

TEST_F(Directory, CompletesWithoutAFileThatStaysUnreadable) {
    std::filesystem::create_directories(path_);
    write("node-c.yaml", "rubbish");
    start();
    (void)sink_.take();
    EXPECT_EQ(after(59s), Events{});
    EXPECT_EQ(after(1s), Events{"complete"});
}

TEST_F(Directory, PublishesSelfForAllToReadAndNeverTellsIt) {
    std::filesystem::create_directories(path_);
    write_node(named("self"));  // of an earlier run
    start();
    NodeInfo self = named("self");
    self.port = 4000;
    ASSERT_TRUE(source_->publish(self));
    EXPECT_EQ(parse_node_file(read_text(own_), "self", "f"), self);
    EXPECT_EQ(mode_of(own_), perms(0644));
    EXPECT_EQ(after(5min), Events{"complete"});
}

TEST_F(Directory, RestoresItsOwnFile) {
    start_mesh();
    const std::string text = read_text(own_);
    const Events restored = {kRestored};

    write("self.yaml", "rubbish");
    EXPECT_EQ(settled(), restored);
    EXPECT_EQ(read_text(own_), text);
    EXPECT_EQ(source_->problems().size(), 1u);
    EXPECT_EQ(after(5min), Events{});
    EXPECT_EQ(source_->problems(), std::vector<Problem>{});

    erase("self.yaml");
    EXPECT_EQ(after(2s), restored);
    EXPECT_EQ(read_text(own_), text);
    (void)after(5min);

    std::filesystem::permissions(own_, perms(0600));
    EXPECT_EQ(settled(), restored);
    EXPECT_EQ(mode_of(own_), perms(0644));
}

TEST_F(Directory, DoesNotFightAtFullSpeedWithAnotherAgentOfItsName) {
    start_mesh();
    int restored = 0;
    for (int i = 0; i < 100; ++i) {
        write("self.yaml", "name: self\n");
        (void)after(100ms);
        if (read_text(own_) != "name: self\n") ++restored;
    }
    EXPECT_GE(restored, 9);
    EXPECT_LE(restored, 11);
}

TEST_F(Directory, WithdrawsItsFileForGood) {
    start_mesh();
    EXPECT_TRUE(source_->withdraw());
    EXPECT_TRUE(source_->withdraw());
    EXPECT_EQ(after(5min), Events{});
    EXPECT_FALSE(std::filesystem::exists(own_));
}

TEST_F(Directory, TriesAgainWhenItsFileCannotBeWritten) {
    start_mesh();
    std::filesystem::rename(path_, parent_.path() / "moved");
    NodeInfo self = named("self");
    self.port = 4000;
    EXPECT_FALSE(source_->publish(self));
    (void)after(10s);
    std::filesystem::rename(parent_.path() / "moved", path_);
    EXPECT_EQ(after(3s), Events{"resumed"});
    EXPECT_EQ(parse_node_file(read_text(own_), "self", "f"), self);
    EXPECT_EQ(source_->problems(), std::vector<Problem>{});
}

TEST_F(Directory, RemovesNothingWhileTheDirectoryIsGone) {
    start_mesh();
    std::filesystem::remove_all(path_);
    const std::string message = path_.string() + ": read directory " + path_.string() +
                                ": No such file or directory; keeping the last good state";
    EXPECT_EQ(after(1h), Events{message});
    EXPECT_EQ(source_->problems().size(), 1u);
}

TEST_F(Directory, RestoresItsFileInADirectoryThatWasEmptied) {
    start_mesh();
    for (const char* name : {"node-b.yaml", "node-c.yaml", "self.yaml"})
        erase(name);
    EXPECT_EQ(after(3s), (Events{kRestored, "remove node-b", "remove node-c"}));
    EXPECT_TRUE(std::filesystem::exists(own_));
    write_node(named("node-b"));  // as the agent there does
    write_node(named("node-c"));
    EXPECT_EQ(after(1h), (Events{"upsert node-b", "upsert node-c"}));
}

TEST_F(Directory, SaysThatItHasBeenAwayBeforeItRemovesWhatIsMissing) {
    start_mesh();
    std::filesystem::remove_all(path_);
    (void)after(10s);
    std::filesystem::create_directory(path_);
    write_node(named("node-b"));
    EXPECT_EQ(after(10s), (Events{"resumed", kRestored, "remove node-c"}));
}

TEST_F(Directory, RefusesFilesThatAreTooLargeTogether) {
    limit_ = 2048;
    std::filesystem::create_directories(path_);
    write_node(named("node-b"));
    NodeInfo large = named("node-c");
    for (int i = 0; i < 200; ++i)
        large.prefixes.push_back(prefix("10.2." + std::to_string(i) + ".0/24"));
    write_node(large);
    start();
    EXPECT_EQ(settled(), (Events{"upsert node-b",
                                 "node-c.yaml: the node files are larger than 0 MiB together"}));
    write_node(named("node-c"));
    EXPECT_EQ(settled(), (Events{"upsert node-c", "complete"}));
}

TEST_F(Directory, WatchesTheDirectoryThatCameBack) {
    start_mesh();
    std::filesystem::remove_all(path_);
    (void)after(10s);
    std::filesystem::create_directory(path_);
    write_node(named("node-b"));
    (void)after(2s);
    write_node(named("node-d"));
    EXPECT_EQ(settled(), Events{"upsert node-d"});
}

TEST_F(Directory, CompletesOnlyOnceItCouldBeRead) {
    write_text(path_, "a file in the way");
    start();
    EXPECT_EQ(sink_.take(), Events{path_.string() + ": read directory " + path_.string() +
                                   ": Not a directory; keeping the last good state"});
    EXPECT_EQ(after(10s), Events{});
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    write_node(named("node-b"));
    EXPECT_EQ(after(2s), (Events{"upsert node-b", "complete"}));
}

}  // namespace
}  // namespace wgs
