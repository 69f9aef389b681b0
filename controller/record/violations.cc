#include "controller/record/violations.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "api/condition.h"

namespace plimsoll::controller::record {
namespace {

// The bounds of the schema: what is longer would be refused, and the verdict with it.
constexpr size_t kMaxTextBytes = 4096;
constexpr size_t kMaxWordBytes = 64;

std::string Bounded(std::string text, size_t limit) {
  api::CutAtCharacter(text, limit);
  return text;
}

// The ids under which violations are stored, as a finding's static text.
std::string_view CheckId(std::string_view stored) {
  static const std::set<std::string, std::less<>> kIds = [] {
    std::set<std::string, std::less<>> ids;
    for (const char family : std::string_view("QSKCMLBIP")) {
      for (int number = 1; number <= 20; ++number) {
        ids.insert(fmt::format("{}{}", family, number));
      }
    }
    return ids;
  }();
  const auto found = kIds.find(stored);
  return found == kIds.end() ? std::string_view("policy") : std::string_view(*found);
}

}  // namespace

Violation ToViolation(const appraisal::Finding& finding) {
  Violation violation{
      .check = std::string(finding.check),
      .reason = finding.reason ? std::string(appraisal::ToString(*finding.reason)) : std::string(),
      .observed = Bounded(finding.observed, kMaxTextBytes),
      .expected = Bounded(finding.expected, kMaxTextBytes),
      .closest = finding.closest,
      .message = Bounded(finding.message, kMaxTextBytes)};
  if (finding.pcr) {
    violation.pcr = finding.pcr->index;
  }
  if (finding.event) {
    violation.event = finding.event->index;
    violation.event_type = Bounded(finding.event->type, kMaxWordBytes);
  }
  return violation;
}

appraisal::Findings ToFindings(const std::vector<Violation>& violations) {
  appraisal::Findings findings;
  for (const Violation& violation : violations) {
    appraisal::Finding finding{.check = CheckId(violation.check),
                               .reason = appraisal::ParseReason(violation.reason)};
    if (violation.event) {
      finding.event =
          appraisal::EventReference{static_cast<uint32_t>(*violation.event), violation.event_type};
    }
    finding.observed = violation.observed;
    finding.expected = violation.expected;
    finding.closest = violation.closest;
    finding.message = violation.message;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace plimsoll::controller::record
