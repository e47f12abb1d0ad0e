// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>

#include "tests/net/calling.h"
#include "tests/support/web_server.h"

namespace wgs::test {
namespace {

bool echo(const WebRequest& request, WebConnection& connection) {
    connection.reply(200, request.method + " " + request.target + " " + request.body);
    return true;
}

// A stream as the test sees it.
struct Stream {
    std::string data;
    std::optional<Result<HttpReply>> end;

    HttpHandler handler() {
        return {.on_data = [this](std::string_view piece) { data += piece; },
                .on_done = [this](Result<HttpReply> reply) { end = reply; }};
    }
};

HttpCall stream_of(const std::string& url) {
    return {.url = url, .timeouts = {.total = 0ms}, .response = HttpBody::stream};
}

TEST(HttpClient, SendsMethodBodyAndHeadersAndReadsTheReply) {
    const WebServer server([](const WebRequest& request, WebConnection& connection) {
        connection.reply(201,
                         request.method + request.target + request.headers.at("x-a") + request.body,
                         "X-Answer:  yes \r\n");
        return true;
    });
    const auto client = http_client();
    const auto reply = call(*client, {.method = "PATCH",
                                      .url = server.url() + "/p?q=1",
                                      .headers = {"X-A: 7"},
                                      .body = std::string(100'000, 'b')});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 201);
    EXPECT_EQ(reply->headers.at("x-answer"), "yes");
    EXPECT_EQ(reply->body, "PATCH/p?q=17" + std::string(100'000, 'b'));
}

TEST(HttpClient, KeepsConnectionsForTheNextCall) {
    const WebServer server(&echo);
    const auto client = http_client();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(get(*client, server.url() + "/")->body, "GET / ");
    EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, RepeatsACallWhoseKeptConnectionHadEnded) {
    const WebServer server([](const WebRequest& request, WebConnection& connection) {
        echo(request, connection);
        return false;
    });
    const auto client = http_client();
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(get(*client, server.url() + "/"));
    EXPECT_EQ(server.connections(), 5);
}

TEST(HttpClient, RunsManyCallsAtOnce) {
    const WebServer server([](const WebRequest& request, WebConnection& connection) {
        connection.wait(50ms);
        return echo(request, connection);
    });
    const auto client = http_client();
    int good = 0;
    for (int i = 0; i < 20; ++i) {
        const std::string path = "/" + std::to_string(i);
        client->send({.url = server.url() + path}, {.on_done = [&good, path](const auto& reply) {
                         if (reply && reply->body == "GET " + path + " ") ++good;
                     }});
    }
    EXPECT_TRUE(dispatch_until(
        *client, [&] { return good == 20; }, scaled(20s)));
}

TEST(HttpClient, SaysWhatCouldNotBeReached) {
    const auto client = http_client();
    std::string url;
    { url = WebServer(&echo).url(); }
    const auto refused = get(*client, url + "/a?token=x");
    EXPECT_TRUE(refused.error().is(std::errc::connection_refused));
    EXPECT_EQ(error_of(refused).find("GET " + url + "/a: "), 0u) << error_of(refused);
    EXPECT_FALSE(get(*client, "ftp://127.0.0.1/"));
    EXPECT_FALSE(get(*client, "nonsense"));
    EXPECT_FALSE(get(*client, ""));
}

TEST(HttpClient, GivesUpAfterTheTotalTime) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.begin_stream();
        while (connection.chunk(" ") && connection.wait(10ms)) {
        }
        return false;
    });
    const auto client = http_client();
    const auto reply = call(*client, {.url = server.url(), .timeouts = {.total = 200ms}});
    EXPECT_TRUE(reply.error().is(std::errc::timed_out)) << error_of(reply);
}

TEST(HttpClient, GivesUpAStreamThatSaysNothingForTooLong) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.begin_stream();
        connection.chunk("one");
        connection.wait(60s);
        return false;
    });
    const auto client = http_client();
    Stream stream;
    HttpCall request = stream_of(server.url());
    request.timeouts.idle = 200ms;
    client->send(request, stream.handler());
    ASSERT_TRUE(dispatch_until(
        *client, [&] { return stream.end.has_value(); }, scaled(20s)));
    EXPECT_EQ(stream.data, "one");
    EXPECT_EQ(error_of(*stream.end), "GET " + server.url() + ": nothing was received for too long");
}

TEST(HttpClient, KeepsAStreamThatSaysSomethingNowAndThen) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.begin_stream();
        for (int i = 0; i < 10 && connection.chunk("x"); ++i)
            connection.wait(100ms);
        connection.end_stream();
        return false;
    });
    const auto client = http_client();
    Stream stream;
    HttpCall request = stream_of(server.url());
    request.timeouts.idle = scaled(900ms);
    client->send(request, stream.handler());
    ASSERT_TRUE(dispatch_until(
        *client, [&] { return stream.end.has_value(); }, scaled(20s)));
    EXPECT_EQ(stream.data, "xxxxxxxxxx");
    EXPECT_EQ(error_of(*stream.end), "status 200");
}

