#include "node-agent/tpm/channel.h"

#include <algorithm>
#include <cerrno>

namespace plimsoll::tpm {
namespace {

// How soon a request to stop is seen.
constexpr std::chrono::milliseconds kStopPollInterval{100};

}  // namespace

bool WaitFor(std::span<pollfd> polled, const Patience& patience) {
  while (!patience.stop.stop_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        patience.deadline - std::chrono::steady_clock::now());
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
  return false;
}

}  // namespace plimsoll::tpm
