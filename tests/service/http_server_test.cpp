// SPDX-License-Identifier: Apache-2.0
#include "service/http_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <iterator>
#include <optional>

#include "serving.h"
#include "tests/support/http.h"
#include "tests/support/socket_address.h"
#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;
using std::filesystem::perms;
using test::http_get;
using test::SocketAddress;

// A client that says exactly what it is told to.
class RawClient {
  public:
    explicit RawClient(const std::filesystem::path& socket)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        if (::connect(fd_.get(), generic, sizeof address) != 0) {
            throw std::runtime_error("connect to " + socket.string());
        }
    }

    // False when the server has hung up.
    [[nodiscard]] bool say(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // What arrives until the server hangs up, or nothing more comes for a while.
    [[nodiscard]] std::string hear(std::chrono::milliseconds patience = 5s) const {
        std::string heard;
        char piece[4096];
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        while (::poll(&waiting, 1, static_cast<int>(patience.count())) == 1) {
            const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
            if (count <= 0) break;
            heard.append(piece, static_cast<std::size_t>(count));
        }
        return heard;
    }

  private:
    UniqueFd fd_;
};

std::size_t open_descriptors() {
    using Entries = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(Entries("/proc/self/fd"), Entries()));
}

std::size_t count_of(const std::string& part, const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

// Answers with what it was asked.
HttpResponse echo(const HttpRequest& request) {
    std::string body = request.method + " " + request.path;
    for (const auto& [name, value] : request.query)
        body += " [" + name + "]=[" + value + "]";
    return {.body = body};
}

class UnixServer : public testing::Test {
  protected:
    void serve(HttpServer::Handler handler) {
        serving_.emplace([&](EventLoop& loop) {
            return HttpServer::listen_unix(loop, socket_, std::move(handler));
        });
    }
    [[nodiscard]] std::string get(const std::string& path, test::Millis timeout = 5s) const {
        const auto reply = http_get(socket_, path, timeout);
        return reply ? reply->body : "(nobody answers)";
    }
    // The connection is closed after the answer.
    [[nodiscard]] std::string exchange(std::string_view request) const {
        const RawClient client(socket_);
        static_cast<void>(client.say(request));
        return client.hear();
    }

    const TemporaryDirectory directory_;
    const std::filesystem::path socket_ = directory_.path() / "api.sock";
    std::optional<Serving> serving_;
};

TEST_F(UnixServer, OpensTheSocketToOwnerAndGroupOnly) {
    serve(echo);
    EXPECT_EQ(mode_of(socket_), perms(0660));
}

TEST_F(UnixServer, ReplacesTheSocketOfAnEarlierServer) {
    serve([](const HttpRequest&) { return HttpResponse{.body = "old"}; });
    serving_.reset();
    ASSERT_TRUE(std::filesystem::is_socket(socket_));
    serve([](const HttpRequest&) { return HttpResponse{.body = "new"}; });
    EXPECT_EQ(get("/"), "new");
}

TEST_F(UnixServer, NamesAPathItCannotListenOn) {
    EventLoop loop = EventLoop::create().value();
    const auto missing = HttpServer::listen_unix(loop, directory_.path() / "none/s", echo);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message,
              "listen on " + directory_.path().string() + "/none/s: No such file or directory");
    const std::filesystem::path endless = "/" + std::string(200, 'x');
    const auto too_long = HttpServer::listen_unix(loop, endless, echo);
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().message, "listen on " + endless.string() + ": File name too long");
}

TEST_F(UnixServer, DecodesPathAndQuery) {
    serve(echo);
    EXPECT_EQ(get("/v1/explain?src=fd10%3A%3A1&dst=a+b%26c&flag&empty="),
              "GET /v1/explain [dst]=[a b&c] [empty]=[] [flag]=[] [src]=[fd10::1]");
    EXPECT_EQ(get("/%41%20b"), "GET /A b");
}

TEST_F(UnixServer, SendsStatusTypeAndBody) {
    serve([](const HttpRequest&) {
        return HttpResponse{.status = 404, .body = "gone\n", .content_type = "text/plain"};
    });
    const std::string answer = exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.substr(0, answer.find('\r')), "HTTP/1.1 404 Not Found");
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\ngone\n")) << answer;
}

