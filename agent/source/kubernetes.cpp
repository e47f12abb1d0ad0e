// SPDX-License-Identifier: Apache-2.0
#include "source/kubernetes.h"

#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace wgs {
namespace {

constexpr const char* kNodes = "/api/v1/nodes";
constexpr const char* kEvents = "/api/v1/namespaces/default/events";
constexpr const char* kSlices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
constexpr const char* kOfTheApi = "labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes";
// Enough to see what is going on; a cluster full of strange nodes must not fill the memory.
constexpr std::size_t kMaxProblems = 64;

TlsOptions tls_of(const KubernetesAccess& access) {
    return {.ca_file = access.ca.file,
            .ca_data = access.ca.data,
            .cert_file = access.certificate.file,
            .cert_data = access.certificate.data,
            .key_file = access.key.file,
            .key_data = access.key.data,
            .server_name = access.server_name,
            .insecure = !access.verify,
            .token_file = access.token_file,
            .token = access.token};
}

std::string url_of_self(const KubernetesOptions& options) {
    return options.access.url + kNodes + "/" + options.self;
}

void earlier(std::optional<SteadyTime>& first, const std::optional<SteadyTime>& other) {
    if (other && (!first || *other < *first)) first = other;
}

}  // namespace

Result<std::unique_ptr<Source>> KubernetesSource::open(KubernetesOptions options,
                                                       SourceSink& sink) {
    auto client = WGS_TRY(HttpClient::create(tls_of(options.access)));
    return std::unique_ptr<Source>(
        new KubernetesSource(std::move(options), std::move(client), sink));
}

