// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/unique_fd.h"
#include "cli/agent_process.h"

namespace wgs::cli {
namespace {

using Curl = std::unique_ptr<CURL, Deleter<&curl_easy_cleanup>>;

using Multi = std::unique_ptr<CURLM, Deleter<&curl_multi_cleanup>>;

constexpr int kStreamTurnMs = 200;
constexpr int kTurnMs = 50;

std::size_t append(const char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

std::string escape(const std::string& text) {
    const std::unique_ptr<char, Deleter<&curl_free>> escaped(
        curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size())));
    return escaped ? escaped.get() : "";
}

std::string url_of(const std::string& path, const std::map<std::string, std::string>& query) {
    std::string url = path;
    for (const auto& [name, value] : query) {
        url += (url.size() == path.size() ? "?" : "&") + name + "=" + escape(value);
    }
    return url;
}

// An answer that arrives in pieces.
struct Stream {
    CURL* curl = nullptr;
    const std::function<bool(std::string_view)>& use;
    Reply reply = {};
    std::string begun = {};  // a line whose end is to come
    bool enough = false;

    std::size_t take(std::string_view piece);
};

// Less than was given ends the transfer.
std::size_t Stream::take(std::string_view piece) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    std::string& text = reply.status == 200 ? begun : reply.body;
    text += piece;
    if (reply.status != 200) return piece.size();
    std::size_t from = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
        if (!use(std::string_view(text).substr(from, end - from))) {
            enough = true;
            return 0;
        }
        from = end + 1;
    }
    text.erase(0, from);
    return piece.size();
}

std::size_t take(const char* data, std::size_t size, std::size_t count, void* stream) {
    const std::size_t taken = static_cast<Stream*>(stream)->take({data, size * count});
    return taken;
}

// Until the transfer ends, or `go_on` says no, which is the answer then. Its result is told.
std::optional<CURLcode> perform(CURLM* multi, const std::function<bool()>& go_on) {
    int running = 1;
    while (running != 0) {
        if (!go_on()) return std::nullopt;
        if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
        if (running != 0) curl_multi_poll(multi, nullptr, 0, kTurnMs, nullptr);
    }
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi, &left);
    return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
}

// Until the transfer ends, or somebody wants it to.
void run(CURLM* multi, const Stream& stream, const std::function<bool()>& go_on) {
    int running = 1;
    while (running != 0 && !stream.enough && go_on()) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) return;
        if (running != 0) curl_multi_poll(multi, nullptr, 0, kStreamTurnMs, nullptr);
    }
}

// Of an agent that says nothing: is it stopped? It would be waited for in vain.
struct Doubt {
    static constexpr std::chrono::seconds kSilence{1};

    const std::string& socket;
    std::chrono::steady_clock::time_point next = std::chrono::steady_clock::now() + kSilence;
    std::optional<AgentProcess> stopped = {};
};

// Other than 0 ends the transfer.
int on_progress(void* doubt, curl_off_t /*size*/, curl_off_t received, curl_off_t /*to_send*/,
                curl_off_t /*sent*/) {
    auto& silent = *static_cast<Doubt*>(doubt);
    const auto now = std::chrono::steady_clock::now();
    if (received != 0 || now < silent.next) return 0;
    silent.next = now + Doubt::kSilence;
    const auto process = agent_process(silent.socket);
    if (!process || !process->stopped()) return 0;
    silent.stopped = process;
    return 1;
}

// `reply` takes the body; it and `doubt` outlive the result.
Curl prepared(const std::string& url, std::chrono::seconds patience, Reply& reply, Doubt& doubt) {
    Curl curl(curl_easy_init());
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, doubt.socket.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_URL, ("http://localhost" + url).c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, static_cast<long>(patience.count()));
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &on_progress);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &doubt);
    return curl;
}

Result<Reply> finished(const Doubt& doubt, CURL* curl, CURLcode code, Reply reply) {
    if (doubt.stopped) {
        return make_error(std::errc::not_connected,
                          fmt::format("the agent does not answer: process {0} is stopped; kill "
                                      "-CONT {0}",
                                      doubt.stopped->id));
    }
    if (code != CURLE_OK) {
        return make_error(std::errc::not_connected,
                          "no agent answers on " + doubt.socket + ": " + curl_easy_strerror(code));
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    return reply;
}

}  // namespace

std::string error_text(const Reply& reply) {
    const auto document = nlohmann::json::parse(reply.body, nullptr, false);
    if (document.is_object() && document.contains("error") && document["error"].is_string()) {
        return document["error"].get<std::string>();
    }
    return "the agent answered with HTTP status " + std::to_string(reply.status);
}

Result<Reply> Client::get(const std::string& path,
                          const std::map<std::string, std::string>& query) const {
    return request(url_of(path, query), false);
}

Result<Reply> Client::post(const std::string& path) const {
    return request(path, true);
}

Result<Reply> Client::get(const std::string& path, const std::map<std::string, std::string>& query,
                          const std::function<bool()>& go_on) const {
    Reply reply;
    Doubt doubt{.socket = socket_};
    const Curl curl = prepared(url_of(path, query), patience_, reply, doubt);
    const Multi multi(curl_multi_init());
    curl_multi_add_handle(multi.get(), curl.get());
    const auto code = perform(multi.get(), go_on);
    curl_multi_remove_handle(multi.get(), curl.get());
    if (!code) return make_error(std::errc::operation_canceled, "nobody waits for the answer");
    return finished(doubt, curl.get(), *code, std::move(reply));
}

Result<Reply> Client::request(const std::string& url, bool is_post) const {
    Reply reply;
    Doubt doubt{.socket = socket_};
    const Curl curl = prepared(url, patience_, reply, doubt);
    if (is_post) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, "");
    const CURLcode code = curl_easy_perform(curl.get());
    return finished(doubt, curl.get(), code, std::move(reply));
}

Result<Reply> Client::stream(const std::string& path,
                             const std::map<std::string, std::string>& query,
                             const std::function<bool(std::string_view)>& use,
                             const std::function<bool()>& go_on) const {
    const Curl curl(curl_easy_init());
    const Multi multi(curl_multi_init());
    Stream stream{.curl = curl.get(), .use = use};
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_URL, ("http://localhost" + url_of(path, query)).c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &stream);
    curl_multi_add_handle(multi.get(), curl.get());
    run(multi.get(), stream, go_on);
    curl_multi_remove_handle(multi.get(), curl.get());
    const bool wanted = stream.enough || !go_on();
    if (stream.reply.status == 0 && !wanted)
        return make_error(std::errc::not_connected, "no agent answers on " + socket_);
    if (stream.reply.status == 200 && !wanted)
        return make_error(std::errc::connection_reset, "the agent has ended the stream");
    if (wanted) stream.reply.status = 200;
    return std::move(stream.reply);
}

}  // namespace wgs::cli
