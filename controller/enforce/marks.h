#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/enforce/taint_budget.h"
#include "controller/enforce/taint_demand.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"

// What a Node should carry: the state table of api.md 3.2, as a pure function.
namespace plimsoll::controller::enforce {

// The names of our marks, and which there are, from the configuration.
struct MarkNames {
  std::string label = "plimsoll.dev.node-restriction.kubernetes.io/trusted";
  std::string taint = "plimsoll.dev/untrusted";
  std::string condition = "plimsoll.dev/Trusted";
  std::string trusted_until = {};  // key of the second label; empty: there is none
  bool taints = true;              // false: no node carries the taint, a startup taint neither
  bool conditions = true;          // false: no node carries the condition
};

// A node that no Enforce policy selects: its startup taint is removed, or kept
// (controller.unmatchedNodes).
enum class UnmatchedNodes : uint8_t { kRelease, kHold };

inline constexpr std::string_view kLabelTrue = "true";
inline constexpr std::string_view kLabelFalse = "false";
inline constexpr std::string_view kLabelUnknown = "unknown";

// The rows of the table.
enum class Row : uint8_t {
  kNeverTrusted,  // under this Node UID
  kTrusted,
  kWasTrusted,  // now Unknown
  kUntrusted,
  kNoEnforcePolicy,
  kRejudgeFirst,  // Trusted by other inputs than ours: neither set nor kept before re-judging
};

std::string_view ToString(Row row);

struct MarkInputs {
  const NodeAttestationStatus& status;  // one of another Node UID counts as empty
  const Node& node;
  const policies::NodePolicies& policies;
  const std::string& inputs;  // policies::InputsHash of what this replica sees

  // By the leader's own monotonic clock (deadlines.h), never by the wall clock.
  bool expired = false;  // the evidence of `status` does not count any more
  bool overdue = false;  // Unknown for so long that rows 1 and 3 add the taint

  // Re-judging has been tried for long enough: what is still judged by other inputs is Unknown.
  bool rejudging_failed = false;

  Waivers waivers = {};
};

struct DesiredMarks {
  Row row = Row::kNeverTrusted;
  std::string label;  // empty: leave all marks as they are (kRejudgeFirst)

  // All taints with our key that the Node should carry, of those that it has or one new.
  std::vector<Taint> taints;

  Condition condition;  // of our type; times are not filled in

  // Unix seconds in decimal; empty where the label should not be there.
  std::string trusted_until = {};

  // Why a taint is not there that the verdict asks for: "AttestationException/NAME", or, from
  // Withhold, "BudgetExceeded". Empty: it is there, or none is asked for.
  std::string withheld_by = {};

  // What the taint needs to stand: a place in each of `asked_by` (uids of policies).
  Claim claim = Claim::kNone;
  std::vector<std::string> asked_by = {};

  std::string room = {};  // for people: " (1 of at most 10 nodes)"
};

// The marks that `node` should carry. Never asks for the label `true` unless the status is Trusted
// under this Node's UID, not expired, judged with `inputs`, and some Enforce policy selects the
// node.
//
// Taints: a node that was never Trusted keeps what is there (a startup taint), and Untrusted never
// weakens it; a taint set while Unknown stays until Trusted or until no Enforce policy selects the
// node. A policy effect that changes is followed, None too. Reasons that need no TPM taint at most
// NoSchedule, and leave a taint as it is that the TPM has proven before.
//
// Budgets are not looked at: `claim` says what the caller has to ask for.
DesiredMarks DecideMarks(const MarkInputs& inputs, const MarkNames& names,
                         UnmatchedNodes unmatched);

// Takes the taint out of `marks`, but for a startup taint: a budget has no place for the node.
void WithholdForBudget(DesiredMarks& marks, const Node& node, const MarkNames& names,
                       const TaintBudget::Answer& refused);

// Set by others before the node was ever judged: its value is none of our reasons.
bool IsStartupTaint(const Taint& taint);

// The taints of `node` with that key.
std::vector<Taint> OurTaints(const Node& node, const std::string& key);

}  // namespace plimsoll::controller::enforce
