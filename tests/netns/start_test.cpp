// SPDX-License-Identifier: Apache-2.0
// The start of an agent in a large mesh: it answers at once, and says READY when it is.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <fstream>

#include "model/key.h"
#include "tests/netns/fixture.h"
#include "tests/support/http.h"

namespace wgs::test {
namespace {

constexpr int kNodes = 3500;  // below the default of max_peers

// systemd's end of sd_notify().
class NotifySocket {
  public:
    explicit NotifySocket(const std::filesystem::path& path)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0)
            broken("bind " + path.string());
    }

    // Everything so far.
    const std::string& heard() {
        std::array<char, 4096> message;
        ssize_t size = 0;
        while ((size = ::recv(socket_.get(), message.data(), message.size(), 0)) > 0)
            heard_.append(message.data(), static_cast<std::size_t>(size)).append("\n");
        return heard_;
    }
    bool says(const std::string& word) { return heard().find(word) != std::string::npos; }

  private:
    UniqueFd socket_;
    std::string heard_;
};

class StartTest : public MeshTest {
  protected:
    void SetUp() override {
        MeshTest::SetUp();
        if (IsSkipped()) return;
        cluster_ = std::make_unique<Cluster>(ClusterOptions{.nodes = 1, .policy = "require"});
        fill_mesh();
        // A device that takes its time, for as long as the file is there.
        const auto programs = cluster_->workspace().directory() / "programs";
        std::filesystem::create_directories(programs);
        std::filesystem::create_symlink(binary("memory_wireguard_go"), programs / "wireguard-go");
        std::filesystem::create_directories(slow().parent_path());
        std::ofstream(slow()).flush();
        notify_.emplace(cluster_->workspace().directory() / "notify");
        agent().settings().backend = "userspace";
        agent().settings().launcher = {
            "env", fmt::format("PATH={}:{}", programs.string(), std::getenv("PATH")),
            fmt::format("NOTIFY_SOCKET={}",
                        (cluster_->workspace().directory() / "notify").string())};
    }

    void fill_mesh() const {
        for (int i = 0; i < kNodes; ++i) {
            std::ofstream(cluster_->mesh() / fmt::format("other-{}.yaml", i)) << fmt::format(
                "name: other-{}\naddresses: [172.16.{}.{}]\nprefixes: [11.{}.{}.0/24]\n"
                "public_key: \"{}\"\n",
                i, i / 250, i % 250 + 1, i / 250, i % 250, unused_public_key());
        }
    }
    Agent& agent() { return cluster_->node(1).agent(); }
    std::filesystem::path slow() { return agent().run_dir() / "wireguard" / "slow"; }
    // The sender would wait for us if it was not read meanwhile.
    unsigned asked(const std::string& path) {
        notify_->heard();
        const auto reply = http_get(agent().socket(), path, 5s);
        return reply ? static_cast<unsigned>(reply->status) : 0;
    }

    std::unique_ptr<Cluster> cluster_;
    std::optional<NotifySocket> notify_;
};

TEST_F(StartTest, InALargeMeshItAnswersAtOnceAndIsReadyWhenAllIsProgrammed) {
    agent().launch();
    ASSERT_TRUE(eventually(20s, [&] { return asked("/healthz") == 200; })) << agent().log();
    EXPECT_EQ(asked("/readyz"), 503U);
    const nlohmann::json status = agent().status();
    EXPECT_EQ(status["starting"], true) << status;
    EXPECT_EQ(status["in_sync"], false) << status;
    ASSERT_FALSE(status["notes"].empty()) << status;
    EXPECT_EQ(status["notes"][0]["object"], "start") << status;
    EXPECT_NE(agent().cli({"status"}).output.find("of the first plan"), std::string::npos);
    EXPECT_FALSE(notify_->says("READY=1")) << notify_->heard();
    EXPECT_TRUE(notify_->says("EXTEND_TIMEOUT_USEC=")) << notify_->heard();
    // The others hear of a node when it knows them.
    EXPECT_FALSE(std::filesystem::exists(agent().node_file()));

    std::filesystem::remove(slow());
    ASSERT_TRUE(eventually(60s, [&] { return notify_->says("READY=1"); })) << agent().log();
    const nlohmann::json started = agent().status();
    EXPECT_EQ(started["starting"], false);
    EXPECT_EQ(started["peers"]["total"], kNodes);
    EXPECT_FALSE(started["hooks"].empty());
    EXPECT_TRUE(eventually(20s, [&] { return asked("/readyz") == 200; }));
    EXPECT_TRUE(eventually(20s, [&] { return std::filesystem::exists(agent().node_file()); }));
}

// By its own doing: what it sees go, it would otherwise make again.
TEST_F(StartTest, ACleanupOfARunningAgentLeavesNothing) {
    std::filesystem::remove(slow());
    agent().start();
    ASSERT_TRUE(cluster_->node(1).ns().has_link("wgsteer0"));
    EXPECT_EQ(agent().cli({"cleanup", "--yes"}).exit_code, 0) << agent().log();
    ASSERT_TRUE(eventually(20s, [&] { return !agent().running(); })) << agent().log();
    EXPECT_FALSE(cluster_->node(1).ns().has_link("wgsteer0")) << agent().log();
    EXPECT_TRUE(cluster_->node(1).ns().processes("wireguard-go").empty());
}

// Killed before it was through: the next one goes on.
TEST_F(StartTest, AStartThatIsCutShortIsFinishedByTheNext) {
    agent().launch();
    ASSERT_TRUE(eventually(20s, [&] { return asked("/healthz") == 200; })) << agent().log();
    EXPECT_EQ(agent().status()["starting"], true);
    EXPECT_EQ(agent().stop(), 0);
    std::filesystem::remove(slow());
    agent().start();
    EXPECT_EQ(agent().status()["peers"]["total"], kNodes);
    EXPECT_TRUE(eventually(20s, [&] { return asked("/readyz") == 200; }));
}

}  // namespace
}  // namespace wgs::test
