#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "node-agent/attest/tpm_access.h"
#include "telemetry/metrics.h"

namespace plimsoll::agent {

// The agent's metric families, in the order of the table in metrics.cc.
enum class Family : size_t {
  kBuildInfo,
  kQuotes,
  kQuoteDuration,
  kTpmErrors,
  kTpmInfo,
  kTpmLockout,
};

// What happens at the TPM, as Prometheus families. Every series that is known beforehand is there
// from the start, so that a rate can be taken of the first error. Thread-safe.
class ProgramMetrics final : public attest::TpmObserver {
 public:
  static Result<std::unique_ptr<ProgramMetrics>> Create();

  void TpmOpened(const tpm::Properties& properties, std::string_view tcti) override;
  void TpmFailed(tpm::ErrorClass error_class) override;
  void Quoted(bool succeeded, std::chrono::nanoseconds took) override;

  std::string Serialise() const { return families_->Serialise(); }

 private:
  explicit ProgramMetrics(std::unique_ptr<telemetry::Metrics> families);

  const std::unique_ptr<telemetry::Metrics> families_;
  std::mutex mutex_;
  std::array<std::string, 3> tpm_;  // the label values of the one series of kTpmInfo
};

}  // namespace plimsoll::agent
