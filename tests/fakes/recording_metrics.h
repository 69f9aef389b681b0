#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "controller/metrics.h"

namespace plimsoll::fakes {

// Counts what the controller counts. Thread-safe.
class RecordingMetrics final : public controller::Metrics {
 public:
  void Verification(std::string_view result, std::string_view reason) override {
    Count("verification/" + std::string(result) + "/" + std::string(reason));
  }
  void StageDuration(std::string_view stage, double) override {
    Count("stage/" + std::string(stage));
  }
  void EvidenceRejected(std::string_view reason) override {
    Count("rejected/" + std::string(reason));
  }
  void EvidenceSize(double) override { Count("size"); }
  void EnforcementAction(std::string_view action, std::string_view result) override {
    Count("action/" + std::string(action) + "/" + std::string(result));
  }

  int Of(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(what);
    return found == counts_.end() ? 0 : found->second;
  }
  int Rejected(const std::string& reason) const { return Of("rejected/" + reason); }

 private:
  void Count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[what];
  }

  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
};

}  // namespace plimsoll::fakes
