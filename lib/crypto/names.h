#pragma once

#include "tcg/name.h"
#include "tcg/public_area.h"

namespace plimsoll::crypto {

// nameAlg ‖ H_nameAlg(TPMT_PUBLIC) (TPM 2.0 Part 1, 16). A Name that came over the wire is never
// used in its stead (K3).
tcg::Name ComputeName(const tcg::PublicArea& public_area);

// The Qualified Name of a primary key of the endorsement hierarchy:
// nameAlg ‖ H_nameAlg(TPM_RH_ENDORSEMENT ‖ Name).
tcg::QualifiedName QualifiedNameOfEndorsementPrimary(const tcg::Name& name);

// The Qualified Name of a key below `parent`: nameAlg ‖ H_nameAlg(QN(parent) ‖ Name), by the
// nameAlg of the child.
tcg::QualifiedName QualifiedNameOfChild(const tcg::QualifiedName& parent, const tcg::Name& name);

}  // namespace plimsoll::crypto
