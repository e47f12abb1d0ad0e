// SPDX-License-Identifier: Apache-2.0
// Listeners of events: they come and go, fall behind, and are too many.
#include "service/event_hub.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/unique_fd.h"
#include "service/event_filter.h"
#include "serving.h"
#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// Events that the test makes up. The hub asks on a thread of its own.
class MadeUpEvents final : public PacketEvents {
  public:
    void set(std::size_t index, const wgs_listener& listener, std::uint32_t) const override {
        const std::lock_guard lock(mutex_);
        listeners_.at(index) = listener;
        lost_.at(index) = 0;
    }
    void extend(std::size_t index, std::uint64_t until) const override {
        const std::lock_guard lock(mutex_);
        listeners_.at(index).until = until;
    }
    void follow(std::size_t index, std::uint32_t peer, std::uint32_t peer_too) const override {
        const std::lock_guard lock(mutex_);
        listeners_.at(index).peer = peer;
        listeners_.at(index).peer_too = peer_too;
    }
    [[nodiscard]] std::uint64_t lost(std::size_t index) const override {
        const std::lock_guard lock(mutex_);
        return lost_.at(index);
    }
    Result<std::size_t> read(std::size_t limit, const Sink& sink) const override {
        const std::lock_guard lock(mutex_);
        const std::size_t count = std::min(limit, waiting_.size());
        for (std::size_t i = 0; i < count; ++i)
            sink(waiting_[i], {});
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }

    // For those whose bits are set; numbered by its length.
    void happen(std::uint16_t listeners, std::uint32_t number) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({.source = {inet_addr("10.1.0.10")},
                            .destination = {inet_addr("10.2.0.10")},
                            .family = 4,
                            .protocol = 6,
                            .reason = WGS_REASON_waiting,
                            .length = number,
                            .listeners = listeners});
    }
    void lose(std::size_t index, std::uint64_t count) {
        const std::lock_guard lock(mutex_);
        lost_.at(index) += count;
    }
    // As the programs see it; all zero: nobody.
    [[nodiscard]] wgs_listener listener(std::size_t index) const {
        const std::lock_guard lock(mutex_);
        return listeners_.at(index);
    }

  private:
    mutable std::mutex mutex_;
    mutable std::array<wgs_listener, WGS_MAX_LISTENERS> listeners_{};
    mutable std::array<std::uint64_t, WGS_MAX_LISTENERS> lost_{};
    mutable std::deque<wgs_event> waiting_;
};

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

// Asks for something and reads lines of JSON, whenever the test likes. HTTP/1.0 knows no chunks.
class Reader {
  public:
    Reader(const std::filesystem::path& socket, const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect");
        const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
        if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error("send");
    }

    // Reads until a line fits.
    bool hears(const std::function<bool(const Json&)>& fits) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        for (;;) {
            for (std::size_t at = text_.find('\n'); at != std::string::npos;
                 at = text_.find('\n')) {
                const Json line = Json::parse(text_.substr(0, at), nullptr, false);
                text_.erase(0, at + 1);
                if (line.is_object() && fits(line)) return true;
            }
            if (std::chrono::steady_clock::now() > end || !receive()) return false;
        }
    }
    bool hears_event(std::uint32_t number) {
        return hears([&](const Json& line) { return line.value("length", 0U) == number; });
    }
    void read_to_the_end() {
        while (receive()) {
        }
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    void leave() { fd_.reset(); }

  private:
    bool receive() {
        char piece[65536];
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, 60'000) != 1) return false;
        const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
        if (count <= 0) return false;
        text_.append(piece, static_cast<std::size_t>(count));
        return true;
    }

    UniqueFd fd_;
    std::string text_;
};

class EventHubTest : public testing::Test {
  protected:
    // Listens with the query; "/lost", "/listeners" and "/recent" ask the hub itself.
    HttpResponse answer(const HttpRequest& request) {
        if (request.path == "/lost") return {.body = std::to_string(hub_->lost())};
        if (request.path == "/listeners") return {.body = std::to_string(hub_->listeners())};
        if (request.path == "/recent") return {.body = hub_->recent_drops()};
        auto stream = hub_->listen(parse_event_filter(request.query).value());
        if (!stream) return {.status = 503, .body = stream.error().message + "\n"};
        return {.stream = std::move(*stream)};
    }

