#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "appraisal/appraisal.h"
#include "fakes/attested_node.h"

namespace plimsoll::appraisal {

inline std::string Describe(const Appraisal& appraisal) {
  std::string text = std::string(ToString(appraisal.verdict)) + "/" +
                     std::string(ToString(appraisal.reason)) + ": " + appraisal.message;
  for (const Finding& finding : appraisal.findings) {
    text += " [" + std::string(finding.check) + "]";
  }
  return text;
}

inline void PrintTo(const Appraisal& appraisal, std::ostream* out) { *out << Describe(appraisal); }

MATCHER_P(IsUntrusted, reason, "") {
  *result_listener << Describe(arg);
  return arg.verdict == Verdict::kUntrusted && arg.reason == reason &&
         arg.disposition == Disposition::kJudged;
}

MATCHER_P(IsUnknown, reason, "") {
  *result_listener << Describe(arg);
  return arg.verdict == Verdict::kUnknown && arg.reason == reason;
}

MATCHER(IsTrusted, "") {
  *result_listener << Describe(arg);
  return arg.verdict == Verdict::kTrusted && arg.reason == Reason::kAllPoliciesPassed &&
         arg.disposition == Disposition::kJudged;
}

// Refused by that check, for that reason.
MATCHER_P2(IsRefusedBy, check, reason, "") {
  *result_listener << Describe(arg);
  return arg.verdict == Verdict::kUntrusted && arg.reason == reason && arg.findings.size() == 1 &&
         arg.findings[0].check == std::string_view(check) && !arg.facts.has_value();
}

// The appraisal of `evidence` of this node under its own policy; an Error fails the test.
inline Appraisal Judge(const fakes::AttestedNode& node, const evidence::Evidence& evidence) {
  auto appraisal = Appraise(evidence, node.Expectation(), node.Policies(), node.now);
  if (!appraisal) {
    ADD_FAILURE() << "could not be checked: " << appraisal.error().message;
    return {};
  }
  return *std::move(appraisal);
}

inline Appraisal Judge(const fakes::AttestedNode& node) { return Judge(node, node.Evidence()); }

}  // namespace plimsoll::appraisal
