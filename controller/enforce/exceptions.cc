#include "controller/enforce/exceptions.h"

#include <algorithm>

namespace plimsoll::controller::enforce {

std::vector<std::shared_ptr<const Exceptions::Exception>> Exceptions::Covering(const Node& node) {
  std::vector<std::shared_ptr<const Exception>> covering;
  for (auto& exception : exceptions_.List()) {
    if (exception->Covers(node.meta) && StateOf(*exception) == State::kInForce) {
      covering.push_back(std::move(exception));
    }
  }
  std::sort(covering.begin(), covering.end(),
            [](const auto& a, const auto& b) { return a->meta.name < b->meta.name; });
  return covering;
}

std::optional<MonotonicTime> Exceptions::FirstEnd(const Node& node) {
  std::optional<MonotonicTime> first;
  for (const auto& exception : Covering(node)) {
    const MonotonicTime end = DeadlineOf(*exception);
    first = first ? std::min(*first, end) : end;
  }
  return first;
}

Exceptions::State Exceptions::StateOf(const Exception& exception) {
  if (exception.IsTooLong()) {
    return State::kTooLong;
  }
  const bool ended =
      exception.meta.deletion_timestamp || DeadlineOf(exception) <= clock_.Monotonic();
  return ended ? State::kExpired : State::kInForce;
}

int64_t Exceptions::CountInForce() {
  const auto all = exceptions_.List();
  return std::count_if(all.begin(), all.end(), [&](const auto& exception) {
    return StateOf(*exception) == State::kInForce;
  });
}

void Exceptions::Prune() {
  const auto all = exceptions_.List();
  const std::lock_guard lock(mutex_);
  std::erase_if(seen_, [&](const auto& entry) {
    return std::none_of(all.begin(), all.end(),
                        [&](const auto& exception) { return exception->meta.uid == entry.first; });
  });
}

MonotonicTime Exceptions::DeadlineOf(const Exception& exception) {
  const std::lock_guard lock(mutex_);
  Seen& seen = seen_[exception.meta.uid];
  if (seen.end != exception.expires_at) {
    const auto left = std::clamp<std::chrono::nanoseconds>(exception.expires_at - clock_.Wall(), {},
                                                           Exception::kLongest);
    seen = {.end = exception.expires_at, .deadline = clock_.Monotonic() + left};
  }
  return seen.deadline;
}

}  // namespace plimsoll::controller::enforce
