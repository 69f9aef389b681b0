#include "http/connection.h"

#include <utility>

// The life of a connection: handshake, waiting, deadlines, and the ways to end. What happens to a
// request is in connection_request.cc.

namespace plimsoll::http {
namespace {

// More than the headers, so that their limit is met before this one, and than a TLS record.
constexpr size_t kMaxReadBuffer = 32 * 1024;
// What an idle connection keeps at hand for the first bytes of the next request.
constexpr size_t kIdleReadBuffer = 512;
constexpr size_t kDiscardBuffer = 4 * 1024;
// How long a closing connection goes on reading, so that its peer sees the answer and not a reset.
constexpr std::chrono::milliseconds kLingerTime = std::chrono::seconds(2);

}  // namespace

Connection::Connection(ServerCore& core, ConnectionId id, Tcp::socket socket, std::string source,
                       TlsContext tls)
    : core_(core),
      id_(id),
      source_(std::move(source)),
      stream_(tls == nullptr ? Stream(std::move(socket))
                             : Stream(std::in_place_type<TlsStream>, std::move(socket), tls)),
      deadline_(core.io),
      buffer_(kMaxReadBuffer) {}

Connection::Tcp::socket& Connection::socket() {
  if (auto* tls = std::get_if<TlsStream>(&stream_)) {
    return tls->socket();
  }
  return std::get<Tcp::socket>(stream_);
}

void Connection::Start() {
  auto* tls = std::get_if<TlsStream>(&stream_);
  if (tls == nullptr) {
    ReadHead();
    return;
  }
  Enter(Phase::kHandshake, core_.options.limits.handshake_timeout);
  tls->async_handshake([self = shared_from_this()](const ErrorCode& error, size_t) {
    if (self->closed_) {
      return;
    }
    if (error) {
      self->Drop(DropReason::kHandshakeFailed);
      return;
    }
    self->ReadHead();
  });
}

void Connection::AwaitRequest() {
  parser_.reset();
  checked_ = {};
  if (buffer_.size() > 0) {
    ReadHead();
    return;
  }
  buffer_.shrink_to_fit();
  core_.table.SetIdle(id_);
  Enter(Phase::kIdle, core_.options.limits.idle_timeout);
  WithStream([this](auto& stream) {
    stream.async_read_some(buffer_.prepare(kIdleReadBuffer),
                           [self = shared_from_this()](const ErrorCode& error, size_t bytes) {
                             self->OnIdleRead(error, bytes);
                           });
  });
}

void Connection::OnIdleRead(const ErrorCode& error, size_t bytes) {
  if (closed_) {
    return;
  }
  core_.table.SetBusy(id_);
  if (interrupted_ || error == boost::asio::error::eof) {
    interrupted_ = false;
    Linger();
    return;
  }
  if (error) {
    Close();
    return;
  }
  buffer_.commit(bytes);
  ReadHead();
}

void Connection::Linger() {
  Enter(Phase::kLinger, kLingerTime);
  auto* tls = std::get_if<TlsStream>(&stream_);
  if (tls == nullptr) {
    DiscardInput();
    return;
  }
  tls->async_shutdown([self = shared_from_this()](const ErrorCode&, size_t) {
    if (!self->closed_) {
      self->DiscardInput();
    }
  });
}

void Connection::DiscardInput() {
  ErrorCode ignored;
  socket().shutdown(Tcp::socket::shutdown_send, ignored);
  buffer_.clear();
  socket().async_read_some(buffer_.prepare(kDiscardBuffer),
                           [self = shared_from_this()](const ErrorCode& error, size_t) {
                             if (self->closed_) {
                               return;
                             }
                             if (error) {
                               self->Close();
                             } else {
                               self->DiscardInput();
                             }
                           });
}

void Connection::Enter(Phase phase) {
  phase_ = phase;
  ++deadline_number_;
  deadline_.cancel();
}

void Connection::Enter(Phase phase, std::chrono::milliseconds deadline) {
  phase_ = phase;
  deadline_.expires_after(deadline);
  deadline_.async_wait([self = shared_from_this(), number = ++deadline_number_](const ErrorCode&) {
    // A cancelled wait may already have been on its way.
    if (!self->closed_ && number == self->deadline_number_) {
      self->OnDeadline();
    }
  });
}

void Connection::OnDeadline() {
  switch (phase_) {
    case Phase::kHandshake:
      Drop(DropReason::kHandshakeTimeout);
      break;
    case Phase::kHead:
      Drop(DropReason::kHeaderTimeout);
      break;
    case Phase::kAnswer:
      Drop(DropReason::kWriteTimeout);
      break;
    case Phase::kBody:
    case Phase::kIdle: {
      interrupted_ = true;
      ErrorCode ignored;
      socket().cancel(ignored);
      break;
    }
    case Phase::kAsking:
    case Phase::kWorking:
    case Phase::kLinger:
      Close();
      break;
  }
}

void Connection::Drop(DropReason reason) {
  if (!closed_) {
    core_.observer.OnDrop(reason, source_);
    Close();
  }
}

void Connection::Close() {
  if (closed_) {
    return;
  }
  const auto self = shared_from_this();
  closed_ = true;
  Enter(Phase::kLinger);
  ErrorCode ignored;
  socket().close(ignored);
  core_.Forget(id_);
}

void Connection::Drain() {
  if (phase_ == Phase::kIdle) {
    OnDeadline();
  } else if (phase_ == Phase::kHandshake || (phase_ == Phase::kHead && buffer_.size() == 0)) {
    Close();
  }
}

}  // namespace plimsoll::http
