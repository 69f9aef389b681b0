#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "appraisal/appraisal.h"
#include "fakes/measured_node.h"
#include "unit/appraisal/matchers.h"

namespace plimsoll::appraisal {

using Json = fakes::MeasuredNode::Json;

inline Findings AllFindings(const Appraisal& appraisal) {
  Findings all = appraisal.findings;
  for (const PolicyResult& result : appraisal.policies) {
    all.insert(all.end(), result.findings.begin(), result.findings.end());
  }
  return all;
}

// The first finding of this check that gives this reason (none: a remark). The test fails when
// there is none, and gets one of nothing.
inline Finding FindingBy(const Appraisal& appraisal, std::string_view check,
                         std::optional<Reason> reason) {
  std::string seen;
  for (const Finding& finding : AllFindings(appraisal)) {
    if (finding.check == check && finding.reason == reason) {
      return finding;
    }
    seen += "\n  " + std::string(finding.check) + " " +
            std::string(finding.reason ? ToString(*finding.reason) : "remark") + ": " +
            finding.message;
  }
  ADD_FAILURE() << "no finding of " << check << ", but:" << seen;
  return {.check = "", .reason = std::nullopt, .pcr = PcrReference{}, .event = EventReference{}};
}

inline bool HasFinding(const Appraisal& appraisal, std::string_view check,
                       std::optional<Reason> reason) {
  for (const Finding& finding : AllFindings(appraisal)) {
    if (finding.check == check && finding.reason == reason) {
      return true;
    }
  }
  return false;
}

// {"bank": "sha256", "index": pcr, "match": "EventLogOnly"}
inline Json LogOnly(uint32_t pcr, const std::string& bank = "sha256") {
  return {{"bank", bank}, {"index", pcr}, {"match", "EventLogOnly"}};
}

}  // namespace plimsoll::appraisal
