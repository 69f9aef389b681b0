#pragma once

#include "api/tpm_identity.h"

// Types and reasons of the conditions of a TPMIdentity.
namespace plimsoll::controller::identity {

inline constexpr char kEndorsementVerified[] = "EndorsementVerified";
inline constexpr char kKeyActivated[] = "KeyActivated";

// False: KeyProfileChanged, SharedTPM, UnexplainedReset (approval is asked for again),
// IdentityConflict (others claim what this one is bound to). True: NoConflict, or ApprovedAfter and
// the reason that a person's new approval has ended.
inline constexpr char kConflictFree[] = "ConflictFree";
inline constexpr char kIdentityConflict[] = "IdentityConflict";
inline constexpr char kSharedTpmReason[] = "SharedTPM";
inline constexpr char kApprovedAfter[] = "ApprovedAfter";

inline constexpr char kFirmwareWeak[] = "FirmwareWeak";

// True since the node's object is gone; not there while it is not.
inline constexpr char kNodeGone[] = "NodeGone";

// True once a person has revoked the TPM: nobody takes that back (api::TpmIdentity::Parse).
using api::kRevokedCondition;

}  // namespace plimsoll::controller::identity