// A listener that accepts nothing: the connection is there, an answer never is.
TEST(HttpClient, GivesUpAServerThatNeverAnswers) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), plain, size), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ASSERT_EQ(::getsockname(listener.get(), plain, &size), 0);
    const std::string url = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));

    const auto client = http_client();
    const auto plain_reply =
        call(*client, {.url = "http://" + url, .timeouts = {.total = 0ms, .idle = 200ms}});
    EXPECT_TRUE(plain_reply.error().is(std::errc::timed_out));
    const auto tls_reply =
        call(*client, {.url = "https://" + url, .timeouts = {.connect = 200ms, .total = 0ms}});
    EXPECT_TRUE(tls_reply.error().is(std::errc::timed_out));
}

TEST(HttpClient, TellsACutStreamFromOneThatEnded) {
    const WebServer server([](const WebRequest& request, WebConnection& connection) {
        connection.begin_stream();
        connection.chunk("{}");
        if (request.target == "/whole") connection.end_stream();
        return false;
    });
    const auto client = http_client();
    for (const std::string path : {"/whole", "/cut"}) {
        Stream stream;
        client->send(stream_of(server.url() + path), stream.handler());
        ASSERT_TRUE(dispatch_until(
            *client, [&] { return stream.end.has_value(); }, scaled(20s)));
        EXPECT_EQ(stream.data, "{}");
        EXPECT_EQ(stream.end->has_value(), path == "/whole") << error_of(*stream.end);
    }
}

TEST(HttpClient, GathersWhatAStreamSaysWhenItIsAnError) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.reply(410, "gone", "Retry-After: 3\r\n");
        return true;
    });
    const auto client = http_client();
    Stream stream;
    client->send(stream_of(server.url()), stream.handler());
    ASSERT_TRUE(dispatch_until(
        *client, [&] { return stream.end.has_value(); }, scaled(20s)));
    EXPECT_EQ(stream.data, "");
    EXPECT_EQ((*stream.end)->status, 410);
    EXPECT_EQ((*stream.end)->body, "gone");
    EXPECT_EQ((*stream.end)->headers.at("retry-after"), "3");
}

