#include "fakes/fake_controller.h"

#include <algorithm>
#include <string_view>

#include "appraisal/appraisal.h"
#include "appraisal/signing_key.h"
#include "base/encoding.h"
#include "crypto/attestation_key.h"
#include "crypto/credential.h"
#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "evidence/cluster_info.h"
#include "evidence/evidence.h"
#include "evidence/problem.h"

namespace plimsoll::fakes {
namespace {

transport::HttpResponse Json(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

transport::HttpResponse Refused(int status, const std::string& reason,
                                std::optional<std::chrono::seconds> retry_after = std::nullopt) {
  transport::HttpResponse response{
      status,
      {{"Content-Type", std::string(evidence::kProblemContentType)}},
      evidence::Encode(evidence::Problem{status, "Refused", "by the fake controller", reason})};
  if (retry_after) {
    response.headers.emplace_back("Retry-After", std::to_string(retry_after->count()));
  }
  return response;
}

tcg::PcrSelection DefaultSelection() {
  return tcg::PcrSelection::Create({{tcg::AlgorithmId::kSha256, 0x80FFFF}}).value();
}

}  // namespace

FakeController::FakeController() : selection(DefaultSelection()) {}

void FakeController::Refuse(std::string path, int status, std::string reason,
                            std::optional<std::chrono::seconds> retry_after) {
  const std::lock_guard lock(mutex_);
  refusals_.push_back({std::move(path), Refused(status, reason, retry_after)});
}

void FakeController::ForgetKey() {
  const std::lock_guard lock(mutex_);
  activated_.reset();
}

std::unique_ptr<transport::Transport> FakeController::Connect() {
  auto connection = std::make_unique<FakeTransport>();
  connection->SetHandler([this](const transport::HttpRequest& request) {
    return Result<transport::HttpResponse>(Handle(request));
  });
  return connection;
}

transport::HttpResponse FakeController::Handle(const transport::HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::string& path = request.path_and_query;
  paths_.push_back(path);
  const auto refusal = std::ranges::find_if(
      refusals_, [&](const Refusal& candidate) { return path.starts_with(candidate.path); });
  if (refusal != refusals_.end()) {
    const transport::HttpResponse response = refusal->response;
    refusals_.erase(refusal);
    return response;
  }
  constexpr std::string_view kEnrollments = "/v1/enrollments/";
  constexpr std::string_view kActivation = "/activation";
  if (request.method == "GET" && path == "/v1/cluster") {
    return Json(200, evidence::Encode(evidence::ClusterInfo{cluster_uid, key_profiles}));
  }
  if (request.method != "POST") {
    return Refused(405, "MethodNotAllowed");
  }
  if (path == "/v1/enrollments") {
    return Enroll(request.body);
  }
  if (path.starts_with(kEnrollments) && path.ends_with(kActivation)) {
    return Activate(
        path.substr(kEnrollments.size(), path.size() - kEnrollments.size() - kActivation.size()),
        request.body);
  }
  if (path == "/v1/challenges") {
    return Challenge(request.body);
  }
  if (path == "/v1/evidence") {
    return TakeEvidence(request.body);
  }
  return path == "/v1/reports" ? TakeReport(request.body) : Refused(404, "NotFound");
}

transport::HttpResponse FakeController::Enroll(const std::string& body) {
  auto request = evidence::DecodeEnrollmentRequest(body);
  if (!request) {
    return Refused(400, "RequestMalformed");
  }
  const auto ek = tcg::PublicArea::Parse(request->endorsement_public);
  const auto ak = tcg::PublicArea::Parse(request->attestation_public);
  if (!ak || crypto::CheckAttestationKey(*ak)) {
    return Refused(422, "AttestationKeyRejected");
  }
  if (!ek || crypto::CheckEndorsementKey(*ek)) {
    return Refused(422, "EndorsementKeyRejected");
  }
  if (request->endorsement_certificate) {
    const auto certificate =
        crypto::EndorsementCertificate::Parse(*request->endorsement_certificate);
    if (!certificate || !certificate->IsFor(*ek)) {
      return Refused(422, "EndorsementKeyRejected");
    }
  }
  Bytes secret(32);
  random_.Fill(secret);
  auto credential = crypto::MakeCredential(*ek, crypto::ComputeName(*ak), secret, random_);
  if (!credential) {
    return Refused(500, "Internal");
  }
  enrollments_.push_back(*std::move(request));
  evidence::EnrollmentResponse response;
  response.enrollment = "enrollment-" + std::to_string(++next_id_);
  response.credential_blob = std::move(credential->credential_blob);
  response.encrypted_secret = std::move(credential->encrypted_secret);
  response.expires_in = std::chrono::seconds(60);
  pending_.emplace(response.enrollment, Pending{*ak, std::move(secret)});
  return Json(201, evidence::Encode(response));
}

transport::HttpResponse FakeController::Activate(const std::string& id, const std::string& body) {
  const auto request = evidence::DecodeActivationRequest(body);
  const auto pending = pending_.extract(id);
  if (!request) {
    return Refused(400, "RequestMalformed");
  }
  if (pending.empty()) {
    return Refused(404, "UnknownEnrollment");
  }
  if (!EqualConstantTime(request->secret.bytes(), pending.mapped().secret)) {
    return Refused(403, "ActivationFailed");
  }
  activated_ = pending.mapped().ak;
  return Json(200, evidence::Encode(
                       evidence::ActivationResponse{"ek-0123", crypto::ComputeName(*activated_),
                                                    evidence::IdentityDecision::kAdmitted}));
}

transport::HttpResponse FakeController::Challenge(const std::string& body) {
  const auto request = evidence::DecodeChallengeRequest(body);
  if (!request) {
    return Refused(400, "RequestMalformed");
  }
  if (!activated_) {
    return Refused(409, "NotEnrolled");
  }
  if (request->attestation_key_name != crypto::ComputeName(*activated_)) {
    return Refused(409, "UnknownAttestationKey");
  }
  evidence::ChallengeResponse response;
  response.challenge = "challenge-" + std::to_string(++next_id_);
  response.node = {"worker-1", kNodeUid};
  random_.Fill(response.nonce);
  response.selection = selection;
  response.expires_in = std::chrono::seconds(60);
  challenges_.emplace(response.challenge, response);
  if (on_challenge) {
    on_challenge();
  }
  return Json(200, evidence::Encode(response));
}

transport::HttpResponse FakeController::TakeEvidence(const std::string& body) {
  const auto document = evidence::EvidenceDocument::Parse(body);
  if (!document) {
    return Refused(400, "RequestMalformed");
  }
  const auto challenge = challenges_.extract(document->challenge());
  if (challenge.empty() || !activated_) {
    return Refused(409, "UnknownChallenge");
  }
  const auto decoded = document->Decode();
  if (!decoded) {
    rejections_.emplace_back("EvidenceMalformed");
    return Refused(422, "EvidenceMalformed");
  }
  const auto key = appraisal::SigningKey::FromPublicArea(activated_->bytes());
  const appraisal::Expectation expectation{
      key,       appraisal::ChallengeBinding{challenge.mapped().nonce, kNodeUid},
      selection, std::nullopt,
      {},        std::nullopt};
  const auto appraisal = appraisal::Appraise(*decoded, expectation, {}, MonotonicTime());
  if (!appraisal) {
    return Refused(500, "Internal");
  }
  if (appraisal->facts) {
    statements_.push_back(*appraisal->statement);
    last_pcrs_ = appraisal->facts->pcrs;
  } else {
    rejections_.emplace_back(appraisal::ToString(appraisal->reason));
  }
  return Json(
      200, evidence::Encode(evidence::EvidenceResponse{
               std::string(appraisal::ToString(appraisal->verdict)),
               std::string(appraisal::ToString(appraisal->reason)), appraisal->message, interval}));
}

transport::HttpResponse FakeController::TakeReport(const std::string& body) {
  const auto request = evidence::DecodeReportRequest(body);
  if (!request) {
    return Refused(400, "RequestMalformed");
  }
  reports_.push_back(*request);
  return {204, {}, {}};
}

std::vector<std::string> FakeController::paths() const {
  const std::lock_guard lock(mutex_);
  return paths_;
}

std::vector<evidence::ReportRequest> FakeController::reports() const {
  const std::lock_guard lock(mutex_);
  return reports_;
}

std::vector<evidence::EnrollmentRequest> FakeController::enrollments() const {
  const std::lock_guard lock(mutex_);
  return enrollments_;
}

std::vector<evidence::Statement> FakeController::statements() const {
  const std::lock_guard lock(mutex_);
  return statements_;
}

std::vector<std::string> FakeController::rejections() const {
  const std::lock_guard lock(mutex_);
  return rejections_;
}

std::optional<tcg::PublicArea> FakeController::activated() const {
  const std::lock_guard lock(mutex_);
  return activated_;
}

std::vector<evidence::PcrValue> FakeController::last_pcrs() const {
  const std::lock_guard lock(mutex_);
  return last_pcrs_;
}

}  // namespace plimsoll::fakes
