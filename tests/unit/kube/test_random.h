#pragma once

#include <mutex>
#include <random>

#include "base/random.h"

namespace plimsoll::kube {

// Repeatable, and not for secrets.
class TestRandom final : public Random {
 public:
  void Fill(std::span<uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (uint8_t& byte : out) {
      byte = static_cast<uint8_t>(engine_());
    }
  }

 private:
  std::mutex mutex_;
  std::mt19937 engine_{1};
};

}  // namespace plimsoll::kube
