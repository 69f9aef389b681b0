#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "controller/identity/conditions.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "crypto/endorsement_certificate.h"
#include "kube/lookup.h"

namespace plimsoll::controller::identity {

// For whom an EK certificate counts.
struct EndorsementJudgement {
  // EndorsementAuthorities that the certificate chains to, of those that some policy with admission
  // EndorsementCertificate names; sorted. Empty when it counts for nobody.
  std::vector<std::string> authorities;
  std::string reason;   // of the condition EndorsementVerified
  std::string message;  // for people
};

// Judges EK certificates against the policies and authorities of this replica. A certificate proves
// a genuine TPM, not that it is this machine's. Thread-safe.
class EndorsementJudge {
 public:
  EndorsementJudge(const policies::Picture& picture, const Clock& clock)
      : picture_(picture), clock_(clock) {}

  // `certificate` is the EK's own (the caller has compared the keys), `chain` are DER hints. An
  // Error means that it could not be judged, which takes nothing away from anybody.
  Result<EndorsementJudgement> Judge(
      const std::optional<crypto::EndorsementCertificate>& certificate,
      const std::vector<Bytes>& chain) const;

  // The same from what the identity has stored.
  Result<EndorsementJudgement> JudgeStored(const TpmIdentity& identity) const;

 private:
  const policies::Picture& picture_;
  const Clock& clock_;
};

// What status.endorsement says of a certificate, the authority aside.
Endorsement DescribeCertificate(const crypto::EndorsementCertificate& certificate,
                                const std::vector<Bytes>& chain);

// Writes the judgement into status: endorsement.authority and the condition.
void SetEndorsementVerified(TpmIdentity& identity, const EndorsementJudgement& judgement,
                            WallTime now);

}  // namespace plimsoll::controller::identity