    Result<HttpServer> serve(EventLoop& loop) {
        hub_ =
            EventHub::open(events_, loop,
                           EventNames([](PeerId) { return "node-b"; }, [](auto) { return "eth0"; },
                                      {"wgsteer0"}),
                           {.peer_ids = [this](const std::string& name) { return ids_of(name); }})
                .value();
        return HttpServer::listen_unix(loop, socket_,
                                       [this](const HttpRequest& asked) { return answer(asked); });
    }

    std::optional<PeerIdsOfNode> ids_of(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return name == "node-b" ? std::optional(ids_) : std::nullopt;
    }
    void move_peer(const PeerIdsOfNode& ids) {
        const std::lock_guard lock(mutex_);
        ids_ = ids;
    }

    // A reader who has been heard of.
    Reader listen(const std::string& query = "") {
        Reader reader(socket_, "/" + query);
        EXPECT_TRUE(reader.hears([](const Json& line) { return line.contains("lost"); }))
            << "a line about losses comes first";
        return reader;
    }
    std::string ask(const std::string& path) {
        Reader reader(socket_, path);
        reader.read_to_the_end();
        return reader.text().substr(reader.text().find("\r\n\r\n") + 4);
    }
    [[nodiscard]] bool is_taken(std::size_t place) const {
        return events_.listener(place).verdicts != 0;
    }

    const TemporaryDirectory directory_;
    const std::filesystem::path socket_ = directory_.path() / "sock";
    MadeUpEvents events_;
    std::mutex mutex_;
    PeerIdsOfNode ids_{8, 0};
    std::unique_ptr<EventHub> hub_;
    Serving serving_{[this](EventLoop& loop) { return serve(loop); }};

    void TearDown() override {
        serving_.stop();
        hub_.reset();
    }
};

TEST_F(EventHubTest, EachListenerGetsWhatIsForIt) {
    Reader first = listen();
    Reader second = listen();
    events_.happen(1U << 1, 101);
    events_.happen(1U << 1 | 1U << 2, 102);
    EXPECT_TRUE(first.hears_event(101));
    EXPECT_TRUE(first.hears_event(102));
    bool heard_of_other = false;
    EXPECT_TRUE(second.hears([&](const Json& line) {
        heard_of_other |= line.value("length", 0U) == 101;
        return line.value("length", 0U) == 102;
    }));
    EXPECT_FALSE(heard_of_other);
}

TEST_F(EventHubTest, WhoGoesMakesRoomForAnother) {
    Reader first = listen();
    Reader second = listen();
    ASSERT_TRUE(is_taken(1));
    ASSERT_TRUE(is_taken(2));
    first.leave();
    EXPECT_TRUE(eventually([&] { return !is_taken(1); })) << "programs no longer tell it";
    EXPECT_EQ(ask("/listeners"), "1");
    Reader third = listen("?verdict=drop");
    EXPECT_EQ(events_.listener(1).verdicts, 1U << 2);
    events_.happen(1U << 1 | 1U << 2, 103);
    EXPECT_TRUE(third.hears_event(103));
    EXPECT_TRUE(second.hears_event(103));
}

TEST_F(EventHubTest, TheEighthListenerIsToldWhy) {
    std::vector<Reader> readers;
    for (std::size_t i = 0; i < EventHub::kMostListeners; ++i)
        readers.push_back(listen());
    Reader refused(socket_, "/");
    refused.read_to_the_end();
    EXPECT_NE(refused.text().find("503"), std::string::npos);
    EXPECT_NE(refused.text().find("7 listen already: end a monitor or capture first"),
              std::string::npos)
        << refused.text();
    readers.erase(readers.begin() + 3);
    ASSERT_TRUE(eventually([&] { return !is_taken(4); }));
    Reader welcome = listen();
    events_.happen(1U << 4, 104);
    EXPECT_TRUE(welcome.hears_event(104));
}

