#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "node-agent/tpm/attestation.h"
#include "node-agent/tpm/device.h"
#include "node-agent/tpm/endorsement.h"

namespace plimsoll::attest {

// Sees what happens at the TPM, for the metrics. Called on the thread of the round.
class TpmObserver {
 public:
  virtual ~TpmObserver() = default;
  virtual void TpmOpened(const tpm::Properties& /*properties*/, std::string_view /*tcti*/) {}
  virtual void TpmFailed(tpm::ErrorClass /*error_class*/) {}
  virtual void Quoted(bool /*succeeded*/, std::chrono::nanoseconds /*took*/) {}
};

// What is sent about the endorsement key.
struct EndorsementMaterial {
  Bytes public_area;  // TPMT_PUBLIC
  std::optional<Bytes> certificate;
  std::vector<Bytes> chain;
};

// The TPM as a round needs it: each function opens and makes what it lacks. For one thread at a
// time.
//
// Any failure leaves the TPM closed if its Retry is kReconnect, so that the next call opens it
// anew.
class TpmAccess {
 public:
  virtual ~TpmAccess() = default;

  // What the TPM is. kDenied when its endorsement hierarchy is disabled or has a password: nothing
  // else would work then.
  virtual Result<tpm::Properties> Describe() = 0;

  // The attestation key of the cluster, of the first profile that the TPM can make.
  virtual Result<tcg::PublicArea> AttestationKey(std::span<const crypto::KeyProfile> profiles,
                                                 std::string_view cluster_uid) = 0;

  virtual Result<EndorsementMaterial> EndorsementKey() = 0;

  // Unwraps a credential for the two keys. kNever without AttestationKey and EndorsementKey before.
  virtual Result<Secret> ActivateCredential(ByteSpan credential_blob,
                                            ByteSpan encrypted_secret) = 0;

  // By the key that AttestationKey gave last.
  virtual Result<tpm::QuoteWithValues> Quote(const tcg::PcrSelection& selection,
                                             ByteSpan qualifying_data) = 0;

  // The round is over: keys that are not needed next time are flushed, and a TPM that others could
  // not use meanwhile is closed.
  virtual void Release() = 0;
};

// By tpm::Device. `clock` and `observer` must outlive it.
std::unique_ptr<TpmAccess> MakeTpmAccess(std::string tcti, const Clock& clock,
                                         TpmObserver& observer, std::stop_token stop);

}  // namespace plimsoll::attest
