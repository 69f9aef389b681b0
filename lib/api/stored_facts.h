#pragma once

#include <string>

#include "api/node_attestation.h"
#include "api/tpm_identity.h"
#include "appraisal/appraisal.h"
#include "base/result.h"

// From objects to what the appraisal takes, and back: how a node is judged again without new
// evidence, by the controller and by whoever may read its objects.
namespace plimsoll::api {

// What the last good quote proved. Without boot facts when the status has none; kMalformed when
// something in it was not written by us, and when its boot record was dropped on reading.
Result<appraisal::Facts> StoredFacts(const NodeAttestationStatus& status);

// status.boot: what people read (appraisal/facts_json.h, without the long lists), and `facts`, the
// whole in base64 for StoredFacts. At most 64 KiB: where both do not fit, what people read is cut
// first (`factsTruncated`).
BootRecord RecordOf(const appraisal::BootEvidence& boot);

// What an identity counts for in a judgement.
appraisal::IdentityFacts IdentityFactsOf(const TpmIdentity& identity);

}  // namespace plimsoll::api
