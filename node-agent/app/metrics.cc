#include "node-agent/app/metrics.h"

#include <array>
#include <utility>

namespace plimsoll::agent {
namespace {

using telemetry::MetricFamily;
using telemetry::MetricType;

// Key making and quotes take milliseconds on an emulator and up to seconds on a chip.
constexpr std::array kQuoteBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

constexpr std::array kFamilies = {
    MetricFamily{.name = "plimsoll_build_info",
                 .help = "What is running; always 1.",
                 .type = MetricType::kGauge,
                 .labels = {"component", "version", "revision"}},
    MetricFamily{.name = "plimsoll_agent_quotes_total",
                 .help = "Quotes asked of the TPM, by whether it gave one.",
                 .type = MetricType::kCounter,
                 .labels = {"result"}},
    MetricFamily{.name = "plimsoll_agent_quote_duration_seconds",
                 .help = "Time for a quote and the PCR values that belong to it.",
                 .type = MetricType::kHistogram,
                 .buckets = kQuoteBuckets},
    MetricFamily{.name = "plimsoll_agent_tpm_errors_total",
                 .help = "TPM commands that failed, by class of the failure.",
                 .type = MetricType::kCounter,
                 .labels = {"class"}},
    MetricFamily{.name = "plimsoll_agent_tpm_info",
                 .help = "The TPM as last opened; always 1.",
                 .type = MetricType::kGauge,
                 .labels = {"manufacturer", "firmware", "device"}},
    MetricFamily{.name = "plimsoll_agent_tpm_lockout",
                 .help = "1 while the TPM's dictionary attack protection is active.",
                 .type = MetricType::kGauge},
};

}  // namespace

Result<std::unique_ptr<ProgramMetrics>> ProgramMetrics::Create() {
  PLIMSOLL_ASSIGN_OR_RETURN(auto families, telemetry::Metrics::Create(kFamilies));
  return std::unique_ptr<ProgramMetrics>(new ProgramMetrics(std::move(families)));
}

ProgramMetrics::ProgramMetrics(std::unique_ptr<telemetry::Metrics> families)
    : families_(std::move(families)) {
  families_->Gauge(Family::kBuildInfo, {"agent", PLIMSOLL_VERSION, PLIMSOLL_REVISION}).Set(1);
  for (const std::string_view result : {"success", "failure"}) {
    families_->Counter(Family::kQuotes, {result}).Increment(0);
  }
  for (const tpm::ErrorClass error_class : tpm::kErrorClasses) {
    families_->Counter(Family::kTpmErrors, {ToString(error_class)}).Increment(0);
  }
}

void ProgramMetrics::TpmOpened(const tpm::Properties& properties, std::string_view tcti) {
  {
    const std::lock_guard lock(mutex_);
    std::array<std::string, 3> seen = {properties.manufacturer, properties.firmware_version,
                                       std::string(tcti)};
    if (seen != tpm_) {
      families_->Clear(Family::kTpmInfo);  // another TPM, or new firmware
      tpm_ = std::move(seen);
    }
  }
  families_->Gauge(Family::kTpmInfo, {properties.manufacturer, properties.firmware_version, tcti})
      .Set(1);
  families_->Gauge(Family::kTpmLockout).Set(properties.in_lockout ? 1 : 0);
}

void ProgramMetrics::TpmFailed(tpm::ErrorClass error_class) {
  families_->Counter(Family::kTpmErrors, {ToString(error_class)}).Increment();
  if (error_class == tpm::ErrorClass::kLockout) {
    families_->Gauge(Family::kTpmLockout).Set(1);  // until the TPM says that it is over
  }
}

void ProgramMetrics::Quoted(bool succeeded, std::chrono::nanoseconds took) {
  families_->Counter(Family::kQuotes, {succeeded ? "success" : "failure"}).Increment();
  if (succeeded) {
    families_->Histogram(Family::kQuoteDuration)
        .Observe(std::chrono::duration<double>(took).count());
  }
}

}  // namespace plimsoll::agent