TEST_F(EventHubTest, ASlowReaderLosesWhatItCannotHoldAndIsToldHowMuch) {
    constexpr std::uint32_t kEvents = 40'000;
    Reader slow = listen();
    for (std::uint32_t i = 1; i <= kEvents; ++i)
        events_.happen(1U << 1, i);
    events_.happen(1U << 0, 1);  // to be remembered: then all those before have been handed over
    ASSERT_TRUE(eventually([&] { return !ask("/recent").empty(); }));
    std::uint64_t heard = 0;
    std::uint64_t lost = 0;
    std::uint32_t last = 0;
    EXPECT_TRUE(slow.hears([&](const Json& line) {
        if (line.contains("length")) {
            ++heard;
            EXPECT_GT(line["length"].get<std::uint32_t>(), last) << "in their order";
            last = line["length"];
        }
        lost = line.value("lost_by_reader", lost);
        return heard + lost == kEvents;
    })) << heard
        << " heard, " << lost << " lost";
    EXPECT_GT(lost, 0U);
    EXPECT_GT(heard, 1000U);
    EXPECT_EQ(ask("/lost"), std::to_string(lost));
    events_.happen(1U << 1, kEvents + 1);
    EXPECT_TRUE(slow.hears_event(kEvents + 1)) << "it goes on when it reads";
}

TEST_F(EventHubTest, WhatTheRingHadNoRoomForIsToldAndCountedForGood) {
    Reader reader = listen();
    events_.lose(1, 7);
    EXPECT_TRUE(reader.hears([](const Json& line) { return line.value("lost", 0) == 7; }));
    EXPECT_EQ(ask("/lost"), "7");
    reader.leave();
    ASSERT_TRUE(eventually([&] { return !is_taken(1); }));
    EXPECT_EQ(ask("/lost"), "7");
    Reader other = listen();
    bool told = false;
    events_.happen(1U << 1, 105);
    EXPECT_TRUE(other.hears([&](const Json& line) {
        told |= line.value("lost", 0) != 0;
        return line.value("length", 0U) == 105;
    }));
    EXPECT_FALSE(told) << "that were not its own";
}

TEST_F(EventHubTest, AListenerFollowsItsPeerToNewIds) {
    Reader refused(socket_, "/?peer=node-x");
    refused.read_to_the_end();
    EXPECT_NE(refused.text().find("503"), std::string::npos);
    EXPECT_NE(refused.text().find("there is no \"node-x\""), std::string::npos) << refused.text();
    Reader reader = listen("?peer=node-b");
    EXPECT_EQ(events_.listener(1).peer, 8U);
    EXPECT_EQ(events_.listener(1).peer_too, 0U);
    move_peer({11, 12});
    EXPECT_TRUE(eventually(
        [&] { return events_.listener(1).peer == 11 && events_.listener(1).peer_too == 12; }));
}

TEST_F(EventHubTest, ProgramsTellAListenerForAsLongAsTheAgentSpeaksOfIt) {
    Reader reader = listen();
    const std::uint64_t until = events_.listener(1).until;
    EXPECT_GT(until, 0U);
    EXPECT_TRUE(eventually([&] { return events_.listener(1).until > until; }));
}

TEST_F(EventHubTest, RemembersTheLastDropsThoughNobodyListens) {
    const wgs_listener recorder = events_.listener(0);
    EXPECT_EQ(recorder.verdicts, 1U << 2) << "drops";
    EXPECT_NE(recorder.per_second, 0U);
    const auto count = static_cast<std::uint32_t>(EventHub::kDropsRemembered);
    for (std::uint32_t i = 1; i <= count + 10; ++i)
        events_.happen(1U << 0, i);
    const std::string newest = "\"length\":" + std::to_string(count + 10) + ",";
    std::string recent;
    ASSERT_TRUE(eventually([&] {
        recent = ask("/recent");
        return recent.find(newest) != std::string::npos;
    }));
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(recent, '\n')),
              EventHub::kDropsRemembered);
    EXPECT_EQ(recent.find("\"length\":10,"), std::string::npos) << "the oldest have made room";
    EXPECT_NE(recent.find("\"length\":11,"), std::string::npos);
}

}  // namespace
}  // namespace wgs
