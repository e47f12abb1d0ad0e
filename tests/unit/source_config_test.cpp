// SPDX-License-Identifier: Apache-2.0
#include "source/source_config.h"

#include <gtest/gtest.h>

#include "source/config_file.h"

namespace wgs {
namespace {

std::string error_of(const std::string& source) {
    const auto config = parse_config("node: a\nsource: " + source, "c.yaml");
    return config ? "accepted" : config.error().message;
}

TEST(SourceConfig, HasOneKindOutOfFour) {
    EXPECT_EQ(error_of("{}"), "c.yaml:2: source: expected exactly one source");
    EXPECT_EQ(error_of("{directory: /a, etcd: {endpoints: [http://a]}}"),
              "c.yaml:2: source: expected exactly one source");
    EXPECT_EQ(error_of("{consul: x}"), "c.yaml:2: source.consul: unknown key");
    EXPECT_EQ(error_of("{directory: /a}"), "accepted");
    EXPECT_EQ(error_of("{felix: {}}"), "accepted");
    EXPECT_EQ(error_of("{kubernetes: {}}"), "accepted");
    EXPECT_EQ(error_of("{kubernetes: {kubeconfig: /k, context: c}}"), "accepted");
    EXPECT_EQ(error_of("{kubernetes: {calico: true, ipam: host-local}}"), "accepted");
}

TEST(SourceConfig, RefusesUnknownKeysOfEachKind) {
    EXPECT_EQ(error_of("{kubernetes: {kubconfig: /k}}"),
              "c.yaml:2: source.kubernetes.kubconfig: unknown key");
    EXPECT_EQ(error_of("{felix: {fd: 3}}"), "c.yaml:2: source.felix.fd: unknown key");
    EXPECT_EQ(error_of("{etcd: {endpoint: http://a}}"),
              "c.yaml:2: source.etcd.endpoint: unknown key");
    EXPECT_EQ(error_of("{kubernetes: yes}"),
              "c.yaml:2: source.kubernetes: expected keys and values");
}

TEST(SourceConfig, RefusesBadValuesOfKubernetes) {
    EXPECT_EQ(error_of("{kubernetes: {kubeconfig: k}}"),
              "c.yaml:2: source.kubernetes.kubeconfig: expected an absolute path");
    EXPECT_EQ(error_of("{kubernetes: {calico: 1}}"),
              "c.yaml:2: source.kubernetes.calico: expected true or false");
    EXPECT_EQ(error_of("{kubernetes: {context: ''}}"),
              "c.yaml:2: source.kubernetes.context: is empty");
    EXPECT_EQ(error_of("{kubernetes: {context: c}}"),
              "c.yaml:2: source.kubernetes.context: is that of a kubeconfig");
    EXPECT_EQ(error_of("{kubernetes: {ipam: calico}}"),
              "c.yaml:2: source.kubernetes.ipam: is for calico: true only");
    EXPECT_EQ(error_of("{kubernetes: {calico: true, ipam: cilium}}"),
              "c.yaml:2: source.kubernetes.ipam: expected calico or host-local");
}

TEST(SourceConfig, TakesOnlyPlainUrlsForEndpoints) {
    EXPECT_EQ(error_of("{etcd: {}}"), "c.yaml:2: source.etcd: endpoints is missing");
    EXPECT_EQ(error_of("{etcd: {endpoints: []}}"), "c.yaml:2: source.etcd.endpoints: is empty");
    for (const std::string endpoint :
         {"a:2379", "ftp://a", "http://", "http://a:0", "http://a:65536", "http://a:1x",
          "http://a/v3", "http://u@a", "http://a?x", "http://[::1", "http://[1.2.3.4]:1",
          "http://[::1]2", "http://a b"}) {
        EXPECT_EQ(error_of("{etcd: {endpoints: ['" + endpoint + "']}}"),
                  "c.yaml:2: source.etcd.endpoints[0]: expected https://HOST:PORT or "
                  "http://HOST:PORT")
            << endpoint;
    }
    for (const std::string endpoint : {"http://a", "https://etcd-0.example.org:2379/",
                                       "https://[fd00::1]:2379", "http://10.0.0.1:2379"}) {
        EXPECT_EQ(error_of("{etcd: {endpoints: ['" + endpoint + "']}}"), "accepted") << endpoint;
    }
}

TEST(SourceConfig, ReadsEverythingOfEtcd) {
    const auto config = parse_config(R"(
source:
  etcd:
    endpoints: [https://a:2379, "https://[fd00::1]:2379/"]
    prefix: /mesh/
    ca_file: /ca
    cert_file: /cert
    key_file: /key
    username: agent
    password_file: /password
    lease: 1m
)",
                                     "c.yaml");
    ASSERT_TRUE(config) << config.error().message;
    const auto& etcd = std::get<EtcdConfig>(config->source);
    EXPECT_EQ(etcd.endpoints,
              (std::vector<std::string>{"https://a:2379", "https://[fd00::1]:2379"}));
    EXPECT_EQ(etcd.prefix, "/mesh/");
    EXPECT_EQ(etcd.ca_file, "/ca");
    EXPECT_EQ(etcd.cert_file, "/cert");
    EXPECT_EQ(etcd.key_file, "/key");
    EXPECT_EQ(etcd.username, "agent");
    EXPECT_EQ(etcd.password_file, "/password");
    EXPECT_EQ(etcd.lease, std::chrono::minutes(1));
}

TEST(SourceConfig, HasDefaultsForEtcd) {
    const auto config = parse_config("source: {etcd: {endpoints: [http://a]}}", "c.yaml");
    const auto& etcd = std::get<EtcdConfig>(config->source);
    EXPECT_EQ(etcd.prefix, "/wgsteer/nodes/");
    EXPECT_EQ(etcd.lease, std::chrono::seconds(30));
    EXPECT_TRUE(etcd.username.empty());
}

TEST(SourceConfig, RefusesBadValuesOfEtcd) {
    const auto with = [](const std::string& rest) {
        return error_of("{etcd: {endpoints: [https://a:2379], " + rest + "}}");
    };
    const std::string at = "c.yaml:2: source.etcd";
    EXPECT_EQ(with("prefix: /nodes"),
              at + ".prefix: expected up to 1024 bytes that end in a slash");
    EXPECT_EQ(with("prefix: ''"), at + ".prefix: is empty");
    EXPECT_EQ(with("lease: 4s"), at + ".lease: shorter than 5s");
    EXPECT_EQ(with("lease: 2h"), at + ".lease: longer than 3600s");
    EXPECT_EQ(with("ca_file: ca.pem"), at + ".ca_file: expected an absolute path");
    EXPECT_EQ(with("cert_file: /c.pem"), at + ": cert_file and key_file go together");
    EXPECT_EQ(with("password_file: /p"), at + ": username and password_file go together");
}

}  // namespace
}  // namespace wgs