TEST(HttpClient, EndsAReplyThatIsTooLarge) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.begin_stream();
        while (connection.chunk(std::string(10'000, 'x'))) {
        }
        return false;
    });
    const auto client = http_client();
    const auto reply = call(*client, {.url = server.url(), .max_body = 100'000});
    EXPECT_EQ(error_of(reply),
              "GET " + server.url() + ": the response is larger than 100000 bytes");
}

TEST(HttpClient, TakesGarbageForAnError) {
    const WebServer server([](const WebRequest& request, WebConnection& connection) {
        if (request.target == "/text") connection.write("how do you do\r\n\r\n");
        if (request.target == "/length")
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n");
        if (request.target == "/chunk")
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        if (request.target == "/header")
            connection.write("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'));
        return false;
    });
    const auto client = http_client();
    for (const std::string path : {"/text", "/length", "/chunk", "/header", "/nothing"})
        EXPECT_FALSE(get(*client, server.url() + path)) << path;
}

TEST(HttpClient, FollowsNoRedirect) {
    const WebServer elsewhere(&echo);
    const WebServer server([&](const WebRequest&, WebConnection& connection) {
        connection.reply(307, "", "Location: " + elsewhere.url() + "/secret\r\n");
        return true;
    });
    const auto client = http_client();
    EXPECT_EQ(get(*client, server.url())->status, 307);
    EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(HttpClient, UsesNoProxyOfTheEnvironment) {
    const WebServer proxy(&echo);
    const WebServer server(&echo);
    ::setenv("http_proxy", proxy.url().c_str(), 1);
    ::setenv("ALL_PROXY", proxy.url().c_str(), 1);
    const auto client = http_client();
    EXPECT_EQ(get(*client, server.url() + "/x")->body, "GET /x ");
    ::unsetenv("http_proxy");
    ::unsetenv("ALL_PROXY");
    EXPECT_EQ(proxy.connections(), 0);
}

TEST(HttpClient, LetsHandlersSendAndCancel) {
    const WebServer server(&echo);
    const auto client = http_client();
    bool second = false;
    bool cancelled_answered = false;
    RequestId other = 0;
    client->send({.url = server.url() + "/1"}, {.on_done = [&](const auto&) {
                     client->cancel(other);
                     client->send({.url = server.url() + "/2"},
                                  {.on_done = [&](const auto& reply) { second = bool(reply); }});
                 }});
    const WebServer slow([](const WebRequest&, WebConnection& connection) {
        connection.wait(60s);
        return false;
    });
    other = client->send({.url = slow.url()},
                         {.on_done = [&](const auto&) { cancelled_answered = true; }});
    EXPECT_TRUE(dispatch_until(
        *client, [&] { return second; }, scaled(20s)));
    EXPECT_FALSE(dispatch_until(
        *client, [&] { return cancelled_answered; }, 100ms));
}

TEST(HttpClient, CancelsAStreamFromItsOwnHandler) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.begin_stream();
        while (connection.chunk("x") && connection.wait(1ms)) {
        }
        return false;
    });
    const auto client = http_client();
    RequestId id = 0;
    int heard = 0;
    id = client->send(stream_of(server.url()), {.on_data =
                                                    [&](std::string_view) {
                                                        ++heard;
                                                        client->cancel(id);
                                                    },
                                                .on_done = [](const auto&) { ADD_FAILURE(); }});
    ASSERT_TRUE(dispatch_until(
        *client, [&] { return heard > 0; }, scaled(20s)));
    EXPECT_FALSE(dispatch_until(
        *client, [&] { return heard > 1; }, 100ms));
}

TEST(HttpClient, EndsWithCallsUnderWay) {
    const WebServer server([](const WebRequest&, WebConnection& connection) {
        connection.wait(60s);
        return false;
    });
    const auto client = http_client();
    client->send({.url = server.url()}, {.on_done = [](const auto&) { ADD_FAILURE(); }});
    EXPECT_FALSE(dispatch_until(
        *client, [] { return false; }, 50ms));
}

TEST(HttpClient, ResolvesNamesWithoutBlocking) {
    const WebServer server(&echo);
    const auto client = http_client();
    const auto reply = get(*client, "http://localhost:" + std::to_string(server.port()) + "/n");
    EXPECT_EQ(reply->body, "GET /n ");
    const auto begin = std::chrono::steady_clock::now();
    client->send({.url = "http://no-such-host.invalid/"}, {.on_done = [](const auto&) {}});
    client->dispatch();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, scaled(1s));
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
    EXPECT_EQ(percent_encode("aZ0-._~"), "aZ0-._~");
    EXPECT_EQ(percent_encode("a b/c=d\xff"), "a%20b%2Fc%3Dd%FF");
}

}  // namespace
}  // namespace wgs::test
