// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <curl/curl.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"

namespace wgs::cli {
namespace {

using Curl = std::unique_ptr<CURL, Deleter<&curl_easy_cleanup>>;

constexpr long kTimeoutSeconds = 30;

std::size_t append(const char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

std::string escape(const std::string& text) {
    const std::unique_ptr<char, Deleter<&curl_free>> escaped(
        curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size())));
    return escaped ? escaped.get() : "";
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
    std::string url = path;
    for (const auto& [name, value] : query) {
        url += (url.size() == path.size() ? "?" : "&") + name + "=" + escape(value);
    }
    return request(url, false);
}

Result<Reply> Client::post(const std::string& path) const {
    return request(path, true);
}

Result<Reply> Client::request(const std::string& url, bool is_post) const {
    const Curl curl(curl_easy_init());
    Reply reply;
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_URL, ("http://localhost" + url).c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kTimeoutSeconds);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
    if (is_post) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, "");
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        return make_error(std::errc::not_connected,
                          "no agent answers on " + socket_ + ": " + curl_easy_strerror(code));
    }
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
    return reply;
}

}  // namespace wgs::cli
