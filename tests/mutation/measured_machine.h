#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "evidence/bundle.h"
#include "fakes/attested_node.h"
#include "fakes/software_ca.h"
#include "kubectl-plugin/policy_files.h"

namespace plimsoll::fakes {

// 2026-11-24T12:00:00Z, whenever.
class FixedClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override { return MonotonicTime(std::chrono::hours(1)); }
  WallTime Wall() const override { return WallTime(std::chrono::seconds(1795521600)); }
};

// A machine with a software TPM whose PCRs are what a boot log and an IMA list say, an endorsement
// by a CA of its own, and the policies that it passes: those that kubectl-plimsoll learns from its
// bundle, one about its files, one about its identity.
class MeasuredMachine {
 public:
  // `boot_log` must replay in sha256; whatever no event extends is zero. `unlisted` is the path of
  // one more file that the machine has loaded and that its policies do not accept; "" is none.
  explicit MeasuredMachine(Bytes boot_log, KeyTemplate ak = KeyTemplate::AkP256(),
                           const std::string& unlisted = "");

  const Bytes& boot_log() const { return boot_log_; }
  const Bytes& ima() const { return ima_; }
  const AttestedNode& node() const { return node_; }

  // What the machine's agent would send if these were its logs: the quote, which covers what really
  // was measured, and a statement that names them. This is what whoever rules the machine can have.
  evidence::Evidence Attest(const Bytes& boot_log, const Bytes& ima) const;
  evidence::Evidence Attest() const { return Attest(boot_log_, ima_); }

  evidence::BundleFrame Frame() const;

  // As YAML. Empty when nothing can be learnt from the machine.
  std::string Policies() const;

 private:
  AttestedNode node_;
  SoftwareKey ek_;
  SoftwareCa ca_;
  Bytes certificate_;
  Bytes boot_log_;
  Bytes ima_;
};

// All that `yaml` holds, compiled at FixedClock's time. Ends the process when it is not readable.
plugin::PolicySet ReadPolicies(const std::string& yaml);

// The verdict over a bundle's text, as `kubectl plimsoll verify` finds it; nullopt for a text that
// it cannot use.
std::optional<appraisal::Verdict> JudgeBundle(std::string_view text,
                                              const plugin::PolicySet& policies);

}  // namespace plimsoll::fakes
