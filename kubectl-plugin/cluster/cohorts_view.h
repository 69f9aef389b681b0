#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "appraisal/judgement.h"

namespace plimsoll::plugin {

struct CohortMember {
  std::string node;
  appraisal::Facts facts;
};

// Nodes that booted the same.
struct Cohort {
  std::vector<const CohortMember*> members;  // by name
  // Where it is a small one beside a large one: the index of that, and what its nodes have other
  // than those, in words.
  bool outlier = false;
  size_t beside = 0;
  std::vector<std::string> differences;
};

// Groups by these PCRs (of the strongest quoted bank) and by what the boot log proves: Secure Boot,
// databases, components, and the arguments of the kernel without values that name one machine's
// disks (UUIDs). Without a log by PCR 0 to 7. Largest group first.
//
// A group is an outlier when another one is at least four times as large; it is compared with the
// one that differs least.
std::vector<Cohort> FindCohorts(const std::vector<CohortMember>& members,
                                const std::vector<uint32_t>& pcrs);

}  // namespace plimsoll::plugin
