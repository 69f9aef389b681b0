#include "kubectl-plugin/cluster/advice.h"

#include <fmt/format.h>

namespace plimsoll::plugin {

std::string AdviceFor(appraisal::Reason reason, const std::string& node) {
  using appraisal::Reason;
  switch (reason) {
    case Reason::kEvidenceMalformed:
    case Reason::kAttestationKeyRejected:
    case Reason::kSignatureInvalid:
    case Reason::kNotAQuote:
    case Reason::kNonceMismatch:
    case Reason::kSelectionMismatch:
    case Reason::kPcrDigestMismatch:
      return "Something on this node sends evidence that its TPM did not make. Isolate the node, "
             "look at the agent's image and who has its token; then restart the agent.";
    case Reason::kAttestationKeyUnproven:
      return "The key was given without a public area. Restart the agent, so that it enrols again.";
    case Reason::kReplayedQuote:
      return "An old quote was sent as if it were new. Isolate the node and find out who holds its "
             "token; if the TPM was replaced or cleared, restart the agent.";
    case Reason::kClockUnsafe:
      return "The TPM's clock may have gone back after a hard power cut. It heals by itself within "
             "69 minutes of uptime.";
    case Reason::kFirmwareRejected:
      return "Update the TPM's firmware as its vendor describes, or lower tpm.firmwareFloor if you "
             "accept this version.";
    case Reason::kUnexplainedReset:
      return fmt::format(
          "The TPM was reset while the host kept running, which an attacker with physical access "
          "does. Inspect the machine; if it is good, reboot it and approve its identity again.");
    case Reason::kControllerStarting:
      return "The controller has just started. The verdict follows with the next quote.";
    case Reason::kNotEnrolled:
      return fmt::format(
          "No TPM has enrolled for this node. Look at the agent there: kubectl -n plimsoll-system "
          "get pods -o wide --field-selector spec.nodeName={}",
          node);
    case Reason::kIdentityConflict:
      return "Two identities contradict each other. See the condition ConflictFree of the node's "
             "TPMIdentity; approve the one that is right, deny the other.";
    case Reason::kIdentityDenied:
      return "A person has denied or revoked this TPM. To let it in again, approve it (a revoked "
             "one must be deleted and enrolled anew).";
    case Reason::kNoEnforcingPolicy:
      return "No policy with mode Enforce selects this node, so nothing decides whether it is "
             "trusted. Write one, or see with what-if what one would say.";
    case Reason::kPolicyNotReady:
      return "A policy that selects this node cannot be judged. See its condition Ready: kubectl "
             "get attestationpolicies -o wide";
    case Reason::kIdentityPending:
      return fmt::format(
          "Compare the TPM with your inventory, then: kubectl plimsoll approve {} --reason TEXT",
          node);
    case Reason::kEventLogMalformed:
    case Reason::kEventLogMismatch:
      return "The boot event log is not the one that this TPM measured. Reboot the node; if it "
             "stays so, the log was changed or the firmware writes a wrong one: compare with a "
             "node "
             "of the same model (kubectl plimsoll diff).";
    case Reason::kEventLogMissing:
      return "The agent sends no boot event log. Give it access to "
             "/sys/kernel/security/tpm0/binary_bios_measurements, or set boot.eventLog: Optional.";
    case Reason::kPcrMismatch:
    case Reason::kBootComponentNotAccepted:
    case Reason::kCommandLineRejected:
      return fmt::format(
          "If this is a planned update, add the new values: kubectl plimsoll baseline {0} --as "
          "ReferenceValues. If not, the node booted something that nobody accepted: isolate and "
          "reinstall it. kubectl plimsoll diff {0} GOOD-NODE shows all that is different.",
          node);
    case Reason::kWrongBank:
      return "The policy reads a PCR bank that this TPM does not have enabled. Enable it in the "
             "firmware, or write the policy for a bank that the TPM has.";
    case Reason::kSecureBootDisabled:
      return "Enable Secure Boot in the firmware's setup and reboot the node.";
    case Reason::kReferenceRevoked:
      return "The node runs something that was revoked on purpose. Update it; until then it must "
             "not be trusted.";
    case Reason::kRuntimeListMismatch:
      return "The list of executed files is not the one that the TPM measured. Treat the node as "
             "compromised: isolate it and keep its evidence (kubectl plimsoll evidence).";
    case Reason::kRuntimeMeasurementRejected:
      return "A file was used that no allow-list has. If it is yours, add it to the allow-list; "
             "the "
             "verdict heals with the next boot, or at once with the changed list.";
    case Reason::kRuntimeListPending:
      return "The list of executed files is still on its way; it is sent in pieces. Wait, or set "
             "agent.logs.ima if the agents do not send it.";
    case Reason::kTpmAbsent:
      return "The agent finds no TPM. Enable it in the firmware (or give the virtual machine one), "
             "or exclude the node from the policy.";
    case Reason::kTpmError:
      return "The TPM does not work as it should. See the agent's log; a TPM in lockout recovers "
             "with time, a broken one must be replaced.";
    case Reason::kEvidenceExpired:
      return fmt::format(
          "No quote has come for too long. Is the node up, and does the agent there run? kubectl "
          "plimsoll reattest {} asks for one at once.",
          node);
    case Reason::kAllPoliciesPassed:
      return {};
  }
  return {};
}

}  // namespace plimsoll::plugin
