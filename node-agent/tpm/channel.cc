#include "node-agent/tpm/channel.h"

#include <algorithm>
#include <cerrno>

namespace plimsoll::tpm {
namespace {

// How soon a request to stop is seen.
constexpr std::chrono::milliseconds kStopPollInterval{100};

// What a running command gets to finish, so that a stopping program can still flush its objects.
constexpr std::chrono::milliseconds kStopGrace{400};

}  // namespace

bool WaitFor(std::span<pollfd> polled, const Patience& patience) {
  auto deadline = patience.deadline;
  bool stopping = false;
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    if (!stopping && patience.stop.stop_requested()) {
      stopping = true;
      deadline = std::min(deadline, now + kStopGrace);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    if (left.count() <= 0) {
      return false;
    }
    const int ready = poll(polled.data(), polled.size(),
                           static_cast<int>(std::min(left, kStopPollInterval).count()));
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
}

}  // namespace plimsoll::tpm
