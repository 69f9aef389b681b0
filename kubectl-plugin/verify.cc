#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "appraisal/facts_json.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"
#include "kubectl-plugin/offline_appraisal.h"

namespace plimsoll::plugin {
namespace {

using appraisal::Appraisal;
using appraisal::Finding;
using nlohmann::ordered_json;

int ExitCodeOf(appraisal::Verdict verdict) {
  switch (verdict) {
    case appraisal::Verdict::kTrusted:
      return kExitTrusted;
    case appraisal::Verdict::kUntrusted:
      return kExitUntrusted;
    case appraisal::Verdict::kUnknown:
      break;
  }
  return kExitUnknown;
}

// Every finding with its policy; what is about the evidence itself comes first, and once.
ordered_json FindingsOf(const Appraisal& appraisal) {
  ordered_json findings = ordered_json::array();
  for (const Finding& finding : appraisal.findings) {
    findings.push_back(ToJson(finding, ""));
  }
  for (const appraisal::PolicyResult& result : appraisal.policies) {
    for (const Finding& finding : result.findings) {
      const ordered_json about_evidence = ToJson(finding, "");
      if (std::find(findings.begin(), findings.end(), about_evidence) == findings.end() &&
          finding.check != "evidence") {
        findings.push_back(ToJson(finding, result.name));
      }
    }
  }
  return findings;
}

ordered_json PoliciesOf(const Appraisal& appraisal) {
  ordered_json policies = ordered_json::array();
  for (const appraisal::PolicyResult& result : appraisal.policies) {
    policies.push_back({{"name", result.name},
                        {"mode", policy::ToString(result.mode)},
                        {"result", appraisal::ToString(result.outcome)},
                        {"reason", appraisal::ToString(result.reason)}});
  }
  return policies;
}

// What was measured, where, and what would have been accepted, below the sentence of a finding.
void PrintDetails(const ordered_json& finding, std::ostream& out) {
  constexpr std::string_view kMargin = "       ";
  std::string where;
  if (finding.contains("pcr")) {
    where = fmt::format("PCR {} ({})", finding["pcr"]["index"].get<uint32_t>(),
                        finding["pcr"]["bank"].get<std::string>());
  }
  if (finding.contains("event")) {
    const ordered_json& event = finding["event"];
    where += fmt::format("{}event {}", where.empty() ? "" : ", ", event["index"].get<uint32_t>());
    where += event.contains("type") ? " " + event["type"].get<std::string>() : std::string();
  }
  if (!where.empty()) {
    out << kMargin << "at        " << where << "\n";
  }
  if (finding.contains("observed")) {
    out << kMargin << "measured  " << finding["observed"].get<std::string>() << "\n";
  }
  if (finding.contains("expected")) {
    out << kMargin << "wanted    " << finding["expected"].get<std::string>();
    out << (finding.contains("closest") ? " in " + finding["closest"].get<std::string>() : "")
        << "\n";
  }
}

void PrintFacts(const ordered_json& facts, std::ostream& out) {
  if (facts.contains("boot") && facts["boot"].contains("secureBoot")) {
    const ordered_json& boot = facts["boot"];
    out << fmt::format("\nSECURE BOOT  {}: {}\n", boot["secureBoot"].get<std::string>(),
                       boot["secureBootDetail"].get<std::string>());
    if (boot["kernelCommandLine"].is_string()) {
      out << fmt::format("KERNEL       {}\n", boot["kernelCommandLine"].get<std::string>());
    }
  }
  if (facts.contains("ima")) {
    out << fmt::format("IMA          {} entries, {} violations\n",
                       facts["ima"]["entries"].get<size_t>(),
                       facts["ima"]["violations"].get<size_t>());
  }
}

void PrintTable(const Appraisal& appraisal, std::ostream& out) {
  out << fmt::format("VERDICT   {}\nREASON    {}\nMESSAGE   {}\n",
                     appraisal::ToString(appraisal.verdict), appraisal::ToString(appraisal.reason),
                     appraisal.message);
  for (const appraisal::PolicyResult& result : appraisal.policies) {
    out << fmt::format("POLICY    {} ({}): {}, {}\n", result.name, policy::ToString(result.mode),
                       appraisal::ToString(result.outcome), appraisal::ToString(result.reason));
  }
  PrintFacts(FactsOf(appraisal), out);
  const ordered_json findings = FindingsOf(appraisal);
  if (!findings.empty()) {
    out << "\nFINDINGS\n";
  }
  for (const ordered_json& finding : findings) {
    const std::string reason =
        finding["reason"].is_null() ? "remark" : finding["reason"].get<std::string>();
    out << fmt::format("  {:<4} {}: {}\n", finding["check"].get<std::string>(), reason,
                       finding["message"].get<std::string>());
    PrintDetails(finding, out);
  }
}

}  // namespace

int Verify(const VerifyOptions& options, const Surroundings& surroundings) {
  const auto bundle = ReadBundle(options.bundle, surroundings);
  if (!bundle) {
    return Unusable(bundle.error(), surroundings);
  }
  const auto policies = ReadPolicies(options.policies, surroundings);
  if (!policies) {
    return Unusable(policies.error(), surroundings);
  }
  const auto appraisal = AppraiseBundle(*bundle, *policies, surroundings.clock);
  if (!appraisal) {
    return Unusable({appraisal.error().code, options.bundle + ": " + appraisal.error().message},
                    surroundings);
  }
  if (options.format == Format::kJson) {
    const ordered_json document = {{"verdict", appraisal::ToString(appraisal->verdict)},
                                   {"reason", appraisal::ToString(appraisal->reason)},
                                   {"message", appraisal->message},
                                   {"policies", PoliciesOf(*appraisal)},
                                   {"findings", FindingsOf(*appraisal)},
                                   {"facts", FactsOf(*appraisal)}};
    surroundings.out << document.dump(2, ' ', false, ordered_json::error_handler_t::replace)
                     << "\n";
  } else {
    PrintTable(*appraisal, surroundings.out);
  }
  return ExitCodeOf(appraisal->verdict);
}

}  // namespace plimsoll::plugin
