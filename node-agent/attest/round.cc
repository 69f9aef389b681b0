#include "node-agent/attest/round.h"

#include <algorithm>
#include <utility>

#include "crypto/names.h"
#include "evidence/challenge.h"
#include "evidence/enrollment.h"
#include "evidence/identifiers.h"
#include "evidence/limits.h"
#include "evidence/qualifying_data.h"
#include "node-agent/attest/statement.h"

namespace plimsoll::attest {
namespace {

// Ends the use of the TPM with the round, whichever way it ends.
class ReleaseAtEnd {
 public:
  explicit ReleaseAtEnd(TpmAccess& tpm) : tpm_(tpm) {}
  ReleaseAtEnd(const ReleaseAtEnd&) = delete;
  ReleaseAtEnd& operator=(const ReleaseAtEnd&) = delete;
  ~ReleaseAtEnd() { tpm_.Release(); }

 private:
  TpmAccess& tpm_;
};

bool WantsEnrollment(const Failure& failure) {
  return failure.reason == "NotEnrolled" || failure.reason == "UnknownAttestationKey";
}

// Whether a second try can be expected to end better: objects or connection are gone, the TPM is
// not.
bool IsWorthAnotherTry(const Failure& failure) {
  return failure.origin == Origin::kTpm && failure.error.retry == Retry::kReconnect &&
         failure.error.code != ErrorCode::kNotFound;
}

std::string FreeTextOrNothing(const std::string& text) {
  return evidence::IsFreeText(text) ? text : std::string();
}

// Fit for the wire: one line of at most 256 bytes.
std::string AsFreeText(std::string text) {
  if (text.size() > evidence::kMaxFreeTextBytes) {
    text.resize(evidence::kMaxFreeTextBytes);
  }
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) {
      c = '?';
    }
  }
  return text;
}

// What is in the host's logs now. A log that cannot be read is as good as none: the controller says
// what follows from that.
struct HostLogs {
  std::optional<Bytes> boot_event_log;
  std::optional<collect::ImaList> ima;
};

HostLogs CollectLogs(const collect::LogFiles& files, telemetry::Logger& log) {
  HostLogs logs;
  if (auto boot = collect::CollectBootEventLog(files)) {
    logs.boot_event_log = *std::move(boot);
  } else {
    log.Warning("the boot event log is not sent", {{"error", boot.error().message}});
  }
  if (auto ima = collect::ImaList::Collect(files)) {
    logs.ima = *std::move(ima);
  } else {
    log.Warning("the IMA list is not sent", {{"error", ima.error().message}});
  }
  return logs;
}

// What the controller wants of them.
AttachedLogs Attach(HostLogs logs, std::optional<evidence::LogName> boot_event_log,
                    const evidence::ChallengeResponse& challenge) {
  AttachedLogs attached;
  attached.boot_event_log = std::move(boot_event_log);
  if (challenge.want_boot_event_log) {
    attached.boot_event_log_bytes = std::move(logs.boot_event_log);
  }
  if (logs.ima && challenge.want_ima_from) {
    attached.ima = logs.ima->ChunkFrom(*challenge.want_ima_from);
    attached.ima_total = logs.ima->entries();
  }
  return attached;
}

}  // namespace

Outcome<evidence::EvidenceResponse> Rounds::Run(std::stop_token stop) {
  PLIMSOLL_ASSIGN_OR_FAIL(const collect::HostFacts facts, collect::CollectHostFacts(options_.files),
                          HostFailure);
  const ReleaseAtEnd release(tpm_);
  Conversation controller(connector_, options_.addresses, address_, stop);
  auto outcome = Attest(controller, facts);
  if (!outcome && IsWorthAnotherTry(outcome.error()) && !stop.stop_requested()) {
    log_.Info("the TPM is opened anew", {{"error", outcome.error().error.message}});
    outcome = Attest(controller, facts);
  }
  address_ = controller.at();
  return outcome;
}

Outcome<void> Rounds::Report(const Error& tpm_error, std::stop_token stop) {
  Conversation controller(connector_, options_.addresses, address_, std::move(stop));
  evidence::ReportRequest report;
  report.reason = tpm_error.code == ErrorCode::kNotFound ? evidence::TpmTrouble::kTpmAbsent
                                                         : evidence::TpmTrouble::kTpmError;
  report.detail = AsFreeText(tpm_error.message);
  auto told = controller.Report(report);
  address_ = controller.at();
  return told;
}

