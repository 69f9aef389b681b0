#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "http/body_budget.h"
#include "http/connection_table.h"
#include "http/request_checks.h"
#include "http/server_core.h"
#include "http/tls_stream.h"

namespace plimsoll::http {

// One client from accept to close: reads, asks, answers, one request after the other, each phase
// against its deadline. Belongs to the I/O thread; what workers find out comes back to it by a
// post. Lives as long as an operation of it is under way or the core lists it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Tcp = boost::asio::ip::tcp;

  // `tls` is null for a plain connection.
  Connection(ServerCore& core, ConnectionId id, Tcp::socket socket, std::string source,
             TlsContext tls);

  void Start();

  // Closes at once and tells the observer why.
  void Drop(DropReason reason);
  // Closes at once.
  void Close();
  // Closes unless a request is under way, which is then the last one.
  void Drain();

 private:
  using ErrorCode = boost::system::error_code;
  using Stream = std::variant<Tcp::socket, TlsStream>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  enum class Phase : uint8_t {
    kHandshake,
    kHead,
    kAsking,
    kBody,
    kWorking,
    kAnswer,
    kIdle,
    kLinger
  };

  // A request on its way to a handler, with the memory it may take.
  struct Pending {
    Request request;
    BodyBudget::Reservation memory;
  };

  void AwaitRequest();
  void OnIdleRead(const ErrorCode& error, size_t bytes);
  void ReadHead();
  void ReadSomeHead();
  void OnHead(const ErrorCode& error);
  void Authenticate();
  void OnAuthentication(Authentication authentication);
  void AdmitBody(std::shared_ptr<const Principal> principal);
  void SendContinue();
  void ReadBody();
  void OnBody(const ErrorCode& error);
  void Dispatch();
  void Answer(Response response);
  void OnAnswered(const ErrorCode& error);
  void Linger();
  void DiscardInput();

  // Starts a phase, whose deadline replaces the last one.
  void Enter(Phase phase, std::chrono::milliseconds deadline);
  void Enter(Phase phase);  // without a deadline
  void OnDeadline();

  Tcp::socket& socket();
  template <class F>
  void WithStream(F&& f) {
    std::visit(std::forward<F>(f), stream_);
  }

  ServerCore& core_;
  const ConnectionId id_;
  const std::string source_;
  Stream stream_;
  boost::asio::steady_timer deadline_;
  uint64_t deadline_number_ = 0;
  Phase phase_ = Phase::kHandshake;
  bool closed_ = false;
  bool interrupted_ = false;  // the read under way was cancelled by its deadline or by Drain()
  size_t failed_authentications_ = 0;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  size_t head_bytes_ = 0;

  // The request under way.
  CheckedHead checked_;
  std::shared_ptr<Pending> pending_;
  MonotonicTime began_;

  // The answer under way.
  std::string record_route_;
  RequestRecord record_;  // refers to record_route_ and source_
  std::string answer_head_;
  std::string answer_body_;
  bool close_after_answer_ = false;
};

}  // namespace plimsoll::http
