#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "http/answer.h"
#include "http/connection.h"

// The way of one request through a connection, in the order of the functions.

namespace plimsoll::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;

// Answers up to this size go out in one piece: one system call, one TLS record.
constexpr size_t kOnePieceAnswer = 8 * 1024;
constexpr std::chrono::seconds kOverloadRetryAfter(1);
constexpr std::string_view kUnknownException = "an exception of unknown type";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Response Overloaded() {
  return ProblemResponse(503, "Overloaded", "too many requests are being served",
                         kOverloadRetryAfter);
}

Response InternalError() {
  return ProblemResponse(500, "InternalError", "the request could not be served");
}

// Whether the peer sent what is not HTTP, as opposed to: hung up.
bool IsProtocolError(const boost::system::error_code& error) {
  return error.category() == make_error_code(beast_http::error::bad_method).category() &&
         error != beast_http::error::end_of_stream && error != beast_http::error::partial_message;
}

}  // namespace

void Connection::ReadHead() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(core_.options.limits.max_header_bytes));
  // The route's limit is not known yet. (No limit at all would be none, which this Beast takes as
  // less than any length.)
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  head_bytes_ = 0;
  Enter(Phase::kHead, core_.options.limits.header_timeout);
  ReadSomeHead();
}

void Connection::ReadSomeHead() {
  // Not async_read_header: Beast holds single fields to its limit, and this server all of them.
  WithStream([this](auto& stream) {
    beast_http::async_read_some(
        stream, buffer_, *parser_,
        [self = shared_from_this()](const ErrorCode& error, size_t bytes) {
          self->head_bytes_ += bytes;
          const bool too_large = self->head_bytes_ > self->core_.options.limits.max_header_bytes;
          if (too_large && !self->closed_) {
            self->OnHead(beast_http::error::header_limit);
          } else if (error || self->parser_->is_header_done()) {
            self->OnHead(error);
          } else if (!self->closed_) {
            self->ReadSomeHead();
          }
        });
  });
}

void Connection::OnHead(const ErrorCode& error) {
  if (closed_) {
    return;
  }
  began_ = core_.clock.Monotonic();
  record_ = {};
  record_route_.clear();
  if (error == beast_http::error::header_limit || error == beast_http::error::buffer_overflow) {
    Answer(ProblemResponse(431, "HeadersTooLarge", "the headers are larger than 8 KiB"));
    return;
  }
  if (error == beast_http::error::bad_version) {
    Answer(ProblemResponse(505, "VersionNotSupported", "this server speaks HTTP/1.1"));
    return;
  }
  if (IsProtocolError(error)) {
    Answer(ProblemResponse(400, "RequestMalformed", "the request is not HTTP/1.1"));
    return;
  }
  if (error) {
    Close();
    return;
  }
  auto checked = CheckHead(parser_->get().base(), core_.router);
  if (!checked) {
    RefusedHead refused = std::move(checked).error();
    record_.method = refused.method;
    record_route_ = std::move(refused.route);
    Answer(std::move(refused.response));
    return;
  }
  checked_ = *std::move(checked);
  record_.method = checked_.head.method;
  record_route_ = checked_.head.route;
  Authenticate();
}

void Connection::Authenticate() {
  checked_.head.remote_address = source_;
  checked_.head.connection_id = id_;
  checked_.head.source_is_suspect = core_.suspects.Exhausted(source_);
  if (checked_.route->access == Access::kPublic) {
    AdmitBody(nullptr);
    return;
  }
  Enter(Phase::kAsking);
  auto head = std::make_shared<const RequestHead>(checked_.head);
  const bool queued =
      core_.authentication_pool.Submit([self = shared_from_this(), head = std::move(head)] {
        Authentication authentication =
            tl::unexpected(Refusal{.response = InternalError(), .counts = false});
        try {
          authentication = self->core_.authenticator->Authenticate(*head);
        } catch (const std::exception& error) {
          self->core_.observer.OnDefect(head->route, error.what());
        } catch (...) {
          self->core_.observer.OnDefect(head->route, kUnknownException);
        }
        asio::post(self->core_.io, [self, authentication = std::move(authentication)]() mutable {
          self->OnAuthentication(std::move(authentication));
        });
      });
  if (!queued) {
    Answer(Overloaded());
  }
}

void Connection::OnAuthentication(Authentication authentication) {
  if (closed_) {
    return;
  }
  if (authentication && *authentication == nullptr) {
    core_.observer.OnDefect(record_route_, "the authenticator named nobody");
    authentication = tl::unexpected(Refusal{.response = InternalError(), .counts = false});
  }
  if (!authentication) {
    Refusal refusal = std::move(authentication).error();
    if (refusal.counts) {
      core_.suspects.Admit(source_);
      ++failed_authentications_;
    }
    Answer(std::move(refusal.response));
    return;
  }
  core_.table.SetAuthenticated(id_);
  core_.PublishCounts();
  AdmitBody(*std::move(authentication));
}

