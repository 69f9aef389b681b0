#include "unit/http/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace plimsoll::http {
namespace {

constexpr std::chrono::seconds kPatience(10);

sockaddr_in Address(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// OpenSSL writes to a socket that the server has closed: that must not end the test program. The
// signal is blocked for the calling thread and for this moment alone, so that a server that raised
// it would still be seen.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec now{};
    sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_;
  sigset_t before_;
};

}  // namespace

RawClient::RawClient(uint16_t port, const std::string& source) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in from = Address(source, 0);
  const sockaddr_in to = Address("127.0.0.1", port);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      context_(std::move(other.context_)),
      ssl_(std::move(other.ssl_)),
      received_(std::move(other.received_)),
      ended_(other.ended_) {}

RawClient::~RawClient() {
  if (ssl_ && !ended_) {
    const NoSigpipe guard;
    SSL_shutdown(ssl_.get());
  }
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

bool RawClient::StartTls(const TlsOptions& options) {
  const NoSigpipe guard;
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
  if (!options.alpn.empty()) {
    SSL_CTX_set_alpn_protos(context_.get(),
                            reinterpret_cast<const unsigned char*>(options.alpn.data()),
                            static_cast<unsigned>(options.alpn.size()));
  }
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_);
  if (options.session != nullptr) {
    SSL_set_session(ssl_.get(), options.session);
  }
  return SSL_connect(ssl_.get()) == 1;
}

std::string RawClient::PeerName() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(ssl_.get()), &X509_free);
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

std::string RawClient::Protocol() const {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  return {reinterpret_cast<const char*>(protocol), size};
}

bool RawClient::Resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

RawClient::Session RawClient::TakeSession() { return Session(SSL_get1_session(ssl_.get())); }

bool RawClient::Send(std::string_view bytes) {
  const NoSigpipe guard;
  while (!bytes.empty()) {
    const ssize_t sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawClient::ReadMore(std::chrono::milliseconds time) {
  if (ended_) {
    return false;
  }
  if (!ssl_ || SSL_pending(ssl_.get()) == 0) {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(time.count())) <= 0) {
      return false;
    }
  }
  std::array<char, 16384> buffer;
  const NoSigpipe guard;
  const ssize_t got = ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
                           : ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    ended_ = true;
    return false;
  }
  received_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

std::optional<RawResponse> RawClient::ReadResponse(bool head_only) {
  size_t head_end = std::string::npos;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore(kPatience)) {
      return std::nullopt;
    }
  }
  RawResponse response;
  const std::string head = received_.substr(0, head_end + 2);
  response.status = std::stoi(head.substr(head.find(' ') + 1));
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const size_t colon = head.find(": ", at);
    response.headers[Lower(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const std::string length = response.header("content-length");
  const size_t size = head_only || length.empty() ? 0 : std::stoul(length);
  while (received_.size() < head_end + 4 + size) {
    if (!ReadMore(kPatience)) {
      return std::nullopt;
    }
  }
  response.body = received_.substr(head_end + 4, size);
  received_.erase(0, head_end + 4 + size);
  return response;
}

bool RawClient::ClosedWithin(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!ended_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return false;
    }
    ReadMore(left);
  }
  return true;
}

void RawClient::HalfClose() { ::shutdown(fd_, SHUT_WR); }

}  // namespace plimsoll::http
