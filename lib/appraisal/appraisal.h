#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "appraisal/boot_epoch.h"
#include "appraisal/finding.h"
#include "appraisal/judgement.h"
#include "appraisal/reason.h"
#include "appraisal/signing_key.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "evidence/challenge.h"
#include "evidence/evidence.h"
#include "evidence/statement.h"
#include "tcg/name.h"
#include "tcg/pcr_selection.h"

// The appraisal: (evidence, expectation, policies, now) -> Appraisal. A pure function: no I/O, no
// clock, no log, no state.
//
// Checks run in the order of docs/verification (one check, one function, one id), and Trusted is
// built in exactly one place (judgement.cc), after all of them.
namespace plimsoll::appraisal {

// The challenge that this process issued, from which the expected qualifying data is computed.
struct ChallengeBinding {
  evidence::Nonce nonce{};
  std::string node_uid;
};

struct Expectation {
  const SigningKey& key;  // must outlive the call

  // What the quote must carry: the protocol's qualifying data, or, for quotes made by other tools,
  // these very bytes.
  std::variant<ChallengeBinding, Bytes> qualifying_data;

  tcg::PcrSelection selection;  // as asked

  // Of the enrolled EK: the AK may be a child of it. Without it the AK must be a primary of the
  // endorsement hierarchy.
  std::optional<tcg::QualifiedName> endorsement_key;

  IdentityFacts identity;
  std::optional<RecordedClock> recorded;
  std::optional<RuntimePosition> runtime = {};  // of the same boot epoch

  // Whether `runtime` is all that there is. From a bundle nobody knows what came before: a list
  // that begins in its middle is then not judged, where a controller refuses it.
  bool knows_earlier_rounds = true;
};

// What the caller has to do beside recording the verdict.
enum class Disposition : uint8_t {
  kJudged,  // record verdict, policies and facts
  kStale,   // answer 409 StaleEvidence, count it (RecordedClock::stale_in_a_row); the verdict stays
            // as it was
  kCountersReset,  // clear the activation; Event TPMReset
  kSharedTpm,      // clear activation and admissions; ConflictFree=False/SharedTPM
};

struct Appraisal {
  Disposition disposition = Disposition::kJudged;
  Verdict verdict = Verdict::kUnknown;
  Reason reason = Reason::kNotEnrolled;
  std::string message;  // a sentence fit for the agent's answer: no expected value
  Findings findings;    // of the checks on the evidence itself; those of policies are with them
  std::vector<PolicyResult>
      policies;  // every policy given; Fail with the evidence's reason when that was rejected
  std::optional<bool> audit_passed;

  // What was proven; present once steps 1-8 have passed.
  std::optional<Facts> facts;
  std::optional<evidence::Statement> statement;
  std::optional<RecordedClock> clock;      // to be recorded
  std::optional<RuntimePosition> runtime;  // to be recorded; absent when it stays as it was
  std::optional<ima::Summary> ima;         // of the list that came, when it fits the quote
};

// Appraises evidence that Decode() understood. An Error means that it could not be checked (a
// failing library) and is never a verdict.
Result<Appraisal> Appraise(const evidence::Evidence& evidence, const Expectation& expectation,
                           const std::vector<AppliedPolicy>& policies, MonotonicTime now);

// The appraisal of evidence that Decode() refused: Untrusted/EvidenceMalformed.
Appraisal RejectMalformed(const Error& error, const std::vector<AppliedPolicy>& policies);

}  // namespace plimsoll::appraisal