TEST_F(UnixServer, HandsOverOtherMethodsAndDropsTheirBodies) {
    serve(echo);
    const std::string answer = exchange(
        "POST /v1/cleanup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
        "5\r\n\r\nabcde");
    EXPECT_TRUE(answer.ends_with("\r\n\r\nPOST /v1/cleanup")) << answer;
}

TEST_F(UnixServer, AnswersRequestsThatComeTogether) {
    serve(echo);
    const std::string answers = exchange(
        "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_LT(answers.find("GET /one"), answers.find("GET /two")) << answers;
    EXPECT_EQ(count_of("HTTP/1.1 200 OK", answers), 2U);
}

TEST_F(UnixServer, SendsALargeAnswerToASlowReader) {
    const std::string large(8 << 20, 'x');
    serve([&](const HttpRequest&) { return HttpResponse{.body = large}; });
    const RawClient client(socket_);
    ASSERT_TRUE(client.say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(get("/").size(), large.size());  // others are served meanwhile
    const std::string answer = client.hear();
    EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, large.size());
}

TEST_F(UnixServer, AnswersThousandsAndKeepsNoDescriptors) {
    serve(echo);
    ASSERT_EQ(get("/first"), "GET /first");
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 2000; ++i) {
        const std::string path = "/" + std::to_string(i);
        ASSERT_EQ(get(path), "GET " + path);
    }
    EXPECT_TRUE(test::eventually(5s, [&] { return open_descriptors() <= before; }));
}

