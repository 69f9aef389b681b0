#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "controller/metrics.h"
#include "telemetry/log.h"

namespace plimsoll::controller {

class QuietLogger final : public telemetry::Logger {
 public:
  void Log(telemetry::Level, std::string_view, telemetry::Fields) noexcept override {}
};

// Counts "action/result".
class CountingMetrics final : public Metrics {
 public:
  void Verification(std::string_view, std::string_view) override {}
  void StageDuration(std::string_view, double) override {}
  void EvidenceRejected(std::string_view) override {}
  void EvidenceSize(double) override {}
  void EnforcementAction(std::string_view action, std::string_view result) override {
    const std::lock_guard lock(mutex_);
    ++actions[std::string(action) + "/" + std::string(result)];
  }

  std::map<std::string, int> actions;

 private:
  std::mutex mutex_;
};

}  // namespace plimsoll::controller
