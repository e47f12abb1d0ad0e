// SPDX-License-Identifier: Apache-2.0
#include "tests/net/calling.h"
#include "tests/support/web_server.h"
#include "tests/unit/temporary_directory.h"

namespace wgs::test {
namespace {

const std::vector<std::string> kHere{"IP:127.0.0.1"};

bool show_token(const WebRequest& request, WebConnection& connection) {
    const auto token = request.headers.find("authorization");
    connection.reply(200, token == request.headers.end() ? "none" : token->second);
    return true;
}

class HttpTls : public ::testing::Test {
  protected:
    [[nodiscard]] std::filesystem::path file(const std::string& name,
                                             std::string_view content) const {
        write_text(directory_.path() / name, content);
        return directory_.path() / name;
    }
    [[nodiscard]] WebTls good() const { return {.identity = authority_.issue("server", kHere)}; }
    [[nodiscard]] TlsOptions trusting() const { return {.ca_data = authority_.certificate()}; }

    Authority authority_{"authority"};
    TemporaryDirectory directory_;
};

TEST_F(HttpTls, TrustsTheAuthorityOfAFileOrOfData) {
    const WebServer server(&show_token, good());
    const auto by_data = http_client(trusting());
    EXPECT_EQ(error_of(get(*by_data, server.url())), "status 200");
    const auto by_file = http_client({.ca_file = file("ca.pem", authority_.certificate())});
    EXPECT_EQ(error_of(get(*by_file, server.url())), "status 200");
}

TEST_F(HttpTls, RefusesServersItCannotVerify) {
    const Authority stranger("stranger");
    const WebTls bad[] = {
        {.identity = stranger.issue("server", kHere)},
        {.identity = authority_.issue("server", {"IP:127.0.0.2", "DNS:localhost"})},
        {.identity = authority_.issue("elsewhere")},
        {.identity = authority_.issue_expired("server", kHere)},
    };
    for (const WebTls& tls : bad) {
        const WebServer server(&show_token, tls);
        const auto client = http_client(trusting());
        const auto reply = get(*client, server.url());
        ASSERT_FALSE(reply);
        EXPECT_TRUE(reply.error().is(std::errc::permission_denied)) << error_of(reply);
    }
}

TEST_F(HttpTls, TrustsNobodyElseBesideTheGivenAuthority) {
    const WebServer server(&show_token, good());
    const auto client = http_client();
    EXPECT_FALSE(get(*client, server.url()));
}

TEST_F(HttpTls, VerifiesAnotherNameIfToldTo) {
    const WebServer server(&show_token,
                           WebTls{.identity = authority_.issue("server", {"DNS:api.example"})});
    TlsOptions options = trusting();
    EXPECT_FALSE(get(*http_client(options), server.url()));
    options.server_name = "api.example";
    EXPECT_EQ(error_of(get(*http_client(options), server.url() + "/x?y=1")), "status 200");
    options.server_name = "other.example";
    EXPECT_FALSE(get(*http_client(options), server.url()));
}

TEST_F(HttpTls, ShowsItsCertificate) {
    WebTls tls = good();
    tls.client_authority = authority_.certificate();
    const WebServer server(&show_token, tls);
    EXPECT_FALSE(get(*http_client(trusting()), server.url()));

    const Identity own = authority_.issue("client");
    TlsOptions options = trusting();
    options.cert_data = own.certificate;
    options.key_data = own.key;
    EXPECT_EQ(error_of(get(*http_client(options), server.url())), "status 200");

    TlsOptions by_file = trusting();
    by_file.cert_file = file("cert.pem", own.certificate);
    by_file.key_file = file("key.pem", own.key);
    EXPECT_EQ(error_of(get(*http_client(by_file), server.url())), "status 200");

    const Identity foreign = Authority("stranger").issue("client");
    options.cert_data = foreign.certificate;
    options.key_data = foreign.key;
    EXPECT_FALSE(get(*http_client(options), server.url()));
}

TEST_F(HttpTls, ReadsCertificatesAgainForEachConnection) {
    WebTls tls = good();
    tls.client_authority = authority_.certificate();
    const WebServer server(
        [](const WebRequest& request, WebConnection& connection) {
            show_token(request, connection);
            return false;
        },
        tls);
    const Identity foreign = Authority("stranger").issue("client");
    TlsOptions options{.ca_file = file("ca.pem", Authority("stranger").certificate()),
                       .cert_file = file("cert.pem", foreign.certificate),
                       .key_file = file("key.pem", foreign.key)};
    const auto client = http_client(options);
    EXPECT_FALSE(get(*client, server.url()));
    static_cast<void>(file("ca.pem", authority_.certificate()));
    EXPECT_FALSE(get(*client, server.url()));
    const Identity own = authority_.issue("client");
    static_cast<void>(file("cert.pem", own.certificate));
    static_cast<void>(file("key.pem", own.key));
    EXPECT_EQ(error_of(get(*client, server.url())), "status 200");
}

TEST_F(HttpTls, ReadsTheTokenAgainWhenItsFileIsAnotherOne) {
    const WebServer server(&show_token, good());
    TlsOptions options = trusting();
    options.token_file = file("token", "first\n");
    const auto client = http_client(options);
    EXPECT_EQ(get(*client, server.url())->body, "Bearer first");
    write_text(directory_.path() / "new", "second");
    std::filesystem::rename(directory_.path() / "new", options.token_file);
    EXPECT_EQ(get(*client, server.url())->body, "Bearer second");
    std::filesystem::remove(options.token_file);
    EXPECT_EQ(get(*client, server.url())->body, "Bearer second");
}

TEST_F(HttpTls, NeverSendsATokenInClear) {
    const WebServer server(&show_token);
    TlsOptions options = trusting();
    options.token = "secret";
    EXPECT_EQ(get(*http_client(options), server.url())->body, "none");
}

TEST_F(HttpTls, VerifiesNothingOnlyIfToldSo) {
    const WebServer server(&show_token, WebTls{.identity = Authority("stranger").issue("server")});
    EXPECT_FALSE(get(*http_client(trusting()), server.url()));
    EXPECT_TRUE(get(*http_client({.insecure = true}), server.url()));
}

}  // namespace
}  // namespace wgs::test
