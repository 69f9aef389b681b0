#pragma once

#include <string>
#include <vector>

#include "eventlog/facts.h"

// What a policy demands of the boot event log and of the IMA list (api.md, AttestationPolicy
// spec.boot and spec.runtime).
namespace plimsoll::policy {

class SpecReader;

// spec.boot.kernelCommandLine. Arguments are compared one by one: `must_contain` entries as they
// stand; `must_not_contain` entries by name, with or without a value ("init=" and "init" both
// forbid every init=...; "console=tty0" forbids that value alone), "-" and "_" being one to the
// kernel.
struct CommandLineRule {
  std::vector<std::string> must_contain;
  std::vector<std::string> must_not_contain;
  std::vector<std::string> reference_refs;  // whole lines

  bool demands_something() const {
    return !must_contain.empty() || !must_not_contain.empty() || !reference_refs.empty();
  }
};

// spec.boot
struct BootRule {
  bool require_event_log = true;    // eventLog: Required
  bool require_secure_boot = true;  // secureBoot: Required
  std::vector<std::string> database_refs;
  std::vector<std::string> component_refs;
  std::vector<eventlog::Role> component_roles;
  CommandLineRule command_line;
  std::vector<std::string> uki_phases;  // "enter-initrd:leave-initrd:sysinit:ready"
};

enum class RuntimeMode : uint8_t {
  kIgnored,
  kAudit,     // shown, decides nothing
  kRequired,  // a part of the policy's result
};

// spec.runtime.ima
struct RuntimeRule {
  RuntimeMode mode = RuntimeMode::kIgnored;
  std::vector<std::string> allow_list_refs;
  std::vector<std::string> key_refs;
  std::vector<std::string> exclude;  // RE2, matched against the whole path
  bool count_violations = false;     // violations: Count; else one of them fails
};

std::string_view ToString(RuntimeMode mode);

BootRule ReadBootRule(SpecReader boot);
RuntimeRule ReadRuntimeRule(SpecReader runtime);

}  // namespace plimsoll::policy
