// SPDX-License-Identifier: Apache-2.0
#include "net/http_transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "base/version.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxHeaders = 100;
constexpr long kKeepaliveSeconds = 10;        // until the first probe, and between two
constexpr int kUnacknowledgedLimit = 30'000;  // milliseconds

template <class T>
void set(CURL* handle, CURLoption option, T value) {
    // Fails only for options that this libcurl lacks, or without memory.
    static_cast<void>(curl_easy_setopt(handle, option, value));
}

void set_blob(CURL* handle, CURLoption option, const std::string& data) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): copied from, not written to.
    curl_blob blob{
        .data = const_cast<char*>(data.data()), .len = data.size(), .flags = CURL_BLOB_COPY};
    set(handle, option, &blob);
}

// A peer that is gone is noticed though it never answers: TCP gives up what it does not
// acknowledge.
int prepare_socket(void* /*client*/, curl_socket_t socket, curlsocktype /*purpose*/) {
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedLimit,
                 sizeof kUnacknowledgedLimit);
    return CURL_SOCKOPT_OK;
}

std::string describe(const HttpCall& call) {
    return call.method + " " + call.url.substr(0, call.url.find('?'));
}

std::errc condition_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return std::errc::timed_out;
        case CURLE_COULDNT_CONNECT:
            return std::errc::connection_refused;
        case CURLE_COULDNT_RESOLVE_HOST:
            return std::errc::host_unreachable;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
            return std::errc::permission_denied;
        default:
            return std::errc::io_error;
    }
}

bool is_https(std::string_view url) {
    return url.starts_with("https://");
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, Deleter<&curl_free>> owner(text);
    return text;
}

}  // namespace

HttpTransfer::HttpTransfer(RequestId id, HttpCall call, HttpHandler handler, const TlsOptions& tls,
                           const std::string& token)
    : id_(id),
      call_(std::move(call)),
      handler_(std::move(handler)),
      what_(describe(call_)),
      handle_(curl_easy_init()) {
    if (handle_) configure(tls, token);
}

void HttpTransfer::configure(const TlsOptions& tls, const std::string& token) {
    CURL* handle = handle_.get();
    set(handle, CURLOPT_PRIVATE, static_cast<void*>(this));
    set(handle, CURLOPT_ERRORBUFFER, error_text_.data());
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_QUICK_EXIT, 1L);  // do not wait for threads that resolve names
    set(handle, CURLOPT_PROXY, "");
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle, CURLOPT_USERAGENT, ("wgsteer/" + std::string(kVersion)).c_str());
    set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    set(handle, CURLOPT_TCP_KEEPIDLE, kKeepaliveSeconds);
    set(handle, CURLOPT_TCP_KEEPINTVL, kKeepaliveSeconds);
    set(handle, CURLOPT_SOCKOPTFUNCTION, &prepare_socket);
    set(handle, CURLOPT_URL, call_.url.c_str());
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(call_.timeouts.connect.count()));
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(call_.timeouts.total.count()));
    set(handle, CURLOPT_WRITEFUNCTION, &on_body);
    set(handle, CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(handle, CURLOPT_HEADERFUNCTION, &on_header);
    set(handle, CURLOPT_HEADERDATA, static_cast<void*>(this));
    set_body();
    if (is_https(call_.url)) {
        set_tls(tls);
        if (!token.empty()) add_header("Authorization: Bearer " + token);
    }
    for (const std::string& header : call_.headers)
        add_header(header);
    set(handle, CURLOPT_HTTPHEADER, headers_.get());
}

void HttpTransfer::set_body() {
    set(handle_.get(), CURLOPT_CUSTOMREQUEST, call_.method.c_str());
    if (call_.body.empty()) return;
    set(handle_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.body.size()));
    set(handle_.get(), CURLOPT_POSTFIELDS, call_.body.data());
    add_header("Expect:");  // do not ask whether the body is welcome
}

