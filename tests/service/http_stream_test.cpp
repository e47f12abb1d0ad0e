// SPDX-License-Identifier: Apache-2.0
// Answers of the HTTP server that go on.
#include "service/http_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "service/http_server.h"
#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLimit = 4096;

// A server on a thread of its own, whose streams get a line whenever the test says so.
class Server {
  public:
    explicit Server(const std::filesystem::path& path)
        : loop_(EventLoop::create().value()),
          server_(HttpServer::listen_unix(loop_, path,
                                          [this](const HttpRequest&) {
                                              streams_.push_back(
                                                  std::make_shared<HttpStream>(kLimit));
                                              streams_.back()->write("hello\n");
                                              return HttpResponse{.stream = streams_.back()};
                                          })
                      .value()),
          told_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          on_told_(loop_.on_readable(told_.get(), [this] { obey(); }).value()),
          thread_([this] { static_cast<void>(loop_.run()); }) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        tell(Order::exit);
        thread_.join();
    }

    enum class Order { line, end, exit };
    void tell(Order order) {
        order_ = order;
        done_ = false;
        ::eventfd_write(told_.get(), 1);
        while (!done_)
            std::this_thread::sleep_for(1ms);
    }
    // How many streams took the last line, and how many are open.
    [[nodiscard]] int taken() const { return taken_; }
    [[nodiscard]] int open() const { return open_; }

  private:
    void obey() {
        eventfd_t ignored = 0;
        ::eventfd_read(told_.get(), &ignored);
        taken_ = open_ = 0;
        for (const auto& stream : streams_) {
            if (order_ == Order::line) taken_ += stream->write(std::string(99, 'x') + "\n") ? 1 : 0;
            if (order_ == Order::end) stream->end();
            open_ += stream->is_open() ? 1 : 0;
        }
        if (order_ == Order::exit) loop_.exit(0);
        done_ = true;
    }

    EventLoop loop_;
    std::vector<std::shared_ptr<HttpStream>> streams_;
    HttpServer server_;
    UniqueFd told_;
    EventLoop::Source on_told_;
    std::atomic<Order> order_ = Order::line;
    std::atomic<bool> done_ = true;
    std::atomic<int> taken_ = 0;
    std::atomic<int> open_ = 0;
    std::thread thread_;
};

class Reader {
  public:
    explicit Reader(const std::filesystem::path& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect");
        constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        if (::send(fd_.get(), kRequest.data(), kRequest.size(), 0) < 0)
            throw std::runtime_error("send");
    }

    // Whether this text, or the end, comes within the time.
    bool hears(std::string_view text, std::chrono::milliseconds patience = 5s) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (heard_.find(text) == std::string::npos) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                end - std::chrono::steady_clock::now());
            pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
            if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1)
                return false;
            char piece[4096];
            const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
            if (count <= 0) return false;
            heard_.append(piece, static_cast<std::size_t>(count));
        }
        heard_.clear();
        return true;
    }
    void leave() { fd_.reset(); }

  private:
    UniqueFd fd_;
    std::string heard_;
};

class HttpStreaming : public testing::Test {
  protected:
    TemporaryDirectory directory_;
    std::filesystem::path path_ = directory_.path() / "sock";
    Server server_{path_};
};

TEST_F(HttpStreaming, SendsWhatIsWrittenWhenItIsWritten) {
    Reader reader(path_);
    EXPECT_TRUE(reader.hears("hello\n"));
    for (int i = 0; i < 20; ++i) {
        server_.tell(Server::Order::line);
        ASSERT_TRUE(reader.hears("xxx\n")) << i;
    }
}

TEST_F(HttpStreaming, EndsWhenTheWriterEndsIt) {
    Reader reader(path_);
    EXPECT_TRUE(reader.hears("hello\n"));
    server_.tell(Server::Order::end);
    EXPECT_TRUE(reader.hears("0\r\n\r\n")) << "the last chunk";
    server_.tell(Server::Order::line);
    EXPECT_EQ(server_.taken(), 0);
}

TEST_F(HttpStreaming, TakesNoMoreThanItsLimitFromAReaderWhoDoesNotRead) {
    Reader reader(path_);
    EXPECT_TRUE(reader.hears("hello\n"));
    int taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        server_.tell(Server::Order::line);
        if (server_.taken() == 0) break;
        ++taken;
    }
    EXPECT_LT(taken, 20'000) << "what the socket holds and the limit";
    EXPECT_GT(taken, 30);
    EXPECT_EQ(server_.open(), 1);
    // The rest of the server goes on.
    Reader other(path_);
    EXPECT_TRUE(other.hears("hello\n"));
}

TEST_F(HttpStreaming, NoticesThatAReaderHasGone) {
    Reader reader(path_);
    EXPECT_TRUE(reader.hears("hello\n"));
    reader.leave();
    for (int i = 0; i < 1000 && server_.open() + (i == 0 ? 1 : 0) > 0; ++i)
        server_.tell(Server::Order::line);
    EXPECT_EQ(server_.open(), 0);
}

TEST_F(HttpStreaming, TheServerCanEndWhileReadersWait) {
    auto server = std::make_unique<Server>(directory_.path() / "other");
    Reader reader(directory_.path() / "other");
    EXPECT_TRUE(reader.hears("hello\n"));
    server.reset();
    EXPECT_FALSE(reader.hears("never")) << "the end";
}

}  // namespace
}  // namespace wgs
