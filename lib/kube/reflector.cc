#include "kube/reflector.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "kube/json_slices.h"
#include "kube/sleep.h"

namespace plimsoll::kube {
namespace {

// A watch that ends sooner, with nothing said, is taken for a failure: else it would be repeated
// without a pause.
constexpr std::chrono::seconds kShortestWatch{1};

// How much longer than the server's own limit a watch may stay silent.
constexpr std::chrono::seconds kWatchGrace{30};

}  // namespace

Reflector::Reflector(Client& client, const Clock& clock, Random& random, ReflectorOptions options,
                     ReflectorSink& sink)
    : client_(client),
      clock_(clock),
      random_(random),
      options_([&options] {
        if (!options.resource.name.empty()) {
          options.field_selector = "metadata.name=" + std::exchange(options.resource.name, {});
        }
        return std::move(options);
      }()),
      sink_(sink),
      backoff_(random, options_.backoff_base, options_.backoff_cap) {}

void Reflector::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const Status status = position_.empty() ? ListAll(stop) : WatchOnce(stop);
    if (stop.stop_requested()) {
      return;
    }
    if (status) {
      continue;
    }
    const Error& error = status.error();
    sink_.Failed(error);
    if (error.code == ErrorCode::kExpired || error.code == ErrorCode::kMalformed ||
        error.code == ErrorCode::kTooLarge) {
      position_.clear();  // only a new list leads on from here
    }
    const std::chrono::milliseconds asked = error.retry_after;
    if (!SleepFor(std::max(backoff_.Next(), asked), stop)) {
      return;
    }
  }
}

Status Reflector::ListAll(std::stop_token stop) {
  sink_.BeginList();
  const Result<std::string> position = ListPages(stop);
  if (!position) {
    sink_.AbandonList();
    return tl::unexpected(position.error());
  }
  position_ = *position;
  last_contact_ = clock_.Monotonic();
  sink_.CommitList();
  return {};
}

Result<std::string> Reflector::ListPages(std::stop_token stop) {
  // The newest state is asked for, not what the server has cached: that could be older than what
  // was seen before, and what is revoked would hold again.
  ListOptions page_options{.field_selector = options_.field_selector,
                           .label_selector = options_.label_selector};
  while (true) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string body,
                              client_.List(options_.resource, page_options, stop));
    PLIMSOLL_ASSIGN_OR_RETURN(ListPage page, ForEachItem(body, [this](std::string_view object) {
                                sink_.Listed(object);
                              }));
    if (page.continue_token.empty()) {
      if (page.resource_version.empty()) {
        return Fail(ErrorCode::kMalformed, "the list has no resourceVersion", Retry::kBackoff);
      }
      return std::move(page.resource_version);
    }
    page_options.continue_token = std::move(page.continue_token);
  }
}

Status Reflector::WatchOnce(std::stop_token stop) {
  const auto timeout = std::chrono::seconds(std::llround(
      static_cast<double>(options_.watch_timeout.count()) * (1.0 + UniformReal(random_))));
  const MonotonicTime started = clock_.Monotonic();
  PLIMSOLL_ASSIGN_OR_RETURN(const std::unique_ptr<transport::Stream> stream,
                            client_.Watch(options_.resource,
                                          {.field_selector = options_.field_selector,
                                           .label_selector = options_.label_selector,
                                           .resource_version = position_,
                                           .timeout = timeout},
                                          stop));
  last_contact_ = clock_.Monotonic();
  LineSplitter lines;
  bool anything = false;
  std::string piece;
  while (true) {
    piece.clear();
    PLIMSOLL_ASSIGN_OR_RETURN(const size_t size, stream->Read(piece, timeout + kWatchGrace, stop));
    if (size == 0) {
      break;
    }
    PLIMSOLL_RETURN_IF_ERROR(lines.Push(piece));
    while (const std::optional<std::string> line = lines.Next()) {
      PLIMSOLL_ASSIGN_OR_RETURN(const WatchEvent event, ParseWatchEvent(*line));
      PLIMSOLL_RETURN_IF_ERROR(Consume(event));
      anything = true;
      backoff_.Reset();
    }
  }
  // Bytes of an unfinished line are dropped: the event comes again from the last position.
  if (!anything && clock_.Monotonic() - started < kShortestWatch) {
    return Fail(ErrorCode::kUnavailable, "the server ended the watch at once", Retry::kBackoff);
  }
  backoff_.Reset();
  return {};
}

Status Reflector::Consume(const WatchEvent& event) {
  if (event.type == WatchEventType::kError) {
    return tl::unexpected(ErrorFromStatus(event.object));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(std::string position, ResourceVersionOf(event.object));
  switch (event.type) {
    case WatchEventType::kAdded:
    case WatchEventType::kModified:
      sink_.Applied(event.object);
      break;
    case WatchEventType::kDeleted:
      sink_.Deleted(event.object);
      break;
    case WatchEventType::kBookmark:
    case WatchEventType::kError:
      break;
  }
  position_ = std::move(position);
  last_contact_ = clock_.Monotonic();
  return {};
}

}  // namespace plimsoll::kube
