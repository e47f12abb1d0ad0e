// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "source/kubernetes_access.h"
#include "tests/unit/temporary_directory.h"

namespace wgs {
namespace {

constexpr const char* kFile = "/etc/kubernetes/agent.conf";

constexpr const char* kExample = R"(
apiVersion: v1
kind: Config
preferences: {}
current-context: first
contexts:
- {name: first, context: {cluster: one, user: admin, namespace: x}}
- {name: second, context: {cluster: two, user: robot}}
clusters:
- name: one
  cluster: {server: "https://192.0.2.1:6443/", certificate-authority-data: "UEVN"}
- name: two
  cluster: {server: "https://[2001:db8::1]", certificate-authority: pki/ca.crt, tls-server-name: kube}
users:
- name: admin
  user: {client-certificate-data: "Q0VSVA==", client-key: /etc/key.pem}
- name: robot
  user: {tokenFile: token, token: unused}
)";

std::string error_of(const std::string& text, const std::string& context = "") {
    const auto access = parse_kubeconfig(text, kFile, context);
    return access ? "accepted" : access.error().message;
}

std::string with(std::string from, const std::string& to) {
    std::string text = kExample;
    text.replace(text.find(from), from.size(), to);
    return text;
}

TEST(Kubeconfig, TellsTheCurrentContext) {
    const auto access = parse_kubeconfig(kExample, kFile, "");
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(*access, (KubernetesAccess{.url = "https://192.0.2.1:6443",
                                         .ca = {.data = "PEM"},
                                         .certificate = {.data = "CERT"},
                                         .key = {.file = "/etc/key.pem"}}));
    EXPECT_EQ(port_of(*access), 6443);
}

TEST(Kubeconfig, TellsAnotherContextWithFilesBesideIt) {
    const auto access = parse_kubeconfig(kExample, kFile, "second");
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(*access, (KubernetesAccess{.url = "https://[2001:db8::1]",
                                         .server_name = "kube",
                                         .ca = {.file = "/etc/kubernetes/pki/ca.crt"},
                                         .token_file = "/etc/kubernetes/token"}));
    EXPECT_EQ(port_of(*access), 443);
}

TEST(Kubeconfig, ErrorsNameFileAndField) {
    EXPECT_EQ(error_of(with("first\n", "third\n")),
              "/etc/kubernetes/agent.conf:7: contexts: there is none named 'third'");
    EXPECT_EQ(error_of(with("UEVN", "*")),
              "/etc/kubernetes/agent.conf:11: clusters[0].cluster.certificate-authority-data: "
              "not base64");
    EXPECT_EQ(error_of(with("https://192", "http://192")),
              "/etc/kubernetes/agent.conf:11: clusters[0].cluster.server: expected "
              "https://HOST:PORT");
    EXPECT_EQ(error_of(with(", client-key: /etc/key.pem", "")),
              "/etc/kubernetes/agent.conf:16: users[0].user: client-certificate and client-key "
              "belong together");
    EXPECT_EQ(error_of(with("tokenFile: token", "exec: {}"), "second"),
              "/etc/kubernetes/agent.conf:18: users[1].user.exec: not supported; use a certificate "
              "or a token");
    EXPECT_EQ(error_of("current-context: x"), "/etc/kubernetes/agent.conf:1: contexts is missing");
}

class InCluster : public testing::Test {
  protected:
    InCluster() {
        std::ofstream(directory_.path() / "ca.crt") << "x";
        std::ofstream(directory_.path() / "token") << "x";
    }
    [[nodiscard]] Result<KubernetesAccess> find() const {
        const auto lookup = [this](const char* name) -> std::optional<std::string> {
            const auto entry = environment_.find(name);
            return entry == environment_.end() ? std::nullopt : std::optional(entry->second);
        };
        return find_cluster(lookup, directory_.path());
    }
    TemporaryDirectory directory_;
    std::map<std::string, std::string> environment_{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                                                    {"KUBERNETES_SERVICE_PORT", "443"}};
};

TEST_F(InCluster, FindsTheServiceAndItsAccount) {
    const auto access = find();
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->url, "https://10.96.0.1:443");
    EXPECT_EQ(access->token_file, directory_.path() / "token");
    EXPECT_TRUE(access->in_cluster);
}

TEST_F(InCluster, BracketsAnIpv6Service) {
    environment_["KUBERNETES_SERVICE_HOST"] = "fd96::1";
    EXPECT_EQ(find()->url, "https://[fd96::1]:443");
}

TEST_F(InCluster, SaysWhatIsMissing) {
    std::filesystem::remove(directory_.path() / "token");
    EXPECT_NE(find().error().message.find("/token: No such file"), std::string::npos);
    environment_.erase("KUBERNETES_SERVICE_HOST");
    EXPECT_EQ(find().error().message.find("KUBERNETES_SERVICE_HOST is not set"), 0U);
}

}  // namespace
}  // namespace wgs
