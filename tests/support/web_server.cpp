// SPDX-License-Identifier: Apache-2.0
#include "tests/support/web_server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

namespace wgs::test {
namespace {

using Memory = std::unique_ptr<BIO, Deleter<&BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;

constexpr std::size_t kMaxRequest = 64u << 20;

Memory read_only(const std::string& text) {
    return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate certificate_from(const std::string& pem) {
    return Certificate(PEM_read_bio_X509(read_only(pem).get(), nullptr, nullptr, nullptr));
}

Key key_from(const std::string& pem) {
    return Key(PEM_read_bio_PrivateKey(read_only(pem).get(), nullptr, nullptr, nullptr));
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
    return result;
}

// Request line and headers; none if they are not HTTP.
std::optional<WebRequest> parse_head(std::string_view head) {
    WebRequest request;
    const std::size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    head.remove_prefix(line_end + 2);
    while (!head.empty()) {
        const std::string_view header = head.substr(0, head.find("\r\n"));
        const std::size_t colon = header.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        std::string_view value = header.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        request.headers[lower(header.substr(0, colon))] = value;
        head.remove_prefix(std::min(header.size() + 2, head.size()));
    }
    return request;
}

}  // namespace

void WebConnection::reply(int status, std::string_view body, const std::string& headers) {
    write("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: application/json\r\n" +
          headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
          std::string(body));
}

void WebConnection::begin_stream() {
    write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool WebConnection::chunk(std::string_view data) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.begin(), size.end(), data.size(), 16).ptr;
    return write(std::string(size.begin(), end) + "\r\n" + std::string(data) + "\r\n");
}

void WebConnection::end_stream() {
    write("0\r\n\r\n");
}

struct WebServer::Context {
    std::unique_ptr<SSL_CTX, Deleter<&SSL_CTX_free>> ssl{SSL_CTX_new(TLS_server_method())};

    explicit Context(const WebTls& tls) {
        const Certificate certificate = certificate_from(tls.identity.certificate);
        const Key key = key_from(tls.identity.key);
        if (SSL_CTX_use_certificate(ssl.get(), certificate.get()) != 1 ||
            SSL_CTX_use_PrivateKey(ssl.get(), key.get()) != 1) {
            broken("certificate of the web server");
        }
        if (tls.client_authority.empty()) return;
        const Certificate authority = certificate_from(tls.client_authority);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl.get()), authority.get());
        SSL_CTX_set_verify(ssl.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
};

class WebServer::Connection final : public WebConnection {
  public:
    Connection(UniqueFd socket, int stop, const Context* context)
        : socket_(std::move(socket)), stop_(stop) {
        if (context == nullptr) return;
        ssl_.reset(SSL_new(context->ssl.get()));
        SSL_set_fd(ssl_.get(), socket_.get());
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() override {
        if (ssl_) SSL_shutdown(ssl_.get());
    }

    bool accept() {
        while (ssl_) {
            const int code = SSL_accept(ssl_.get());
            if (code == 1) return true;
            if (!retry(code)) return false;
        }
        return true;
    }

    bool write(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto written = write_some(bytes);
            if (written < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return true;
    }

    bool wait(Millis time) override {
        std::array<pollfd, 2> fds{pollfd{.fd = stop_, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0}};
        return ::poll(fds.data(), fds.size(), static_cast<int>(time.count())) == 0;
    }

    std::optional<WebRequest> read_request() {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (!read_some()) return std::nullopt;
        }
        auto request = parse_head(std::string_view(buffer_).substr(0, end + 2));
        buffer_.erase(0, end + 4);
        if (!request) return std::nullopt;
        const std::string& length = request->headers["content-length"];
        std::size_t size = 0;
        std::from_chars(length.data(), length.data() + length.size(), size);
        while (buffer_.size() < size) {
            if (!read_some()) return std::nullopt;
        }
        request->body = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return request;
    }

  private:
    // Negative: the client is gone, or the server ends.
    ssize_t write_some(std::string_view bytes) {
        while (true) {
            if (!ssl_) {
                const ssize_t sent =
                    ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent >= 0) return sent;
                if ((errno != EAGAIN && errno != EINTR) || !ready(POLLOUT)) return -1;
                continue;
            }
            const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
            if (sent > 0) return sent;
            if (!retry(sent)) return -1;
        }
    }

    bool read_some() {
        std::array<char, 16384> data{};
        while (buffer_.size() < kMaxRequest) {
            if (!ssl_ && !ready(POLLIN)) return false;
            const auto got =
                ssl_ ? SSL_read(ssl_.get(), data.data(), data.size())
                     : static_cast<int>(::recv(socket_.get(), data.data(), data.size(), 0));
            if (got > 0) buffer_.append(data.data(), static_cast<std::size_t>(got));
            if (got > 0) return true;
            if (!ssl_ || !retry(got)) return false;
        }
        return false;
    }

    bool retry(int code) {
        const int error = SSL_get_error(ssl_.get(), code);
        if (error == SSL_ERROR_WANT_READ) return ready(POLLIN);
        if (error == SSL_ERROR_WANT_WRITE) return ready(POLLOUT);
        return false;
    }

    [[nodiscard]] bool ready(short what) const {
        std::array<pollfd, 2> fds{pollfd{.fd = stop_, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = socket_.get(), .events = what, .revents = 0}};
        return ::poll(fds.data(), fds.size(), -1) > 0 && fds.front().revents == 0;
    }

    UniqueFd socket_;
    int stop_;
    std::unique_ptr<SSL, Deleter<&SSL_free>> ssl_;
    std::string buffer_;
};

WebServer::WebServer(Handler handler, std::optional<WebTls> tls)
    : handler_(std::move(handler)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    if (tls) context_ = std::make_unique<Context>(*tls);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), plain, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), plain, &size) != 0) {
        broken_call("web server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

WebServer::~WebServer() {
    ::eventfd_write(stop_.get(), 1);
    acceptor_.join();
    for (std::thread& thread : threads_)
        thread.join();
}

std::string WebServer::url() const {
    return (context_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void WebServer::accept_all() {
    while (true) {
        std::array<pollfd, 2> fds{pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds.front().revents != 0) return;
        const int socket = ::accept4(listener_.get(), nullptr, nullptr,
                                     SOCK_CLOEXEC | (context_ ? SOCK_NONBLOCK : 0));
        if (socket < 0) continue;
        ++accepted_;
        threads_.emplace_back([this, socket] { serve(socket); });
    }
}

void WebServer::serve(int socket) {
    Connection connection(UniqueFd(socket), stop_.get(), context_.get());
    if (!connection.accept()) return;
    while (const auto request = connection.read_request()) {
        if (!handler_(*request, connection)) return;
    }
}

}  // namespace wgs::test
