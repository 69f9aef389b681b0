#include "kubectl-plugin/offline_appraisal.h"

#include <fmt/format.h>

#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "kubectl-plugin/files.h"

namespace plimsoll::plugin {
namespace {

using appraisal::AdmissionRecord;
using appraisal::IdentityFacts;

// What the bundle's endorsement proves by the authorities at hand.
void JudgeEndorsement(const evidence::BundleEndorsement& endorsement, const tcg::PublicArea& ek,
                      const policy::Authorities& authorities, WallTime now,
                      IdentityFacts& identity) {
  if (!endorsement.certificate) {
    identity.denial = "the endorsement has no certificate";
    return;
  }
  const auto certificate = crypto::EndorsementCertificate::Parse(*endorsement.certificate);
  if (!certificate) {
    identity.denial = "the EK certificate cannot be read: " + certificate.error().message;
    return;
  }
  if (!certificate->IsFor(ek)) {
    identity.denial = "the EK certificate is for another key than endorsement.public (C12)";
    return;
  }
  if (const auto rejection = crypto::CheckEndorsementKey(ek)) {
    identity.denial =
        fmt::format("endorsement.public: {} ({})", rejection->message, rejection->check);
    return;
  }
  for (const auto& [name, authority] : authorities) {
    if (!authority->problem.empty()) {
      continue;
    }
    const auto verdict = authority->Verify(*certificate, endorsement.chain, now);
    if (!verdict) {
      identity.denial = fmt::format("EndorsementAuthority {}: {}", name, verdict.error().message);
    } else if (verdict->accepted) {
      identity.admissions.push_back({AdmissionRecord::By::kEndorsementCertificate, name});
      identity.manufacturer = verdict->manufacturer;
    } else {
      identity.denial = fmt::format("EndorsementAuthority {}: {}", name, verdict->reason);
    }
  }
}

// Whoever gives a policy that cannot be judged wants to know that, whatever its mode: an empty spec
// is one of Audit.
void SayWhatIsNotReady(appraisal::Appraisal& judged) {
  if (judged.reason != appraisal::Reason::kNoEnforcingPolicy) {
    return;
  }
  for (const appraisal::PolicyResult& result : judged.policies) {
    if (result.reason == appraisal::Reason::kPolicyNotReady) {
      judged.reason = result.reason;
      judged.message = fmt::format("policy {}: {}", result.name, result.findings.front().message);
      return;
    }
  }
}

Result<appraisal::SigningKey> KeyOf(const evidence::BundleFrame& frame) {
  if (const auto* pem = std::get_if<std::string>(&frame.attestation_key)) {
    auto key = appraisal::SigningKey::FromPem(*pem);
    return key ? std::move(key)
               : Fail(key.error().code, "attestationKey.public: " + key.error().message);
  }
  return appraisal::SigningKey::FromPublicArea(std::get<Bytes>(frame.attestation_key));
}

}  // namespace

Result<evidence::BundleDocument> ReadBundle(const std::string& path,
                                            const Surroundings& surroundings) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, evidence::BundleDocument::kMaxBytes, surroundings));
  auto bundle = evidence::BundleDocument::Parse(text);
  if (!bundle) {
    return Fail(bundle.error().code, path + ": " + bundle.error().message);
  }
  return bundle;
}

Result<appraisal::Appraisal> AppraiseBundle(const evidence::BundleDocument& bundle,
                                            const PolicySet& policies, const Clock& clock) {
  const evidence::BundleFrame& frame = bundle.frame();
  PLIMSOLL_ASSIGN_OR_RETURN(const appraisal::SigningKey key, KeyOf(frame));

  std::vector<appraisal::AppliedPolicy> applied;
  for (const auto& policy : policies.policies) {
    applied.push_back({.policy = policy, .last = std::nullopt});
  }
  appraisal::Expectation expectation{.key = key,
                                     .qualifying_data = Bytes(),
                                     .selection = frame.selection,
                                     .endorsement_key = std::nullopt,
                                     .identity = {},
                                     .recorded = std::nullopt,
                                     .runtime = std::nullopt,
                                     .knows_earlier_rounds = false};
  if (const auto* nonce = std::get_if<evidence::Nonce>(&frame.expected)) {
    expectation.qualifying_data = appraisal::ChallengeBinding{*nonce, frame.node_uid};
  } else {
    expectation.qualifying_data = std::get<Bytes>(frame.expected);
  }
  expectation.identity.source = frame.endorsement ? IdentityFacts::Source::kBundleWithEndorsement
                                                  : IdentityFacts::Source::kBundle;
  if (key.area()) {
    expectation.identity.key_profile = crypto::ProfileOf(*key.area());
  }
  if (frame.endorsement) {
    const auto ek = tcg::PublicArea::Parse(frame.endorsement->public_area);
    if (!ek) {
      return Fail(ErrorCode::kMalformed, "endorsement.public: " + ek.error().message);
    }
    expectation.endorsement_key =
        crypto::QualifiedNameOfEndorsementPrimary(crypto::ComputeName(*ek));
    JudgeEndorsement(*frame.endorsement, *ek, policies.authorities, clock.Wall(),
                     expectation.identity);
  }
  const auto evidence = bundle.DecodeEvidence();
  if (!evidence) {
    return appraisal::RejectMalformed(evidence.error(), applied);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(
      auto judged, appraisal::Appraise(*evidence, expectation, applied, clock.Monotonic()));
  SayWhatIsNotReady(judged);
  return judged;
}

}  // namespace plimsoll::plugin