TEST_F(UnixServer, SurvivesGarbage) {
    std::atomic<int> calls = 0;
    serve([&](const HttpRequest& request) {
        ++calls;
        return echo(request);
    });
    using std::string_view_literals::operator""sv;
    for (const std::string_view garbage :
         {"\0\1\2\3\xff\r\n\r\n"sv, "\r\n\r\n\r\n"sv, "\x16\x03\x01\x02\x00\x01\x00"sv,
          "GET\r\n\r\n"sv, "GET / HTTP/9.9\r\n\r\n"sv, "GET / HTTP/1.1\r\nno colon\r\n\r\n"sv,
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"sv}) {
        const RawClient client(socket_);
        static_cast<void>(client.say(garbage));
        const std::string answer = client.hear(50ms);
        EXPECT_FALSE(answer.starts_with("HTTP/1.1 200")) << garbage;
    }
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(get("/still/there"), "GET /still/there");
}

TEST_F(UnixServer, RefusesAHeaderWithoutEnd) {
    serve(echo);
    const std::string answer =
        exchange("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(1 << 20, 'x'));
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 431")) << answer.substr(0, 80);
    EXPECT_EQ(get("/still/there"), "GET /still/there");
}

TEST_F(UnixServer, ServesOthersWhileOneIsSlow) {
    serve(echo);
    const RawClient slow(socket_);
    ASSERT_TRUE(slow.say("GET /slow HTT"));
    EXPECT_EQ(get("/quick"), "GET /quick");
    ASSERT_TRUE(slow.say("P/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(slow.hear().ends_with("\r\n\r\nGET /slow"));
}

TEST_F(UnixServer, SpendsNothingOnAClientThatSaysNothing) {
    serve(echo);
    const RawClient silent(socket_);
    const RawClient half(socket_);
    ASSERT_TRUE(half.say("GET / HT"));
    std::this_thread::sleep_for(20ms);
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(300ms);
    EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20);
}

TEST_F(UnixServer, ForgetsAClientThatLeavesHalfWay) {
    std::atomic<int> calls = 0;
    serve([&](const HttpRequest& request) {
        ++calls;
        return echo(request);
    });
    const std::size_t before = open_descriptors();
    for (const char* half : {"", "G", "GET / HTTP/1.1\r\nHost",
                             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"}) {
        ASSERT_TRUE(RawClient(socket_).say(half));
    }
    EXPECT_EQ(get("/still/there"), "GET /still/there");
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(test::eventually(5s, [&] { return open_descriptors() <= before; }));
}

TEST_F(UnixServer, ServesAgainOnceIdleClientsMakeRoom) {
    serve(echo);
    {
        std::vector<RawClient> idle;
        for (int i = 0; i < 100; ++i)
            idle.emplace_back(socket_);
        EXPECT_EQ(get("/full", 200ms), "(nobody answers)");
    }
    EXPECT_EQ(get("/room"), "GET /room");
}

TEST_F(UnixServer, HangsUpWhenDestroyed) {
    EventLoop loop = EventLoop::create().value();
    std::optional<HttpServer> server = HttpServer::listen_unix(loop, socket_, echo).value();
    const RawClient client(socket_);
    auto destroy = loop.timer([&] { server.reset(); }).value();
    auto end = loop.timer([&] { loop.exit(0); }).value();
    ASSERT_TRUE(loop.arm(destroy, 5ms));
    ASSERT_TRUE(loop.arm(end, 20ms));
    ASSERT_TRUE(client.say("GET / HT"));
    EXPECT_EQ(loop.run().value(), 0);
    EXPECT_EQ(client.hear(), "");
    EXPECT_THROW(RawClient{socket_}, std::runtime_error);
}

TEST_F(UnixServer, ReleasesItsHandlerWhenDestroyed) {
    const auto held = std::make_shared<int>(0);
    serve([held](const HttpRequest& request) { return echo(request); });
    EXPECT_EQ(get("/"), "GET /");
    EXPECT_GT(held.use_count(), 1);
    serving_.reset();
    EXPECT_EQ(held.use_count(), 1);
}

// A port that was free a moment ago.
std::uint16_t free_port(const IpAddress& address) {
    const SocketAddress any(address, 0);
    const UniqueFd fd(::socket(test::domain_of(address), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(fd.get(), any.get(), any.size()) != 0) return 0;
    sockaddr_in6 bound = {};  // as large as both; the port is at the same place
    socklen_t size = sizeof bound;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    return ntohs(bound.sin6_port);
}

class TcpServer : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(TcpServer, AnswersOnItsAddress) {
    const auto& [ip, host] = GetParam();
    const std::uint16_t port = free_port(IpAddress::parse(ip).value());
    if (port == 0) GTEST_SKIP() << "this machine has no " << ip;
    const std::string address = host + (":" + std::to_string(port));
    const Serving serving(
        [&](EventLoop& loop) { return HttpServer::listen_tcp(loop, address, echo); });
    const auto reply = http_get("http://" + address + "/metrics?x=1");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "GET /metrics [x]=[1]");
}

INSTANTIATE_TEST_SUITE_P(Families, TcpServer,
                         testing::Values(std::pair("127.0.0.1", "127.0.0.1"),
                                         std::pair("::1", "[::1]")),
                         [](const auto& test) { return test.index == 0 ? "IPv4" : "IPv6"; });

std::string error_of_listening_on(const std::string& address) {
    EventLoop loop = EventLoop::create().value();
    const auto server = HttpServer::listen_tcp(loop, address, echo);
    return server ? "listens" : server.error().message;
}

TEST(TcpAddress, IsAHostAndAPort) {
    for (const std::string bad : {"", "9586", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                                  "127.0.0.1:99999", "127.0.0.1:80 "}) {
        EXPECT_EQ(error_of_listening_on(bad), "listen on " + bad + ": not of the form host:port");
    }
    for (const std::string bad : {":9586", "localhost:9586", "[::1:9586", "::1]:9586", "[]:9586"}) {
        EXPECT_TRUE(error_of_listening_on(bad).starts_with("listen on " + bad + ": ")) << bad;
    }
}

TEST(TcpAddress, InUseIsNamed) {
    const std::string address =
        "127.0.0.1:" + std::to_string(free_port(IpAddress::parse("127.0.0.1").value()));
    const Serving serving(
        [&](EventLoop& loop) { return HttpServer::listen_tcp(loop, address, echo); });
    EXPECT_EQ(error_of_listening_on(address), "listen on " + address + ": Address already in use");
}

}  // namespace
}  // namespace wgs
