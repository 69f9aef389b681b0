#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/enforce/marks.h"
#include "controller/objects.h"

// The writes that bring a Node from what it carries to what it should carry, and their bodies.
// Every body names the Node's uid and resourceVersion, so that the API server refuses it (409) when
// the Node is another or has changed since.
namespace plimsoll::controller::enforce {

enum class Mark : uint8_t { kLabel, kTaint, kCondition };

std::string_view ToString(Mark mark);  // label, taint, condition

// Which marks differ of those that there are, in the order in which they are written (api.md 3.2):
// gaining trust condition, label, taint; otherwise label, taint, condition.
std::vector<Mark> MissingMarks(const Node& node, const DesiredMarks& desired,
                               const MarkNames& names);

// Server-side apply of our label, or our two labels, alone. One that is left out goes.
std::string LabelApply(const Node& node, const MarkNames& names, const DesiredMarks& desired);

// RFC 7386 merge patch that takes our second label away, whoever has set it.
std::string TrustedUntilRemoval(const Node& node, const MarkNames& names);

// Server-side apply, on /status, of our condition alone. The transition time moves with the status.
std::string ConditionApply(const Node& node, const Condition& condition, WallTime now);

// RFC 7386 merge patch, on /status, of the condition list without the conditions of `type`; built
// from the Node's own JSON like TaintPatch.
Result<std::string> ConditionRemoval(std::string_view node_json, const std::string& type);

// RFC 7386 merge patch of the whole taint list, which Kubernetes treats as one value. Built from
// the Node's own JSON: foreign taints stay as they are, unknown fields too, and in their order.
// Taints with our key become `wanted`.
Result<std::string> TaintPatch(std::string_view node_json, const std::string& key,
                               const std::vector<Taint>& wanted);

// "PCRMismatch:NoSchedule", at most 64 characters; comma-joined, empty for none.
std::string TaintText(const std::vector<Taint>& taints);

}  // namespace plimsoll::controller::enforce
