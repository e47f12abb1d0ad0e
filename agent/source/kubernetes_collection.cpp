// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes_collection.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <random>
#include <utility>

namespace wgs {
namespace {

using namespace std::chrono_literals;

constexpr int kOk = 200;
constexpr int kNotFound = 404;
// A server that says nothing at all twice may have forgotten about the watch.
constexpr int kPatience = 2;
constexpr auto kLongestRetryAfter = 5min;

std::chrono::milliseconds retry_after(const HttpReply& reply) {
    const auto header = reply.headers.find("retry-after");
    if (header == reply.headers.end()) return 0ms;
    std::uint32_t seconds = 0;
    const std::string& text = header->second;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::min<std::chrono::milliseconds>(std::chrono::seconds(seconds), kLongestRetryAfter);
}

std::string word(const HttpReply& reply) {
    const KubernetesRefusal refusal = read_kubernetes_refusal(reply.body);
    std::string text = "the API server answers " + std::to_string(reply.status);
    if (!refusal.message.empty()) text += " (" + refusal.message + ")";
    return text;
}

// So that the watches of many agents do not end at the same moment.
std::chrono::seconds spread(std::chrono::seconds about) {
    static std::minstd_rand random{std::random_device{}()};
    std::uniform_int_distribution<std::chrono::seconds::rep> choose(about.count() * 2 / 3,
                                                                    about.count() * 4 / 3);
    return std::chrono::seconds(std::max<std::chrono::seconds::rep>(choose(random), 1));
}

}  // namespace

KubernetesCollection::KubernetesCollection(KubernetesCollectionOptions options,
                                           KubernetesCollectionHandler handler, HttpClient& client)
    : options_(std::move(options)),
      handler_(std::move(handler)),
      client_(client),
      backoff_(options_.first_pause, options_.longest_pause),
      splitter_(options_.max_object) {}

KubernetesCollection::~KubernetesCollection() {
    if (request_) client_.cancel(*request_);
}

void KubernetesCollection::tick(SteadyTime now) {
    if (!due_ || now < *due_) return;
    due_.reset();
    go_on(next_);
}

void KubernetesCollection::go_on(Stage stage) {
    switch (stage) {
        case Stage::list:
            return begin_list();
        case Stage::probe:
            return begin_probe();
        case Stage::watch:
            return begin_watch();
    }
}

void KubernetesCollection::send(Stage stage, const std::string& query) {
    const bool watches = stage == Stage::watch;
    HttpCall call{
        .url = options_.url + "?" + query + (options_.query.empty() ? "" : "&" + options_.query),
        .headers = {"Accept: application/json"},
        .timeouts = {.connect = options_.connect,
                     .total = watches ? 0ms : options_.list,
                     .idle = watches ? options_.silence : 0ms},
        .response = watches ? HttpBody::stream : HttpBody::whole,
        .max_body = options_.max_page};
    HttpHandler handler{.on_done = [this, stage](Result<HttpReply> reply) {
        end_request(stage, std::move(reply));
    }};
    if (watches) handler.on_data = [this](std::string_view data) { take_data(data); };
    request_ = client_.send(std::move(call), std::move(handler));
}

void KubernetesCollection::begin_list() {
    listed_.clear();
    next_page_.clear();
    listed_version_.clear();
    continue_list();
}

void KubernetesCollection::continue_list() {
    std::string query = "limit=" + std::to_string(options_.page_size);
    if (!next_page_.empty()) query += "&continue=" + percent_encode(next_page_);
    send(Stage::list, query);
}

// What the numbering is at, without listing everything.
void KubernetesCollection::begin_probe() {
    send(Stage::probe, "limit=1");
}

void KubernetesCollection::begin_watch() {
    splitter_ = JsonSplitter(options_.max_object);
    relist_ = false;
    heard_ = false;
    send(Stage::watch,
         "watch=true&allowWatchBookmarks=true&resourceVersion=" + percent_encode(version_) +
             "&timeoutSeconds=" + std::to_string(spread(options_.watch).count()));
}

void KubernetesCollection::fail(Stage next, const std::string& problem,
                                std::chrono::milliseconds at_least) {
    interrupted_ = true;
    next_ = next;
    due_ = std::chrono::steady_clock::now() + std::max(backoff_.next(), at_least);
    if (std::exchange(problem_, problem) != problem) handler_.on_problem(problem_);
}

void KubernetesCollection::note_success() {
    interrupted_ = false;
    const std::string left = crowded_
                                 ? "there are more than " + std::to_string(options_.max_objects) +
                                       " objects; the rest is ignored"
                                 : std::string();
    if (std::exchange(problem_, left) != left) handler_.on_problem(problem_);
}

// Nothing is wrong with the server, but a list that leads to the next one at once must not do so
// for ever.
void KubernetesCollection::list_again() {
    next_ = Stage::list;
    due_ = std::chrono::steady_clock::now() + backoff_.next();
}

void KubernetesCollection::end_request(Stage stage, Result<HttpReply> reply) {
    request_.reset();
    if (stage == Stage::watch) return take_end(reply);
    if (!reply) return fail(stage, reply.error().message);
    if (reply->status != kOk) return refuse(stage, *reply);
    if (stage == Stage::list) {
        take_list(*reply);
    } else {
        take_probe(*reply);
    }
}

// A list whose next page has gone begins anew, as does one that was never complete.
void KubernetesCollection::refuse(Stage stage, const HttpReply& reply) {
    const bool gone = reply.status == kKubernetesGone;
    if (reply.status == kNotFound && handler_.on_missing) handler_.on_missing();
    fail(gone ? Stage::list : stage, word(reply), retry_after(reply));
}

void KubernetesCollection::take_list(const HttpReply& reply) {
    const auto page = parse_kubernetes_page(reply.body);
    const Status taken = page ? take_page(*page) : Status(tl::unexpected(page.error()));
    if (!taken) return fail(Stage::list, taken.error().message);
    next_page_ = page->next;
    if (!next_page_.empty()) return continue_list();
    finish_list();
    begin_watch();
}

Status KubernetesCollection::take_page(const KubernetesPage& page) {
    // The version of the first page is that of all: the server shows them as of that moment.
    if (listed_version_.empty()) listed_version_ = page.resource_version;
    for (const Json& item : page.items) {
        listed_.emplace(text_at(item, "metadata", "name"));
        WGS_TRY(take_object(item));
    }
    return {};
}

void KubernetesCollection::finish_list() {
    const bool first = version_.empty();
    version_ = listed_version_;
    if (interrupted_ && !first && handler_.on_resumed) handler_.on_resumed();
    std::set<std::string> gone;
    std::ranges::set_difference(known_, listed_, std::inserter(gone, gone.end()));
    for (const std::string& name : gone) {
        known_.erase(name);
        handler_.on_gone(name);
    }
    listed_.clear();
    silent_watches_ = 0;
    note_success();
    handler_.on_listed();
}

void KubernetesCollection::take_probe(const HttpReply& reply) {
    const auto page = parse_kubernetes_page(reply.body);
    if (!page) return fail(Stage::probe, page.error().message);
    if (is_older(page->resource_version, version_)) return list_again();
    begin_watch();
}

void KubernetesCollection::take_data(std::string_view data) {
    heard_ = true;
    silent_watches_ = 0;
    const Status taken =
        splitter_.feed(data, [this](std::string_view text) { return take_event(text); });
    if (taken) return;
    client_.cancel(*request_);
    request_.reset();
    if (relist_) return list_again();
    fail(Stage::list, taken.error().message);
}

Status KubernetesCollection::take_event(std::string_view text) {
    using Type = KubernetesEvent::Type;
    const KubernetesEvent event = WGS_TRY(parse_kubernetes_event(text));
    if (event.type == Type::error) {
        const KubernetesRefusal refusal = to_kubernetes_refusal(event.object);
        relist_ = refusal.code == kKubernetesGone;
        return invalid("the watch ends: " + refusal.message);
    }
    if (is_older(event.resource_version, version_)) {
        relist_ = true;
        interrupted_ = true;
        return invalid("resource versions have gone back");
    }
    if (event.type == Type::deleted) {
        const std::string name(text_at(event.object, "metadata", "name"));
        if (known_.erase(name) > 0) handler_.on_gone(name);
    } else if (event.type != Type::bookmark) {
        WGS_TRY(take_object(event.object));
    }
    version_ = event.resource_version;
    backoff_.reset();
    note_success();
    return {};
}

Status KubernetesCollection::take_object(const Json& object) {
    const std::string_view name = text_at(object, "metadata", "name");
    if (name.empty()) return invalid("an object without a name");
    if (!known_.contains(std::string(name))) {
        crowded_ = known_.size() >= options_.max_objects;
        if (crowded_) return {};
        known_.emplace(name);
    }
    handler_.on_object(object);
    return {};
}

void KubernetesCollection::take_end(const Result<HttpReply>& reply) {
    if (!reply) {
        const bool forgotten = !heard_ && ++silent_watches_ >= kPatience;
        return fail(forgotten ? Stage::list : Stage::probe, reply.error().message);
    }
    if (reply->status == kKubernetesGone) return list_again();
    if (reply->status != kOk) return refuse(Stage::watch, *reply);
    // Its time was over. One that did not even begin must not be begun anew at once, for ever.
    if (heard_) return begin_watch();
    next_ = Stage::watch;
    due_ = std::chrono::steady_clock::now() + backoff_.next();
}

}  // namespace wgs
