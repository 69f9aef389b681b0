#include "fakes/fake_transport.h"

#include <memory>
#include <utility>

namespace plimsoll::fakes {
namespace {

using transport::HttpRequest;
using transport::HttpResponse;

class FakeStream final : public transport::Stream {
 public:
  explicit FakeStream(FakeStreamScript script) : script_(std::move(script)) {}

  Result<size_t> Read(std::string& out, std::chrono::milliseconds idle,
                      std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    if (cancelled_) {
      return Fail(ErrorCode::kUnavailable, "cancelled", Retry::kBackoff);
    }
    if (next_ < script_.pieces.size()) {
      const std::string& piece = script_.pieces[next_++];
      out += piece;
      return piece.size();
    }
    if (script_.end == FakeStreamScript::End::kClosed) {
      return 0;
    }
    if (script_.end == FakeStreamScript::End::kBroken) {
      return Fail(ErrorCode::kUnavailable, "broken", Retry::kBackoff);
    }
    changed_.wait_for(lock, stop, idle, [this] { return cancelled_; });
    if (cancelled_) {
      return Fail(ErrorCode::kUnavailable, "cancelled", Retry::kBackoff);
    }
    cancelled_ = true;
    return Fail(ErrorCode::kTimeout, "stopped or silent", Retry::kBackoff);
  }

  void Cancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  const FakeStreamScript script_;
  size_t next_ = 0;
  bool cancelled_ = false;
};

}  // namespace

void FakeTransport::Answer(int status, std::string body, transport::Headers headers) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(HttpResponse{status, std::move(headers), std::move(body)});
}

void FakeTransport::AnswerError(Error error) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(tl::unexpected(std::move(error)));
}

void FakeTransport::AnswerStream(FakeStreamScript script) {
  {
    const std::lock_guard lock(mutex_);
    stream_answers_.push_back({HttpResponse{200, {}, {}}, std::move(script)});
  }
  changed_.notify_all();
}

void FakeTransport::AnswerStreamStatus(int status, std::string body, transport::Headers headers) {
  {
    const std::lock_guard lock(mutex_);
    stream_answers_.push_back(
        {HttpResponse{status, std::move(headers), std::move(body)}, std::nullopt});
  }
  changed_.notify_all();
}

void FakeTransport::SetHandler(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<HttpRequest> FakeTransport::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool FakeTransport::WaitForRequests(size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; });
}

void FakeTransport::Keep(const HttpRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  changed_.notify_all();
}

Result<HttpResponse> FakeTransport::Send(const HttpRequest& request, std::stop_token stop) {
  Keep(request);
  if (stop.stop_requested()) {
    return Fail(ErrorCode::kTimeout, "stopped");
  }
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    if (!answers_.empty()) {
      Result<HttpResponse> answer = std::move(answers_.front());
      answers_.pop_front();
      return answer;
    }
    handler = handler_;
  }
  if (handler) {
    return handler(request);
  }
  return Fail(ErrorCode::kUnavailable, "no answer is scripted", Retry::kBackoff);
}

Result<transport::StreamResponse> FakeTransport::OpenStream(const HttpRequest& request,
                                                            std::stop_token stop) {
  Keep(request);
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, stop, request.timeout,
                         [this] { return !stream_answers_.empty(); })) {
    return Fail(ErrorCode::kTimeout, "stopped or silent", Retry::kBackoff);
  }
  StreamAnswer answer = std::move(stream_answers_.front());
  stream_answers_.pop_front();
  transport::StreamResponse response{std::move(answer.head), nullptr};
  if (answer.script) {
    response.stream = std::make_unique<FakeStream>(*std::move(answer.script));
  }
  return response;
}

}  // namespace plimsoll::fakes
