// SPDX-License-Identifier: Apache-2.0
// What deploy/kubernetes holds is accepted by kubectl, and the agents' configuration by the agent;
// the files of deploy/container are all that these manifests run.
#include <unistd.h>

#include <fstream>

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

// The files of an image, and what a container of it runs.
class ImageTest : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "changing the root directory needs root";
        if (!has_tool("busybox")) GTEST_SKIP() << "no busybox (package busybox-static)";
        const Outcome made = run(
            {WGS_SOURCE_DIR "/deploy/container/rootfs", binary("wgsteerd").parent_path(), root_},
            {}, 60s);
        ASSERT_EQ(made.exit_code, 0) << made.errors;
    }
    [[nodiscard]] Outcome in_image(const std::vector<std::string>& command) const {
        std::vector<std::string> argv = {"chroot", root_};
        argv.insert(argv.end(), command.begin(), command.end());
        return run(argv, {.environment = {"NODE_NAME=node-a", "PATH=/usr/sbin:/usr/bin:/bin"}});
    }

    Workspace workspace_;
    const std::filesystem::path root_ = workspace_.directory() / "root";
};

TEST_F(ImageTest, HasAllThatTheProgramsNeed) {
    const Outcome agent = in_image({"wgsteerd", "--version"});
    EXPECT_EQ(agent.exit_code, 0) << agent.errors;
    const Outcome command = in_image({"wgsteer", "status", "--check"});
    EXPECT_EQ(command.exit_code, 3) << command.errors;  // there is no agent, and it says so
}

TEST_F(ImageTest, RunsTheInitContainerOfTheDaemonSet) {
    const std::string file = std::string(kManifests) + "/daemonset.yaml";
    const auto set = YamlValue::parse(read_file(file, 1 << 16).value(), file);
    ASSERT_TRUE(set) << set.error().message;
    const YamlValue* pod = set->find("spec")->find("template")->find("spec");
    std::vector<std::string> command;
    for (const YamlValue& word :
         pod->find("initContainers")->items().front().find("command")->items())
        command.push_back(word.as_string().value());
    for (const char* directory : {"config", "etc/wgsteer"})
        std::filesystem::create_directories(root_ / directory);
    std::ofstream(root_ / "config/wgsteer.yaml") << "node: ${NODE_NAME}\n";
    const Outcome configured = in_image(command);
    EXPECT_EQ(configured.exit_code, 0) << configured.errors;
    EXPECT_EQ(read_file(root_ / "etc/wgsteer/wgsteer.yaml", 1 << 16).value(), "node: node-a\n");
}

}  // namespace
}  // namespace wgs::test
