#include "policy/boot_rule.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "policy/spec_limits.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using eventlog::Role;

constexpr std::array kDefaultRoles = {Role::kOptionRom, Role::kBootLoader, Role::kKernel,
                                      Role::kInitRd,    Role::kUki,        Role::kDriver};

std::vector<Role> ReadRoles(SpecReader& boot) {
  if (boot.Get("componentRoles") == nullptr) {
    return {kDefaultRoles.begin(), kDefaultRoles.end()};
  }
  std::vector<Role> roles;
  for (const std::string& word : boot.Texts("componentRoles", kMaxRoles, kMaxWordBytes)) {
    if (const auto role = eventlog::RoleFromName(word)) {
      roles.push_back(*role);
    } else {
      boot.Refuse("componentRoles", "\"" + word + "\" is no role");
    }
  }
  if (roles.empty()) {
    boot.Refuse("componentRoles", "empty: no component would be judged");
  }
  return roles;
}

CommandLineRule ReadCommandLine(SpecReader reader) {
  CommandLineRule rule;
  rule.must_contain = reader.Texts("mustContain", kMaxArguments, kMaxArgumentBytes);
  rule.must_not_contain = reader.Texts("mustNotContain", kMaxArguments, kMaxArgumentBytes);
  for (const auto* list : {&rule.must_contain, &rule.must_not_contain}) {
    for (const std::string& argument : *list) {
      const bool several = std::any_of(argument.begin(), argument.end(),
                                       [](unsigned char c) { return c <= ' ' || c == 0x7F; });
      if (argument.empty() || several) {
        reader.Refuse(list == &rule.must_contain ? "mustContain" : "mustNotContain",
                      "\"" + argument + "\" is not one argument");
      }
    }
  }
  rule.reference_refs = reader.Texts("referenceValueRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  reader.RefuseOthers();
  return rule;
}

// A path of words as systemd-pcrphase extends them: letters, digits and hyphens, colons between.
bool IsPhasePath(std::string_view path) {
  return !path.empty() && path.front() != ':' && path.back() != ':' &&
         path.find("::") == std::string_view::npos &&
         std::all_of(path.begin(), path.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == ':'; });
}

}  // namespace

std::string_view ToString(RuntimeMode mode) {
  switch (mode) {
    case RuntimeMode::kIgnored:
      return "Ignored";
    case RuntimeMode::kAudit:
      return "Audit";
    case RuntimeMode::kRequired:
      return "Required";
  }
  return "";
}

BootRule ReadBootRule(SpecReader boot) {
  BootRule rule;
  boot.Choice<bool>("eventLog", {{"Required", true}, {"Optional", false}}, rule.require_event_log);
  boot.Choice<bool>("secureBoot", {{"Required", true}, {"Ignored", false}},
                    rule.require_secure_boot);
  rule.database_refs = boot.Texts("databaseRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  rule.component_refs = boot.Texts("componentRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  rule.component_roles = ReadRoles(boot);
  rule.command_line = ReadCommandLine(boot.Object("kernelCommandLine"));
  rule.uki_phases = boot.Texts("ukiPhases", kMaxPhasePaths, kMaxPhasePathBytes);
  for (const std::string& path : rule.uki_phases) {
    if (!IsPhasePath(path)) {
      boot.Refuse("ukiPhases", "\"" + path + "\" is not words with colons between them");
    }
  }
  boot.RefuseOthers();
  return rule;
}

RuntimeRule ReadRuntimeRule(SpecReader runtime) {
  RuntimeRule rule;
  SpecReader ima = runtime.Object("ima");
  ima.Choice<RuntimeMode>("mode",
                          {{"Ignored", RuntimeMode::kIgnored},
                           {"Audit", RuntimeMode::kAudit},
                           {"Required", RuntimeMode::kRequired}},
                          rule.mode);
  rule.allow_list_refs = ima.Texts("allowListRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  rule.key_refs = ima.Texts("keyRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  rule.exclude = ima.Texts("exclude", kMaxExcludePatterns, kMaxExcludePatternBytes);
  ima.Choice<bool>("violations", {{"Reject", false}, {"Count", true}}, rule.count_violations);
  ima.RefuseOthers();
  runtime.RefuseOthers();
  return rule;
}

}  // namespace plimsoll::policy