void Connection::AdmitBody(std::shared_ptr<const Principal> principal) {
  pending_ = std::make_shared<Pending>();
  if (checked_.has_body) {
    const size_t bytes = checked_.content_length ? static_cast<size_t>(*checked_.content_length)
                                                 : checked_.route->max_body_bytes;
    auto memory = core_.budget.Reserve(principal ? principal->name() : source_, bytes);
    if (!memory) {
      pending_.reset();
      Answer(Overloaded());
      return;
    }
    pending_->memory = *std::move(memory);
  }
  static_cast<RequestHead&>(pending_->request) = std::move(checked_.head);
  pending_->request.principal = std::move(principal);
  if (!checked_.has_body) {
    Dispatch();
  } else if (checked_.expects_continue && buffer_.size() == 0) {
    SendContinue();
  } else {
    ReadBody();
  }
}

void Connection::SendContinue() {
  Enter(Phase::kAnswer, core_.options.limits.write_timeout);
  WithStream([this](auto& stream) {
    asio::async_write(stream, asio::buffer(kContinue),
                      [self = shared_from_this()](const ErrorCode& error, size_t) {
                        if (self->closed_) {
                          return;
                        }
                        if (error) {
                          self->Close();
                          return;
                        }
                        self->ReadBody();
                      });
  });
}

void Connection::ReadBody() {
  parser_->body_limit(checked_.route->max_body_bytes);
  Enter(Phase::kBody, core_.options.limits.body_timeout);
  WithStream([this](auto& stream) {
    beast_http::async_read(
        stream, buffer_, *parser_,
        [self = shared_from_this()](const ErrorCode& error, size_t) { self->OnBody(error); });
  });
}

void Connection::OnBody(const ErrorCode& error) {
  if (closed_) {
    return;
  }
  if (interrupted_) {
    interrupted_ = false;
    core_.observer.OnDrop(DropReason::kBodyTimeout, source_);
    Answer(ProblemResponse(408, "BodyTimeout", "the body did not arrive in time"));
    return;
  }
  if (error == beast_http::error::body_limit) {
    Answer(ProblemResponse(413, "TooLarge", "the body is larger than this path takes"));
    return;
  }
  if (IsProtocolError(error)) {
    Answer(ProblemResponse(400, "RequestMalformed", "the body is not framed as HTTP/1.1 says"));
    return;
  }
  if (error) {
    Close();
    return;
  }
  pending_->request.body = std::move(parser_->get().body());
  record_.request_bytes = pending_->request.body.size();
  Dispatch();
}

void Connection::Dispatch() {
  Enter(Phase::kWorking);
  const bool queued = core_.handler_pool.Submit(
      [self = shared_from_this(), route = checked_.route, pending = std::move(pending_)]() mutable {
        Response response;
        try {
          response = route->handler(pending->request);
        } catch (const std::exception& error) {
          self->core_.observer.OnDefect(route->pattern, error.what());
          response = InternalError();
        } catch (...) {
          self->core_.observer.OnDefect(route->pattern, kUnknownException);
          response = InternalError();
        }
        pending.reset();
        asio::post(self->core_.io, [self, response = std::move(response)]() mutable {
          if (!self->closed_) {
            self->Answer(std::move(response));
          }
        });
      });
  pending_.reset();
  if (!queued) {
    Answer(Overloaded());
  }
}

void Connection::Answer(Response response) {
  pending_.reset();
  const ServerLimits& limits = core_.options.limits;
  // What follows an unread body cannot be told from it.
  close_after_answer_ = response.close || !checked_.keep_alive || core_.draining ||
                        !parser_->is_done() || head_bytes_ > limits.max_header_bytes ||
                        failed_authentications_ >= limits.max_failed_authentications;
  record_.status = response.status;
  record_.route = record_route_;
  record_.remote_address = source_;
  if (response.status == 204) {
    response.body.clear();
  }
  answer_head_ = FormatAnswerHead(response, close_after_answer_, core_.clock.Wall());
  if (record_.method != Method::kHead) {
    record_.response_bytes = response.body.size();
    answer_body_ = std::move(response.body);
  }
  if (answer_body_.size() <= kOnePieceAnswer) {
    answer_head_ += answer_body_;
    answer_body_.clear();
  }
  Enter(Phase::kAnswer, limits.write_timeout);
  WithStream([this](auto& stream) {
    const std::array<asio::const_buffer, 2> pieces = {asio::buffer(answer_head_),
                                                      asio::buffer(answer_body_)};
    asio::async_write(stream, pieces, [self = shared_from_this()](const ErrorCode& error, size_t) {
      self->OnAnswered(error);
    });
  });
}

void Connection::OnAnswered(const ErrorCode& error) {
  if (closed_) {
    return;
  }
  record_.seconds = std::chrono::duration<double>(core_.clock.Monotonic() - began_).count();
  core_.observer.OnRequest(record_);
  answer_head_ = {};
  answer_body_ = {};
  if (error) {
    Close();
    return;
  }
  if (failed_authentications_ >= core_.options.limits.max_failed_authentications) {
    core_.observer.OnDrop(DropReason::kFailedCredentials, source_);
  }
  // Draining may have begun while the answer was being written.
  if (close_after_answer_ || core_.draining) {
    Linger();
  } else {
    AwaitRequest();
  }
}

}  // namespace plimsoll::http