Outcome<evidence::EvidenceResponse> Rounds::Attest(Conversation& controller,
                                                   const collect::HostFacts& facts) {
  PLIMSOLL_ASSIGN_OR_FAIL(const tpm::Properties properties, tpm_.Describe(), TpmFailure);
  auto ak = PrepareKey(controller);
  if (!ak) {
    return tl::unexpected(std::move(ak).error());
  }
  const tcg::Name name = crypto::ComputeName(*ak);
  HostLogs logs = CollectLogs(options_.logs, log_);
  evidence::ChallengeRequest request{name, facts.boot_id, properties.banks, {}, {}};
  if (logs.boot_event_log) {
    request.boot_event_log = NameOf(*logs.boot_event_log);
  }
  if (logs.ima) {
    request.ima_entries = logs.ima->entries();
  }
  auto challenge = controller.Challenge(request);
  if (!challenge && WantsEnrollment(challenge.error())) {
    auto enrolled = Enroll(controller, *ak, properties);
    if (!enrolled) {
      return tl::unexpected(std::move(enrolled).error());
    }
    challenge = controller.Challenge(request);
  }
  if (!challenge) {
    return tl::unexpected(std::move(challenge).error());
  }

  AttachedLogs attached = Attach(std::move(logs), std::move(request.boot_event_log), *challenge);
  const std::string statement = EncodeStatement(facts, attached);
  const Bytes qualifying_data = evidence::QualifyingData(
      ak->scheme().hash, challenge->nonce, challenge->node.uid, name, AsBytes(statement));
  PLIMSOLL_ASSIGN_OR_FAIL(tpm::QuoteWithValues quote,
                          tpm_.Quote(challenge->selection, qualifying_data), TpmFailure);
  return controller.SendEvidence(challenge->challenge,
                                 ToEvidence(std::move(quote), statement, std::move(attached)));
}

Outcome<tcg::PublicArea> Rounds::PrepareKey(Conversation& controller) {
  if (!cluster_) {
    auto cluster = controller.GetCluster();
    if (!cluster) {
      return tl::unexpected(std::move(cluster).error());
    }
    cluster_ = *std::move(cluster);
  }
  std::vector<crypto::KeyProfile> profiles;
  for (const crypto::KeyProfile profile : options_.profiles) {
    if (std::ranges::find(cluster_->key_profiles, crypto::ToString(profile)) !=
        cluster_->key_profiles.end()) {
      profiles.push_back(profile);
    }
  }
  if (profiles.empty()) {
    cluster_.reset();  // what the controller accepts may change
    return ControllerFailure({ErrorCode::kUnsupported,
                              "the controller accepts no key profile that this agent may use",
                              Retry::kBackoff});
  }
  PLIMSOLL_ASSIGN_OR_FAIL(tcg::PublicArea ak, tpm_.AttestationKey(profiles, cluster_->cluster_uid),
                          TpmFailure);
  return ak;
}

Outcome<void> Rounds::Enroll(Conversation& controller, const tcg::PublicArea& ak,
                             const tpm::Properties& properties) {
  // Whatever the reason for this was, the next round asks what cluster this is.
  cluster_.reset();
  PLIMSOLL_ASSIGN_OR_FAIL(EndorsementMaterial endorsement, tpm_.EndorsementKey(), TpmFailure);
  evidence::EnrollmentRequest request;
  request.agent_version = PLIMSOLL_VERSION;
  request.endorsement_public = std::move(endorsement.public_area);
  request.endorsement_certificate = std::move(endorsement.certificate);
  request.endorsement_chain = std::move(endorsement.chain);
  request.attestation_public = ToBytes(ak.bytes());
  request.tpm.manufacturer = FreeTextOrNothing(properties.manufacturer);
  request.tpm.vendor = FreeTextOrNothing(properties.vendor);
  request.tpm.firmware_version = FreeTextOrNothing(properties.firmware_version);
  request.tpm.spec_revision = FreeTextOrNothing(properties.spec_revision);
  auto enrollment = controller.Enroll(request);
  if (!enrollment) {
    return tl::unexpected(std::move(enrollment).error());
  }
  PLIMSOLL_ASSIGN_OR_FAIL(
      Secret secret,
      tpm_.ActivateCredential(enrollment->credential_blob, enrollment->encrypted_secret),
      TpmFailure);
  auto activation = controller.Activate(enrollment->enrollment, {std::move(secret)});
  if (!activation) {
    return tl::unexpected(std::move(activation).error());
  }
  log_.Info("enrolled", {{"identity", activation->identity},
                         {"decision", evidence::ToString(activation->decision)},
                         {"keyProfile", crypto::ToString(crypto::ProfileOf(ak))},
                         {"endorsementCertificate", request.endorsement_certificate.has_value()}});
  return {};
}

}  // namespace plimsoll::attest
