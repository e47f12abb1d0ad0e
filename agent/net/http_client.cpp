// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "net/http_transfer.h"

namespace wgs {
namespace {

using std::chrono::steady_clock;

constexpr long kMaxIdleConnections = 8;
constexpr std::size_t kMaxTokenSize = 64u << 10;

// A bearer token that is read again when its file is another one.
class TokenFile {
  public:
    // Empty without a file. Of one that cannot be read now, the token before is still the best
    // guess.
    const std::string& get(const std::filesystem::path& path) {
        struct stat info = {};
        if (path.empty() || ::stat(path.c_str(), &info) != 0) return token_;
        const auto same = [](const timespec& a, const timespec& b) {
            return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
        };
        if (!token_.empty() && info.st_ino == read_.st_ino && info.st_size == read_.st_size &&
            same(info.st_mtim, read_.st_mtim)) {
            return token_;
        }
        auto text = read_file(path, kMaxTokenSize);
        if (!text) return token_;
        token_ = text->substr(0, text->find_first_of(" \t\r\n"));
        read_ = info;
        return token_;
    }

  private:
    std::string token_;
    struct stat read_ = {};
};

}  // namespace

struct HttpClient::State {
    TlsOptions tls;
    TokenFile token;
    UniqueFd epoll;
    std::unique_ptr<CURLM, Deleter<&curl_multi_cleanup>> multi;
    std::optional<Time> curl_timeout;
    RequestId last_id = 0;
    std::map<RequestId, std::unique_ptr<HttpTransfer>> transfers;  // each is part of `multi`
    std::vector<RequestId> failed_at_once;

    ~State() {
        for (const auto& [id, transfer] : transfers)
            curl_multi_remove_handle(multi.get(), transfer->handle());
    }

    void set_callbacks();
    void run_curl();
    void run_sockets();
    void collect_finished();
    void end_idle();
    void deliver();
    void deliver_to(RequestId id);
    std::unique_ptr<HttpTransfer> extract(RequestId id);

    static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int on_timer(CURLM*, long milliseconds, void* self);
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(TlsOptions tls) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK) return make_error(std::errc::not_enough_memory, "start libcurl");
    auto state = std::make_unique<State>();
    state->tls = std::move(tls);
    state->epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!state->epoll) return os_error(errno, "create epoll");
    state->multi.reset(curl_multi_init());
    if (!state->multi) return make_error(std::errc::not_enough_memory, "start libcurl");
    state->set_callbacks();
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

void HttpClient::State::set_callbacks() {
    CURLM* const handle = multi.get();
    curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(handle, CURLMOPT_TIMERDATA, this);
}

RequestId HttpClient::send(HttpCall call, HttpHandler handler) {
    State& state = *state_;
    const RequestId id = ++state.last_id;
    const std::string& token =
        state.tls.token_file.empty() ? state.tls.token : state.token.get(state.tls.token_file);
    auto transfer =
        std::make_unique<HttpTransfer>(id, std::move(call), std::move(handler), state.tls, token);
    const bool added = transfer->handle() != nullptr &&
                       curl_multi_add_handle(state.multi.get(), transfer->handle()) == CURLM_OK;
    if (!added) transfer->fail(std::errc::not_enough_memory, "cannot be begun");
    if (!added) state.failed_at_once.push_back(id);
    state.transfers.emplace(id, std::move(transfer));
    return id;
}

void HttpClient::cancel(RequestId id) {
    state_->extract(id);
}

void HttpClient::cancel_all() {
    while (!state_->transfers.empty())
        cancel(state_->transfers.begin()->first);
}

int HttpClient::fd() const {
    return state_->epoll.get();
}

std::optional<HttpClient::Time> HttpClient::next_timeout() const {
    if (!state_->failed_at_once.empty()) return Time{};
    std::optional<Time> next = state_->curl_timeout;
    for (const auto& [id, transfer] : state_->transfers) {
        const auto deadline = transfer->idle_deadline();
        if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    return next;
}

void HttpClient::dispatch() {
    state_->run_curl();
    state_->collect_finished();
    state_->end_idle();
    state_->deliver();
}

int HttpClient::State::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    const int epoll = static_cast<State*>(self)->epoll.get();
    if (what == CURL_POLL_REMOVE) {
        ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
        return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    if (::epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0)
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    return 0;
}

int HttpClient::State::on_timer(CURLM*, long milliseconds, void* self) {
    auto& timeout = static_cast<State*>(self)->curl_timeout;
    timeout.reset();
    if (milliseconds >= 0) timeout = steady_clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
}

void HttpClient::State::run_curl() {
    int running = 0;
    run_sockets();
    if (curl_timeout && *curl_timeout <= steady_clock::now()) {
        curl_timeout.reset();
        curl_multi_socket_action(multi.get(), CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

void HttpClient::State::run_sockets() {
    std::array<epoll_event, 32> events{};
    const int count = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        int what = 0;
        if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
        if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
        if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
        int running = 0;
        curl_multi_socket_action(multi.get(), event.data.fd, what, &running);
    }
}

void HttpClient::State::collect_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        void* transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        static_cast<HttpTransfer*>(transfer)->finish(code);
    }
}

void HttpClient::State::end_idle() {
    const Time now = steady_clock::now();
    for (const auto& [id, transfer] : transfers) {
        const auto deadline = transfer->idle_deadline();
        if (deadline && *deadline <= now)
            transfer->fail(std::errc::timed_out, "nothing was received for too long");
    }
}

// What curl's callbacks have gathered is passed on only here, where handlers may send and cancel.
void HttpClient::State::deliver() {
    failed_at_once.clear();
    std::vector<RequestId> ids;
    for (const auto& [id, transfer] : transfers) {
        if (transfer->has_news()) ids.push_back(id);
    }
    for (const RequestId id : ids)
        deliver_to(id);
}

void HttpClient::State::deliver_to(RequestId id) {
    const auto found = transfers.find(id);
    if (found == transfers.end()) return;
    const auto on_data = found->second->handler().on_data;
    if (const std::string data = found->second->take_data(); !data.empty() && on_data)
        on_data(data);

    const auto still = transfers.find(id);
    if (still == transfers.end() || !still->second->done()) return;
    const auto transfer = extract(id);
    transfer->handler().on_done(transfer->take_reply());
}

std::unique_ptr<HttpTransfer> HttpClient::State::extract(RequestId id) {
    const auto found = transfers.find(id);
    if (found == transfers.end()) return nullptr;
    auto transfer = std::move(found->second);
    transfers.erase(found);
    if (transfer->handle() != nullptr) curl_multi_remove_handle(multi.get(), transfer->handle());
    return transfer;
}

bool dispatch_until(HttpClient& client, const std::function<bool()>& done,
                    std::chrono::milliseconds limit) {
    const auto end = steady_clock::now() + limit;
    while (!done()) {
        const auto now = steady_clock::now();
        if (now >= end) return false;
        const auto next = std::clamp(client.next_timeout().value_or(end), now, end);
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now);
        pollfd readable{.fd = client.fd(), .events = POLLIN, .revents = 0};
        ::poll(&readable, 1, static_cast<int>(wait.count()));
        client.dispatch();
    }
    return true;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (kPlain.find(c) != std::string_view::npos) {
            result += c;
        } else {
            result += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
    }
    return result;
}

}  // namespace wgs
