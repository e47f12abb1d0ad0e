// SPDX-License-Identifier: Apache-2.0
// What deploy/kubernetes holds is accepted by kubectl, and the agents' configuration by the agent.
#include "base/file.h"
#include "base/yaml.h"
#include "source/config_file.h"
#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

constexpr const char* kManifests = WGS_SOURCE_DIR "/deploy/kubernetes";

TEST_F(KubernetesTest, ManifestsMakeTheObjectsTheyAreFor) {
    if (!has_tool("kubectl")) GTEST_SKIP() << "no kubectl (package kubernetes-client)";
    const Outcome made =
        api_.kubectl({"create", "-f", kManifests, "--validate=false", "-o", "name"});
    EXPECT_EQ(made.exit_code, 0) << made.errors;
    EXPECT_EQ(made.output,
              "configmap/wgsteer\n"
              "daemonset.apps/wgsteer\n"
              "serviceaccount/wgsteer\n"
              "clusterrole.rbac.authorization.k8s.io/wgsteer\n"
              "clusterrolebinding.rbac.authorization.k8s.io/wgsteer\n"
              "role.rbac.authorization.k8s.io/wgsteer\n"
              "rolebinding.rbac.authorization.k8s.io/wgsteer\n");
}

TEST(Manifests, ConfigureTheAgent) {
    const std::string file = std::string(kManifests) + "/config.yaml";
    const auto map = YamlValue::parse(read_file(file, 1 << 16).value(), file);
    ASSERT_TRUE(map) << map.error().message;
    std::string text = map->find("data")->find("wgsteer.yaml")->as_string().value();
    const std::string variable = "${NODE_NAME}";
    text.replace(text.find(variable), variable.size(), "node-a");
    const auto config = parse_config(text, file);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->node, "node-a");
    EXPECT_TRUE(std::holds_alternative<KubernetesConfig>(config->source));
}

}  // namespace
}  // namespace wgs::test