void HttpTransfer::set_tls(const TlsOptions& tls) {
    CURL* handle = handle_.get();
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_SSL_VERIFYPEER, tls.insecure ? 0L : 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, tls.insecure ? 0L : 2L);
    set(handle, CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a replaced file counts at once
    const bool own_authority = !tls.ca_file.empty() || !tls.ca_data.empty();
    if (own_authority) set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    if (!tls.ca_file.empty()) set(handle, CURLOPT_CAINFO, tls.ca_file.c_str());
    if (!tls.ca_data.empty()) set_blob(handle, CURLOPT_CAINFO_BLOB, tls.ca_data);
    if (!tls.cert_file.empty()) set(handle, CURLOPT_SSLCERT, tls.cert_file.c_str());
    if (!tls.cert_data.empty()) set_blob(handle, CURLOPT_SSLCERT_BLOB, tls.cert_data);
    if (!tls.key_file.empty()) set(handle, CURLOPT_SSLKEY, tls.key_file.c_str());
    if (!tls.key_data.empty()) set_blob(handle, CURLOPT_SSLKEY_BLOB, tls.key_data);
    if (tls.server_name.empty()) return;

    // The name goes into the URL; where it really goes is said beside it.
    const std::unique_ptr<CURLU, Deleter<&curl_url_cleanup>> url(curl_url());
    curl_url_set(url.get(), CURLUPART_URL, call_.url.c_str(), 0);
    const std::string target = "::" + part_of(url.get(), CURLUPART_HOST) + ":" +
                               part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    curl_url_set(url.get(), CURLUPART_HOST, tls.server_name.c_str(), 0);
    connect_to_.reset(curl_slist_append(nullptr, target.c_str()));
    set(handle, CURLOPT_CONNECT_TO, connect_to_.get());
    set(handle, CURLOPT_URL, part_of(url.get(), CURLUPART_URL).c_str());
}

void HttpTransfer::add_header(const std::string& line) {
    curl_slist* list = curl_slist_append(headers_.get(), line.c_str());
    if (list == nullptr) return;
    static_cast<void>(headers_.release());
    headers_.reset(list);
}

bool HttpTransfer::streams() const {
    return call_.response == HttpBody::stream && reply_.status / 100 == 2;
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    const std::string_view text(data, size * count);
    return static_cast<HttpTransfer*>(self)->take_body(text) ? text.size() : 0;
}

bool HttpTransfer::take_body(std::string_view data) {
    last_heard_ = std::chrono::steady_clock::now();
    if (streams()) {
        pending_ += data;
        return true;
    }
    if (data.size() > call_.max_body - reply_.body.size()) {
        fail(std::errc::file_too_large,
             "the response is larger than " + std::to_string(call_.max_body) + " bytes");
        return false;
    }
    reply_.body += data;
    return true;
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<HttpTransfer*>(self)->take_header({data, size * count});
    return size * count;
}

void HttpTransfer::take_header(std::string_view line) {
    last_heard_ = std::chrono::steady_clock::now();
    if (line.starts_with("HTTP/")) {
        long status = 0;
        curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
        reply_.status = static_cast<int>(status);
        reply_.headers.clear();
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || reply_.headers.size() >= kMaxHeaders) return;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    const std::size_t end = line.find_last_not_of(" \t\r\n");
    const bool empty = begin == std::string_view::npos || end < begin;
    reply_.headers[name] = empty ? std::string() : std::string(line.substr(begin, end - begin + 1));
}

void HttpTransfer::finish(CURLcode code) {
    done_ = true;
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    reply_.status = static_cast<int>(status);
    if (code == CURLE_OK || error_) return;
    const char* text = error_text_.front() != '\0' ? error_text_.data() : curl_easy_strerror(code);
    fail(condition_of(code), text);
}

void HttpTransfer::fail(std::errc code, const std::string& why) {
    done_ = true;
    if (!error_) error_ = make_error(code, what_ + ": " + why).value();
}

std::optional<SteadyPoint> HttpTransfer::idle_deadline() const {
    if (done_ || call_.timeouts.idle.count() == 0) return std::nullopt;
    return last_heard_ + call_.timeouts.idle;
}

Result<HttpReply> HttpTransfer::take_reply() {
    if (error_) return tl::unexpected(std::move(*error_));
    return std::move(reply_);
}

}  // namespace wgs
