#pragma once

#include "controller/enforce/marks.h"

namespace plimsoll::controller::enforce {

// The taint column of the state table: sets taints, claim and withheld_by of `marks`, whose row and
// condition are decided already. Internal to marks.cc.
void SetTaints(DesiredMarks& marks, const MarkInputs& in, const MarkNames& names,
               UnmatchedNodes unmatched);

}  // namespace plimsoll::controller::enforce
