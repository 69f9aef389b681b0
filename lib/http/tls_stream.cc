#include "http/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <new>

namespace plimsoll::http {
namespace {

int Descriptor(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool MayRetry(ssize_t result) {
  return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

int SocketWrite(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(Descriptor(bio), data, static_cast<size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (MayRetry(sent)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

int SocketRead(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(Descriptor(bio), data, static_cast<size_t>(size), MSG_DONTWAIT);
  if (MayRetry(got)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(got);
}

long SocketControl(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int AsInt(size_t size) {
  return static_cast<int>(std::min(size, static_cast<size_t>(std::numeric_limits<int>::max())));
}

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a client that hangs up would end the
// process. The table is made once and is never changed.
const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* const method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "socket");
    if (method != nullptr) {
      BIO_meth_set_write(method, SocketWrite);
      BIO_meth_set_read(method, SocketRead);
      BIO_meth_set_ctrl(method, SocketControl);
    }
    return method;
  }();
  return kMethod;
}

}  // namespace

void TlsStream::SslDeleter::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(Tcp::socket socket, const TlsContext& context)
    : socket_(std::move(socket)), ssl_(SSL_new(context.get())) {
  BIO* const bio = BIO_new(SocketMethod());
  if (ssl_ == nullptr || bio == nullptr) {
    throw std::bad_alloc();
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket_.native_handle())));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

template <class Call>
TlsStream::Step TlsStream::Try(Call call) {
  // The number of a closed socket may be another's by now.
  if (!socket_.is_open()) {
    return {.error = boost::asio::error::operation_aborted};
  }
  // SSL_get_error reads what anyone left in the queue.
  ERR_clear_error();
  const int result = call(ssl_.get());
  if (result > 0) {
    return {.bytes = static_cast<size_t>(result)};
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {.next = Step::Next::kWaitToRead};
    case SSL_ERROR_WANT_WRITE:
      return {.next = Step::Next::kWaitToWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {.error = boost::asio::error::eof};
    default:
      return {.error = boost::asio::error::connection_aborted};
  }
}

TlsStream::Step TlsStream::Handshake() {
  Step step = Try([](SSL* ssl) { return SSL_do_handshake(ssl); });
  step.bytes = 0;
  return step;
}

TlsStream::Step TlsStream::Shutdown() {
  // 0 says that ours is sent and the peer's has not come.
  Step step = Try([](SSL* ssl) { return SSL_shutdown(ssl) >= 0 ? 1 : -1; });
  step.bytes = 0;
  return step;
}

TlsStream::Step TlsStream::Read(std::span<char> to) {
  return Try([to](SSL* ssl) { return SSL_read(ssl, to.data(), AsInt(to.size())); });
}

TlsStream::Step TlsStream::Write(std::span<const char> from) {
  return Try([from](SSL* ssl) { return SSL_write(ssl, from.data(), AsInt(from.size())); });
}

}  // namespace plimsoll::http
