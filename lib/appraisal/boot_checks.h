#pragma once

#include "appraisal/boot_evidence.h"
#include "appraisal/finding.h"
#include "appraisal/judgement.h"
#include "policy/compiled_policy.h"

// The rules of a policy about what was booted (step 10): Secure Boot and its databases, boot
// components, kernel command line, UKI phases, EventLogOnly. Internal to lib/appraisal.
namespace plimsoll::appraisal {

// How a rule reads events: only those of PCRs that were quoted, that the log explains to the last
// digest, and whose events are where they belong. What stands in the way becomes a finding, once
// for each PCR. Lives for the judgement of one policy.
class BootReader {
 public:
  BootReader(const policy::CompiledPolicy& policy, const Facts& facts, PolicyResult& result)
      : policy_(policy), facts_(facts), result_(result), findings_(result.findings) {}

  const policy::CompiledPolicy& policy() const { return policy_; }
  const Facts& facts() const { return facts_; }

  // Whether there is a log whose facts count. `check` is the rule's id.
  bool HasLog(std::string_view check);

  // Of a log: whether the rule may read the events of this PCR. Precondition: HasLog().
  bool MayRead(uint32_t pcr);

  // Of a log: whether types and separator of this PCR are as they must be (L2, L11); a finding when
  // they are not. A part of MayRead(). Precondition: HasLog().
  bool IsWellFormed(uint32_t pcr);

  // Precondition: HasLog().
  const eventlog::BootFacts& log() const { return *facts_.boot->facts; }
  tcg::AlgorithmId bank() const { return *facts_.boot->bank; }
  const BankReplay& replay() const { return *facts_.boot->Find(bank()); }
  bool WasQuoted(uint32_t pcr) const { return (replay().quoted >> pcr & 1U) != 0; }

  // The quoted value in any bank; null when it was not quoted.
  const Bytes* Quoted(tcg::AlgorithmId bank, uint32_t pcr) const;

  // Whether PCR 11 of this bank is what the log explains and one of the policy's phases follows.
  // Without ukiPhases: nullopt.
  std::optional<bool> PhasesHold(tcg::AlgorithmId bank) const;

  // Notes that a set accepts something that the node has.
  void Match(const policy::ReferenceValues& set);

  Finding& Add(std::string_view check, std::optional<Reason> reason, std::string message);

 private:
  bool Judge(uint32_t pcr);

  const policy::CompiledPolicy& policy_;
  const Facts& facts_;
  PolicyResult& result_;
  Findings& findings_;
  std::optional<bool> has_log_;
  std::map<uint32_t, bool> readable_;
};

void CheckBoot(BootReader& reader);                                       // spec.boot
void CheckEventLogOnly(const policy::PcrRule& rule, BootReader& reader);  // spec.pcrs[]

// Parts of CheckBoot, in this order.
void B01_SecureBootIsEnabled(BootReader& reader);
void B06_DatabasesAreAccepted(BootReader& reader);
void B03_ComponentsAreAccepted(BootReader& reader);
void B07_CommandLineIsAccepted(BootReader& reader);
void UkiPhasesAreAccepted(BootReader& reader);

// Whether the value is one that a PCR starts with: all zeros, or all ones.
bool WasNeverExtended(ByteSpan pcr);

// A sentence-ready name of a component: "boot loader \EFI\debian\grubx64.efi".
std::string Describe(const eventlog::Component& component);

}  // namespace plimsoll::appraisal
