#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "http/tls_context.h"

namespace plimsoll::http {

// The server's side of one TLS connection, as an asio stream that Beast can read and write.
//
// It drives OpenSSL on the non-blocking socket itself. asio's own ssl::stream keeps about 70 KiB of
// buffers for every connection, handshake or not: the 4,096 that anyone may open would fill the
// memory of a controller. Here an idle connection has no record buffers at all.
//
// Belongs to the thread that runs the socket's executor; at most one read and one write at a time.
class TlsStream {
 public:
  using Tcp = boost::asio::ip::tcp;
  using ErrorCode = boost::system::error_code;
  using executor_type = Tcp::socket::executor_type;

  TlsStream(Tcp::socket socket, const TlsContext& context);

  executor_type get_executor() { return socket_.get_executor(); }
  Tcp::socket& socket() { return socket_; }

  // Handler: void(ErrorCode, size_t), with 0.
  template <class Handler>
  void async_handshake(Handler&& handler) {
    Run([this] { return Handshake(); }, std::forward<Handler>(handler));
  }
  // Sends the end of the TLS stream and does not wait for the peer's.
  template <class Handler>
  void async_shutdown(Handler&& handler) {
    Run([this] { return Shutdown(); }, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    const auto buffer = FirstOf<boost::asio::mutable_buffer>(buffers);
    Run(
        [this, buffer] {
          return Read({static_cast<char*>(buffer.data()), buffer.size()});
        },
        std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    const auto buffer = FirstOf<boost::asio::const_buffer>(buffers);
    Run(
        [this, buffer] {
          return Write({static_cast<const char*>(buffer.data()), buffer.size()});
        },
        std::forward<Handler>(handler));
  }

 private:
  struct SslDeleter {
    void operator()(ssl_st* ssl) const;
  };

  // How far one try of an operation came.
  struct Step {
    enum class Next : uint8_t { kDone, kWaitToRead, kWaitToWrite };
    Next next = Next::kDone;
    ErrorCode error = {};
    size_t bytes = 0;
  };

  Step Handshake();
  Step Shutdown();
  Step Read(std::span<char> to);
  Step Write(std::span<const char> from);
  template <class Call>
  Step Try(Call call);

  // asio's sequences may begin with empty buffers.
  template <class Buffer, class Buffers>
  static Buffer FirstOf(const Buffers& buffers) {
    auto at = boost::asio::buffer_sequence_begin(buffers);
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (; at != end; ++at) {
      if (const Buffer buffer(*at); buffer.size() > 0) {
        return buffer;
      }
    }
    return {};
  }

  template <class Try, class Handler>
  void Run(Try attempt, Handler&& handler) {
    const Step step = attempt();
    if (step.next == Step::Next::kDone) {
      // Never from within the call that began the operation.
      boost::asio::post(
          get_executor(),
          boost::beast::bind_front_handler(std::forward<Handler>(handler), step.error, step.bytes));
      return;
    }
    Wait(step.next, std::move(attempt), std::forward<Handler>(handler));
  }

  template <class Try, class Handler>
  void Wait(typename Step::Next next, Try attempt, Handler&& handler) {
    socket_.async_wait(
        next == Step::Next::kWaitToRead ? Tcp::socket::wait_read : Tcp::socket::wait_write,
        [this, attempt = std::move(attempt),
         handler = std::forward<Handler>(handler)](const ErrorCode& error) mutable {
          Step step = error ? Step{.error = error} : attempt();
          if (step.next == Step::Next::kDone) {
            handler(step.error, step.bytes);
          } else {
            Wait(step.next, std::move(attempt), std::move(handler));
          }
        });
  }

  Tcp::socket socket_;
  std::unique_ptr<ssl_st, SslDeleter> ssl_;
};

}  // namespace plimsoll::http