KubernetesSource::KubernetesSource(KubernetesOptions options, std::unique_ptr<HttpClient> client,
                                   SourceSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      client_(std::move(client)),
      self_(
          {.url = url_of_self(options_)},
          [this](const std::string& problem) { set_problem("annotations", problem); }, *client_),
      reports_({.url = options_.access.url + kEvents, .host = options_.self}, *client_) {}

KubernetesSource::~KubernetesSource() = default;

KubernetesCollectionOptions KubernetesSource::collection(const std::string& path) const {
    KubernetesCollectionOptions options = options_.timing;
    options.url = options_.access.url + path;
    return options;
}

void KubernetesSource::start() {
    open_nodes();
    if (options_.calico && options_.ipam == CalicoIpam::blocks) open_ipam();
    if (!options_.api_server_file.empty()) open_api_servers();
}

void KubernetesSource::open_nodes() {
    nodes_.emplace(
        collection(kNodes),
        KubernetesCollectionHandler{
            .on_object = [this](const Json& object) { take_node(object); },
            .on_gone = [this](const std::string& name) { forget_node(name); },
            .on_listed =
                [this] {
                    nodes_listed_ = true;
                    note_listed();
                },
            .on_resumed = [this] { sink_.resumed(); },
            .on_problem = [this](const std::string& problem) { set_problem("nodes", problem); }},
        *client_);
    nodes_->start();
}

void KubernetesSource::open_ipam() {
    ipam_.emplace(options_.access.url, options_.timing,
                  KubernetesIpamHandler{.on_change =
                                            [this](const std::set<std::string>& nodes) {
                                                for (const std::string& name : nodes)
                                                    tell(name);
                                            },
                                        .on_listed =
                                            [this] {
                                                blocks_listed_ = true;
                                                tell_own_prefixes();
                                                note_listed();
                                            },
                                        .on_resumed = [this] { sink_.resumed(); },
                                        .on_problem =
                                            [this](const std::string& problem) {
                                                set_problem("IPAM blocks", problem);
                                            }},
                  *client_);
    ipam_->start();
}

// Not being allowed to read them is no problem: then they are what they were.
void KubernetesSource::open_api_servers() {
    const KubernetesAccess& access = options_.access;
    std::set<std::uint16_t> known;
    if (!access.in_cluster) known.insert(port_of(access));
    api_servers_.emplace(std::move(known), options_.api_server_file);
    tell_bypass();
    KubernetesCollectionOptions options = collection(kSlices);
    options.query = kOfTheApi;
    slices_.emplace(std::move(options),
                    KubernetesCollectionHandler{
                        .on_object =
                            [this](const Json& slice) {
                                if (api_servers_->put(slice)) tell_bypass();
                            },
                        .on_gone =
                            [this](const std::string& name) {
                                if (api_servers_->erase(name)) tell_bypass();
                            },
                        .on_listed =
                            [this] {
                                if (api_servers_->complete()) tell_bypass();
                                const Status remembered = api_servers_->remember();
                                set_problem("API servers",
                                            remembered ? "" : remembered.error().message);
                            },
                        .on_problem = [](const std::string&) {}},
                    *client_);
    slices_->start();
}

void KubernetesSource::tell_bypass() {
    std::set<Service> services;
    for (const std::uint16_t port : api_servers_->ports())
        services.insert({.protocol = IPPROTO_TCP, .port = port});
    sink_.bypass(services);
}

void KubernetesSource::dispatch() {
    client_->dispatch();
    tick();
}

void KubernetesSource::tick() {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (nodes_) nodes_->tick(now);
    if (ipam_) ipam_->tick(now);
    if (slices_) slices_->tick(now);
    self_.tick(now);
    reports_.tick(now);
}

std::optional<SteadyTime> KubernetesSource::next_timeout() const {
    std::optional<SteadyTime> first = client_->next_timeout();
    if (nodes_) earlier(first, nodes_->due());
    if (ipam_) earlier(first, ipam_->due());
    if (slices_) earlier(first, slices_->due());
    earlier(first, self_.due());
    earlier(first, reports_.due());
    return first;
}

void KubernetesSource::take_node(const Json& object) {
    auto parsed = parse_kubernetes_node(object);
    if (!parsed) {
        return set_problem("node " + in_quotes(text_at(object, "metadata", "name")),
                           parsed.error().message);
    }
    KubernetesNode node = *std::move(parsed);
    NodeInfo info = options_.calico ? to_calico_node_info(node, options_.ipam, options_.ports)
                                    : to_node_info(node);
    take_faults(node);
    const std::string name = node.name;
    if (name == options_.self) {
        own_prefixes_ = info.prefixes;
        take_self(std::move(node));
    } else if (!ipam_) {
        sink_.upsert(info);
    } else {
        infos_.insert_or_assign(name, std::move(info));
        tell(name);
    }
}

void KubernetesSource::take_faults(const KubernetesNode& node) {
    std::string message;
    for (const std::string& fault : node.faults)
        message += (message.empty() ? "" : "; ") + fault;
    set_problem("node " + in_quotes(node.name), message);
}

void KubernetesSource::take_self(KubernetesNode node) {
    self_seen_ = true;
    self_.observe(std::move(node));
    tell_own_prefixes();
    set_problem("own Node", "");
}

// Without IPAM blocks, having none is knowing none: clusters whose CNI hands out prefixes by other
// means.
void KubernetesSource::tell_own_prefixes() {
    if (!self_seen_ || (ipam_ && !blocks_listed_)) return;
    std::vector<Prefix> prefixes = own_prefixes_;
    if (ipam_)
        std::ranges::copy(ipam_->blocks().of_only(options_.self), std::back_inserter(prefixes));
    if ((prefixes.empty() && !ipam_) || told_prefixes_ == prefixes) return;
    told_prefixes_ = prefixes;
    sink_.describe_self({.name = options_.self, .prefixes = std::move(prefixes)});
}

void KubernetesSource::tell(const std::string& name) {
    if (name == options_.self) return tell_own_prefixes();
    const auto known = infos_.find(name);
    if (known == infos_.end()) return;
    NodeInfo info = known->second;
    std::ranges::copy(ipam_->blocks().of(name), std::back_inserter(info.prefixes));
    sink_.upsert(info);
}

void KubernetesSource::forget_node(const std::string& name) {
    set_problem("node " + in_quotes(name), "");
    infos_.erase(name);
    if (name != options_.self) return sink_.remove(name);
    self_seen_ = false;
    self_.observe_gone();
    set_problem("own Node", "there is no Node " + name + " in the cluster");
}

void KubernetesSource::note_listed() {
    if (!nodes_listed_ || (ipam_ && !blocks_listed_)) return;
    if (!self_seen_)
        set_problem("own Node", "there is no Node " + options_.self + " in the cluster");
    if (!std::exchange(complete_, true)) sink_.complete();
}

Status KubernetesSource::publish(const NodeInfo& self) {
    self_.want(options_.calico ? own_calico_annotations(self) : own_annotations(self));
    self_.tick(std::chrono::steady_clock::now());
    return {};
}

Status KubernetesSource::withdraw() {
    Annotations none = options_.calico ? own_calico_annotations({}) : own_annotations({});
    for (auto& [key, value] : none)
        value.clear();
    self_.want({});
    std::optional<Result<HttpReply>> answer;
    client_->send(
        patch_call(url_of_self(options_) + "/status", kMergePatch, annotation_patch(none)),
        {.on_done = [&answer](Result<HttpReply> reply) { answer = std::move(reply); }});
    const bool done = dispatch_until(
        *client_, [&answer] { return answer.has_value(); }, options_.withdraw_limit);
    const std::string what = "withdraw from Node " + options_.self;
    if (!done) return make_error(std::errc::timed_out, what + ": the API server does not answer");
    if (!*answer) return tl::unexpected(std::move(answer->error()).within(what));
    if ((*answer)->status == 200 || (*answer)->status == 404) return {};
    return make_error(std::errc::protocol_error,
                      what + ": the API server answers " + std::to_string((*answer)->status));
}

void KubernetesSource::note_protected() {
    self_.release();
    self_.tick(std::chrono::steady_clock::now());
}

void KubernetesSource::note_rejections(const std::vector<Rejection>& rejections) {
    const SteadyTime now = std::chrono::steady_clock::now();
    reports_.note(rejections, now);
    reports_.tick(now);
}

void KubernetesSource::set_problem(const std::string& object, const std::string& message) {
    const auto known = problems_.find(object);
    if (message.empty()) {
        if (known != problems_.end()) problems_.erase(known);
        return;
    }
    if (known != problems_.end() && known->second == message) return;
    if (known == problems_.end() && problems_.size() >= kMaxProblems) return;
    problems_.insert_or_assign(object, message);
    sink_.report({.object = "kubernetes: " + object, .message = message});
}

std::vector<Problem> KubernetesSource::problems() const {
    std::vector<Problem> problems;
    for (const auto& [object, message] : problems_)
        problems.push_back({.object = "kubernetes: " + object, .message = message});
    return problems;
}

}  // namespace wgs
