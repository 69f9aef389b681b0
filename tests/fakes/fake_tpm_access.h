#pragma once

#include <deque>
#include <map>
#include <string>

#include "fakes/software_tpm.h"
#include "node-agent/attest/tpm_access.h"

namespace plimsoll::fakes {

// A TPM for rounds, by SoftwareTpm, that fails when it is told to. Like the real one it is closed
// by an error that says kReconnect. For one thread.
class FakeTpmAccess final : public attest::TpmAccess {
 public:
  SoftwareTpm tpm;
  SoftwareKey ek{KeyTemplate::EkP384()};

  // The next call of that function fails so: "Describe", "AttestationKey", "EndorsementKey",
  // "ActivateCredential", "Quote".
  void FailNext(const std::string& function, Error error) { failures_[function].push_back(error); }

  int releases = 0;
  int closed = 0;
  std::vector<crypto::KeyProfile> last_profiles;
  std::string last_cluster;

  Result<tpm::Properties> Describe() override {
    PLIMSOLL_RETURN_IF_ERROR(Scripted("Describe"));
    tpm::Properties properties;
    properties.manufacturer = "IFX";
    properties.firmware_version = "7.2.3.1";
    properties.banks = tcg::PcrSelection::Create({{tcg::AlgorithmId::kSha256, 0xFFFFFF}}).value();
    properties.endorsement_enabled = true;
    return properties;
  }

  Result<tcg::PublicArea> AttestationKey(std::span<const crypto::KeyProfile> profiles,
                                         std::string_view cluster_uid) override {
    PLIMSOLL_RETURN_IF_ERROR(Scripted("AttestationKey"));
    last_profiles.assign(profiles.begin(), profiles.end());
    last_cluster = cluster_uid;
    return tpm.ak().Public();
  }

  Result<attest::EndorsementMaterial> EndorsementKey() override {
    PLIMSOLL_RETURN_IF_ERROR(Scripted("EndorsementKey"));
    return attest::EndorsementMaterial{ek.MarshalPublic(), std::nullopt, {}};
  }

  Result<Secret> ActivateCredential(ByteSpan credential_blob, ByteSpan encrypted_secret) override {
    PLIMSOLL_RETURN_IF_ERROR(Scripted("ActivateCredential"));
    auto secret = fakes::ActivateCredential(ek, tpm.ak().Name(), credential_blob, encrypted_secret);
    if (!secret) {
      return Fail(ErrorCode::kDenied, "TPM2_ActivateCredential: integrity check failed");
    }
    return Secret(*std::move(secret));
  }

  Result<tpm::QuoteWithValues> Quote(const tcg::PcrSelection& selection,
                                     ByteSpan qualifying_data) override {
    PLIMSOLL_RETURN_IF_ERROR(Scripted("Quote"));
    const fakes::Quote quote = tpm.MakeQuote(selection, qualifying_data);
    tpm::QuoteWithValues result{{quote.attest, quote.signature}, {}};
    for (const auto& [bank, values] : quote.pcrs) {
      for (const auto& [index, digest] : values) {
        result.pcrs.push_back({bank, index, digest});
      }
    }
    return result;
  }

  void Release() override { ++releases; }

 private:
  Status Scripted(const std::string& function) {
    auto& failures = failures_[function];
    if (failures.empty()) {
      return {};
    }
    const Error error = failures.front();
    failures.pop_front();
    closed += error.retry == Retry::kReconnect ? 1 : 0;
    return tl::unexpected(error);
  }

  std::map<std::string, std::deque<Error>> failures_;
};

}  // namespace plimsoll::fakes
