#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "appraisal/judgement.h"

namespace plimsoll::plugin {

// What good machines teach: one ReferenceValues object with all that they measured, and, of one
// machine, a policy that it passes. Two policies can be made: by events where there is a log, and
// by PCR values alone.
class Learner {
 public:
  // The facts are of at least one machine; they must outlive the learner. Several machines should
  // be alike (a cohort): what they have is joined.
  Learner(std::string name, std::vector<const appraisal::Facts*> machines);

  bool HasLog() const;     // every machine has a boot event log that fits its quote
  bool HasValues() const;  // some PCR was quoted

  nlohmann::ordered_json Values(const std::string& description) const;
  nlohmann::ordered_json PolicyByEvents() const;  // only with HasLog()
  nlohmann::ordered_json PolicyByValues() const;

 private:
  nlohmann::ordered_json Object(const char* kind, nlohmann::ordered_json spec) const;
  nlohmann::ordered_json ByReference(uint32_t index) const;
  bool IsExplained(uint32_t pcr) const;
  nlohmann::ordered_json Pcrs() const;
  nlohmann::ordered_json Components() const;
  nlohmann::ordered_json Roles() const;
  nlohmann::ordered_json CommandLines() const;
  nlohmann::ordered_json Databases() const;

  const std::string name_;
  const std::vector<const appraisal::Facts*> machines_;
  std::optional<tcg::AlgorithmId> bank_;
};

}  // namespace plimsoll::plugin
