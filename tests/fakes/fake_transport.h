#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kube/transport/transport.h"

namespace plimsoll::fakes {

// What a fake stream gives its reader: the pieces in order, then its end.
struct FakeStreamScript {
  enum class End {
    kClosed,  // the server ends the body regularly
    kBroken,  // the connection breaks
    kOpen,    // nothing more comes, until the reader gives up or cancels
  };
  std::vector<std::string> pieces;
  End end = End::kClosed;
};

// A transport without a network. Answers come from a script, in order, or from a handler; every
// request is kept for the test to look at. Thread-safe.
class FakeTransport final : public transport::Transport {
 public:
  using Handler = std::function<Result<transport::HttpResponse>(const transport::HttpRequest&)>;

  // Queue the answer of the next Send that no handler takes. Without an answer Send fails with
  // kUnavailable.
  void Answer(int status, std::string body, transport::Headers headers = {});
  void AnswerError(Error error);

  // Queue the answer of the next OpenStream. Without one OpenStream waits until it is stopped or
  // times out, as on a silent server.
  void AnswerStream(FakeStreamScript script);
  void AnswerStreamStatus(int status, std::string body, transport::Headers headers = {});

  // Answers every Send for which no scripted answer is queued, as a small server would.
  void SetHandler(Handler handler);

  std::vector<transport::HttpRequest> requests() const;

  // Waits until `count` requests (streams included) have come; false when they do not within
  // `timeout`.
  bool WaitForRequests(size_t count,
                       std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

  Result<transport::HttpResponse> Send(const transport::HttpRequest& request,
                                       std::stop_token stop) override;
  Result<transport::StreamResponse> OpenStream(const transport::HttpRequest& request,
                                               std::stop_token stop) override;

 private:
  struct StreamAnswer {
    transport::HttpResponse head;
    std::optional<FakeStreamScript> script;
  };

  void Keep(const transport::HttpRequest& request);

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<transport::HttpRequest> requests_;
  std::deque<Result<transport::HttpResponse>> answers_;
  std::deque<StreamAnswer> stream_answers_;
  Handler handler_;
};

}  // namespace plimsoll::fakes
