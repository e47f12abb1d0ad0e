// SPDX-License-Identifier: Apache-2.0
// kubectl and the source at the same server: what makes the server a fair stand-in.
#include "tests/source/kubernetes_fixture.h"

namespace wgs::test {
namespace {

class KubectlTest : public KubernetesTest {
  protected:
    void SetUp() override {
        if (!has_tool("kubectl")) GTEST_SKIP() << "no kubectl (package kubernetes-client)";
        for (int i = 0; i < 3; ++i)
            api_.put_node(with_key(kubernetes_node("node-" + std::to_string(i),
                                                   {"192.0.2." + std::to_string(10 + i)}, {}),
                                   static_cast<std::uint8_t>(i + 1)));
    }
    std::string kubectl(const std::vector<std::string>& arguments) {
        const Outcome outcome = api_.kubectl(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
        return outcome.output;
    }
};

TEST_F(KubectlTest, ListsGetsAndWatches) {
    EXPECT_EQ(kubectl({"get", "nodes", "-o", "name", "--chunk-size=1"}),
              "node/node-0\nnode/node-1\nnode/node-2\n");
    EXPECT_EQ(kubectl({"get", "node", "node-1", "-o",
                       "jsonpath={.metadata.annotations.wgsteer\\.io/public-key}"}),
              key_of(2));
    EXPECT_NE(api_.kubectl({"get", "node", "node-9"}).exit_code, 0);
}

TEST_F(KubectlTest, ItsEditsArrive) {
    start();
    ASSERT_TRUE(run_until_complete());
    kubectl({"annotate", "--overwrite", "node", "node-1", "wgsteer.io/public-key=" + key_of(77)});
    EXPECT_TRUE(run_until(
        [&] { return sink_.nodes["node-1"].public_key == PublicKey::parse(key_of(77)).value(); }));
    kubectl({"annotate", "node", "node-1", "wgsteer.io/public-key-"});
    EXPECT_TRUE(run_until([&] { return !sink_.nodes["node-1"].public_key; }));
    kubectl({"delete", "node", "node-2", "--wait=false"});
    EXPECT_TRUE(run_until([&] { return !sink_.nodes.contains("node-2"); }));
}

TEST_F(KubectlTest, SeesWhatTheSourcePublishesInItsWatch) {
    Process watch({"kubectl", "--kubeconfig", api_.kubeconfig(), "--cache-dir",
                   workspace_.directory() / "cache", "get", "node", "node-0", "--watch", "-o",
                   "jsonpath={.metadata.annotations.wgsteer\\.io/port} "},
                  {.environment = {workspace_.mark()}});
    ASSERT_TRUE(eventually(30s, [&] { return watch.output().find("51820") != std::string::npos; }))
        << watch.errors();
    start();
    const NodeInfo self{
        .name = "node-0", .public_key = PublicKey::parse(key_of(9)).value(), .port = 51999};
    static_cast<void>(source_->publish(self));
    EXPECT_TRUE(run_until([&] { return watch.output().find("51999") != std::string::npos; }));
}

}  // namespace
}  // namespace wgs::test
