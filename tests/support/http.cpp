// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http.h"

#include <curl/curl.h>

#include <memory>

#include "base/unique_fd.h"

namespace wgs::test {
namespace {

using Transfer = std::unique_ptr<CURL, Deleter<&curl_easy_cleanup>>;

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

std::optional<HttpReply> perform(CURL* transfer, const std::string& url, Millis timeout) {
    HttpReply reply;
    curl_easy_setopt(transfer, CURLOPT_URL, url.c_str());
    curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer, CURLOPT_TIMEOUT_MS, static_cast<long>(scaled(timeout).count()));
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(transfer, CURLOPT_WRITEDATA, &reply.body);
    if (curl_easy_perform(transfer) != CURLE_OK) return std::nullopt;
    curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &reply.status);
    return reply;
}

}  // namespace

std::optional<HttpReply> http_get(const std::filesystem::path& socket, const std::string& path,
                                  Millis timeout) {
    const Transfer transfer(curl_easy_init());
    curl_easy_setopt(transfer.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    return perform(transfer.get(), "http://localhost" + path, timeout);
}

std::optional<HttpReply> http_get(const std::string& url, Millis timeout) {
    const Transfer transfer(curl_easy_init());
    return perform(transfer.get(), url, timeout);
}

}  // namespace wgs::test
