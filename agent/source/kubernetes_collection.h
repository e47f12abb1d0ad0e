// SPDX-License-Identifier: Apache-2.0
// One collection of the API server, kept up with: a list in pages, then a watch from there on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/error.h"
#include "net/http_client.h"
#include "net/json_splitter.h"
#include "source/kubernetes_object.h"

namespace wgs {

using SteadyTime = std::chrono::steady_clock::time_point;

struct KubernetesCollectionOptions {
    std::string url;    // of the collection
    std::string query;  // that goes with each request, "labelSelector=…"; empty: none
    std::size_t page_size = 500;
    std::size_t max_page = 32u << 20;    // bytes
    std::size_t max_object = 10u << 20;  // bytes of one event
    std::size_t max_objects = 100'000;

    std::chrono::seconds watch{300};  // after which a watch is begun anew, give or take a third
    // Without a byte, bookmarks included (one a minute is usual), a watch counts as dead.
    std::chrono::milliseconds silence{150'000};
    std::chrono::milliseconds connect{5'000};
    std::chrono::milliseconds list{60'000};
    std::chrono::milliseconds first_pause{200};
    std::chrono::milliseconds longest_pause{30'000};
};

// What is heard. Called only from within tick() and the client's dispatch().
struct KubernetesCollectionHandler {
    std::function<void(const Json& object)> on_object;  // new or changed, or the same again
    std::function<void(const std::string& name)> on_gone;
    std::function<void()> on_listed;  // a list is complete; what it does not have is gone
    // It was not kept up with, and now a new list is complete; told before what is gone by that.
    std::function<void()> on_resumed{};
    // There is no such collection. It is asked for again all the same.
    std::function<void()> on_missing{};
    // Why it is not kept up with at the moment; empty: it is again.
    std::function<void(const std::string& problem)> on_problem;
};

// Nothing is gone but what an event or a complete list says is. When the server no longer knows
// where the watch stopped (410), or its numbering has gone back (a restored backup), the collection
// is listed again, and what is known stays until that list is complete.
class KubernetesCollection {
  public:
    // The client must outlive it.
    KubernetesCollection(KubernetesCollectionOptions options, KubernetesCollectionHandler handler,
                         HttpClient& client);
    KubernetesCollection(const KubernetesCollection&) = delete;
    KubernetesCollection& operator=(const KubernetesCollection&) = delete;
    ~KubernetesCollection();

    void start() { begin_list(); }
    // Does what is due; to be called at due().
    void tick(SteadyTime now);
    [[nodiscard]] std::optional<SteadyTime> due() const { return due_; }

  private:
    // What is under way, or due next.
    enum class Stage { list, probe, watch };

    void send(Stage stage, const std::string& query);
    void go_on(Stage stage);
    void begin_list();
    void continue_list();
    void begin_probe();
    void begin_watch();
    void fail(Stage next, const std::string& problem, std::chrono::milliseconds at_least = {});
    void note_success();
    void list_again();

    void take_list(const HttpReply& reply);
    Status take_page(const KubernetesPage& page);
    void finish_list();
    void take_probe(const HttpReply& reply);
    void take_data(std::string_view data);
    Status take_event(std::string_view text);
    Status take_object(const Json& object);
    void take_end(const Result<HttpReply>& reply);
    void end_request(Stage stage, Result<HttpReply> reply);
    void refuse(Stage stage, const HttpReply& reply);

    KubernetesCollectionOptions options_;
    KubernetesCollectionHandler handler_;
    HttpClient& client_;
    Backoff backoff_;

    std::optional<RequestId> request_;
    std::optional<SteadyTime> due_;
    Stage next_ = Stage::list;  // what is due then

    std::string version_;  // up to which everything is known; empty: nothing is
    std::string next_page_;
    std::string listed_version_;    // of the list under way
    std::set<std::string> listed_;  // by the list under way
    std::set<std::string> known_;   // told, and not gone
    JsonSplitter splitter_;
    bool relist_ = false;       // the watch has heard that there is no going on from here
    bool interrupted_ = false;  // there is a gap, of time or of numbers, since all was well
    bool crowded_ = false;      // there are more objects than are taken
    int silent_watches_ = 0;    // that ended without a word
    bool heard_ = false;        // anything, by this watch
    std::string problem_;
};

}  // namespace wgs
