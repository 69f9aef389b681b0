#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "appraisal/appraisal.h"
#include "base/encoding.h"
#include "crypto/attestation_key.h"
#include "evidence/qualifying_data.h"
#include "evidence/statement.h"
#include "fakes/software_tpm.h"
#include "policy/compiled_policy.h"

namespace plimsoll::fakes {

// A booted machine with a software TPM, and what the controller knows of it: makes evidence that is
// good in every respect, for tests that then spoil one thing.
class AttestedNode {
 public:
  explicit AttestedNode(KeyTemplate ak = KeyTemplate::AkP384()) : AttestedNode(SoftwareKey(ak)) {}
  explicit AttestedNode(SoftwareKey ak)
      : tpm(std::move(ak)), key(appraisal::SigningKey::FromPublicArea(tpm.ak().MarshalPublic())) {
    for (const tcg::AlgorithmId bank :
         {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256, tcg::AlgorithmId::kSha384}) {
      for (uint32_t pcr = 0; pcr < 10; ++pcr) {
        tpm.Extend(bank, pcr, Bytes(tcg::DigestSize(bank), static_cast<uint8_t>(pcr + 1)));
      }
    }
    nonce.fill(0x5A);
    identity.decision = appraisal::Decision::kApproved;
    identity.admissions = {{appraisal::AdmissionRecord::By::kHuman, "1"}};
    identity.key_profile = crypto::ProfileOf(tpm.ak().Public());
    identity.manufacturer = "IBM";
  }

  static tcg::PcrSelection Selection(const std::string& text) {
    auto selection = tcg::PcrSelection::FromText(text);
    if (!selection) {
      std::abort();
    }
    return *selection;
  }

  Bytes StatementBytes() const { return ToBytes(AsBytes(evidence::Encode(statement))); }

  Bytes QualifyingData() const {
    return evidence::QualifyingData(tpm.ak().key_template().scheme.hash, nonce, node_uid,
                                    tpm.ak().Name(), StatementBytes());
  }

  AttestFields Fields() const { return tpm.PrepareQuote(selection, QualifyingData()); }

  evidence::Evidence Evidence() const { return Evidence(Fields()); }

  // Signed by the real key, with these fields and the values of the selection that was asked.
  evidence::Evidence Evidence(const AttestFields& fields) const {
    const Quote quote = tpm.SignAttest(fields, selection);
    evidence::Evidence evidence;
    evidence.attest = quote.attest;
    evidence.signature = quote.signature;
    for (const auto& [bank, values] : quote.pcrs) {
      for (const auto& [index, digest] : values) {
        evidence.pcrs.push_back({bank, index, digest});
      }
    }
    evidence.statement = StatementBytes();
    return evidence;
  }

  appraisal::Expectation Expectation() const {
    return {.key = key,
            .qualifying_data = appraisal::ChallengeBinding{nonce, node_uid},
            .selection = selection,
            .endorsement_key = std::nullopt,
            .identity = identity,
            .recorded = recorded};
  }

  // The policy object that PCR 0-7 of this machine pass; `extra` is JSON to go in front of the
  // other members of spec, "" or "…,".
  std::string PolicyJson(const std::string& mode = "Enforce", const std::string& extra = "",
                         tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256) const {
    std::string rules;
    for (uint32_t pcr = 0; pcr < 8; ++pcr) {
      rules +=
          fmt::format(R"({}{{"bank":"{}","index":{},"match":"Reference","anyOf":["{}"]}})",
                      pcr == 0 ? "" : ",", tcg::BankName(bank), pcr, ToHex(tpm.Pcr(bank, pcr)));
    }
    return fmt::format(
        R"({{"apiVersion":"plimsoll.dev/v1alpha1","kind":"AttestationPolicy",)"
        R"("metadata":{{"name":"measured","uid":"9c1f5e0a-0000-4000-8000-000000000001",)"
        R"("generation":3}},"spec":{{{}"mode":"{}","nodeSelector":{{}},"pcrs":[{}]}}}})",
        extra, mode, rules);
  }

  static appraisal::AppliedPolicy Apply(const std::string& json) {
    auto policy = policy::AttestationPolicy::Parse(json);
    if (!policy) {
      std::abort();
    }
    return {std::make_shared<const policy::CompiledPolicy>(
                policy::CompiledPolicy::Compile(*std::move(policy), {})),
            std::nullopt};
  }

  std::vector<appraisal::AppliedPolicy> Policies() const { return {Apply(PolicyJson())}; }

  SoftwareTpm tpm;
  appraisal::SigningKey key;
  evidence::Nonce nonce{};
  std::string node_uid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11";
  evidence::Statement statement{.boot_id = "3f1d9a52-6c1b-4a7e-8f0d-2b9e5c4d7a10",
                                .kernel = "6.1.0-31-amd64",
                                .os_image = "Debian GNU/Linux 12",
                                .agent_version = "0.1.0",
                                .boot_event_log = std::nullopt,
                                .ima = std::nullopt};
  tcg::PcrSelection selection = Selection("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,23");
  appraisal::IdentityFacts identity;
  std::optional<appraisal::RecordedClock> recorded;
  MonotonicTime now{std::chrono::hours(1)};
};

}  // namespace plimsoll::fakes
