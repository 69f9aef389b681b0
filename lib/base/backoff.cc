#include "base/backoff.h"

#include <algorithm>

namespace plimsoll {

std::chrono::milliseconds Backoff::Next() {
  const auto ceiling = std::min(ceiling_, cap_);
  ceiling_ = std::min(ceiling * 2, cap_);
  const auto draw = std::chrono::milliseconds(
      static_cast<int64_t>(UniformReal(random_) * static_cast<double>(ceiling.count())));
  return std::max(draw, ceiling / 20);
}

}  // namespace plimsoll
