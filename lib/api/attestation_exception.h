#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/clock.h"
#include "base/result.h"
#include "kube/resource.h"
#include "policy/label_selector.h"

namespace plimsoll::api {

// The AttestationException resource: for a limited time the taint is withheld from some nodes.
// Label, condition and verdict go on telling the truth.
struct AttestationException {
  // Longer than this after its creation an exception does not count at all, also where no admission
  // policy has refused it.
  static constexpr std::chrono::days kLongest{30};

  kube::ObjectMeta meta;
  std::optional<policy::LabelSelector> node_selector;
  std::vector<std::string> node_names;   // beside those of node_selector
  std::vector<std::string> policy_refs;  // names; empty: every policy
  std::string reason;
  WallTime expires_at{};

  // status, as last written
  int64_t observed_generation = 0;
  int64_t nodes = 0;
  Conditions conditions;  // Active

  // kMalformed for what cannot be read to the letter, and for one that names no nodes or has no
  // end: it waives nothing then.
  static Result<AttestationException> Parse(std::string_view json);

  bool Covers(const kube::ObjectMeta& node) const;
  bool Waives(std::string_view policy_name) const;
  bool IsTooLong() const { return expires_at - meta.creation_timestamp > kLongest; }

  // The object with uid, resourceVersion and status, for PUT on /status.
  std::string EncodeForStatusUpdate() const;
};

}  // namespace plimsoll::api
