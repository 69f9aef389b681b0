#include "cluster/controller/software_node.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/encoding.h"
#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "crypto/endorsement_key.h"
#include "crypto/random.h"

namespace plimsoll::cluster {

SoftwareNode::SoftwareNode(std::string name, const std::string& group, fakes::KeyTemplate ak)
    : name_(std::move(name)), machine_(std::move(ak)), ek_(fakes::KeyTemplate::EkP384()) {
  Deployment::Get();  // the chart brings the agent's ServiceAccount
  crypto::SystemRandom random;
  clock_base_ = static_cast<uint64_t>(UniformReal(random) * 1e9);
  uid_ = Cluster().CreateNode(name_, fmt::format("{{plimsoll-test: {}}}", group));
  token_ =
      Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-agent", "agent-" + name_, name_);
  machine_.node_uid = uid_;
}

std::string SoftwareNode::identity() const {
  return "ek-" + crypto::EndorsementKeySha256(ek_.Public()).value().substr(0, 32);
}

std::vector<std::string> SoftwareNode::Pcrs() const {
  std::vector<std::string> pcrs;
  for (uint32_t pcr = 0; pcr < 8; ++pcr) {
    pcrs.push_back(ToHex(machine_.tpm.Pcr(tcg::AlgorithmId::kSha256, pcr)));
  }
  return pcrs;
}

SoftwareNode::SoftwareNode(const SoftwareNode& other, std::nullptr_t)
    : name_(other.name_),
      uid_(other.uid_),
      token_(other.token_),
      machine_(other.machine_),
      ek_(other.ek_),
      clock_base_(other.clock_base_) {}

std::unique_ptr<SoftwareNode> SoftwareNode::OnAnotherConnection(const std::string& address,
                                                                const std::string& ca_pem) const {
  std::unique_ptr<SoftwareNode> same(new SoftwareNode(*this, nullptr));
  same->Connect(address, ca_pem);
  return same;
}

void SoftwareNode::Connect(const std::string& address, const std::string& ca_pem) {
  transport::TransportOptions options;
  options.base_url = "https://" + address;
  options.ca_pem = ca_pem;
  options.server_name = fmt::format("plimsoll-controller.{}.svc", kNamespace);
  options.bearer_token = [this]() -> Result<std::string> { return token_; };
  options.min_tls = transport::TlsVersion::k13;
  auto transport = transport::MakeTransport(std::move(options));
  ASSERT_TRUE(transport) << transport.error().message;
  transport_ = *std::move(transport);
}

transport::HttpResponse SoftwareNode::Send(const std::string& method, const std::string& path,
                                           const std::string& body) {
  transport::HttpRequest request{
      .method = method, .path_and_query = path, .headers = {}, .body = body};
  if (!body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
  }
  auto response = transport_->Send(request, {});
  return response ? *std::move(response)
                  : transport::HttpResponse{
                        .status = -1, .headers = {}, .body = response.error().message};
}

transport::HttpResponse SoftwareNode::SendPatiently(const std::string& method,
                                                    const std::string& path,
                                                    const std::string& body) {
  constexpr int kAttempts = 10;
  transport::HttpResponse response = Send(method, path, body);
  for (int attempt = 1; response.status == 429 && attempt < kAttempts; ++attempt) {
    std::this_thread::sleep_for(response.RetryAfter().value_or(std::chrono::seconds(1)));
    response = Send(method, path, body);
  }
  return response;
}

transport::HttpResponse SoftwareNode::Enroll() {
  evidence::EnrollmentRequest request;
  request.agent_version = "test";
  request.endorsement_public = ek_.MarshalPublic();
  request.attestation_public = machine_.tpm.ak().MarshalPublic();
  request.tpm.manufacturer = manufacturer_;
  const transport::HttpResponse offered =
      SendPatiently("POST", "/v1/enrollments", evidence::Encode(request));
  const auto credential = evidence::DecodeEnrollmentResponse(offered.body);
  if (offered.status != 201 || !credential) {
    return offered;
  }
  const auto secret = fakes::ActivateCredential(
      ek_, machine_.tpm.ak().Name(), credential->credential_blob, credential->encrypted_secret);
  evidence::ActivationRequest activation;
  activation.secret = Secret(secret.value_or(Bytes(32)));
  return SendPatiently("POST", "/v1/enrollments/" + credential->enrollment + "/activation",
                       evidence::Encode(activation));
}

transport::HttpResponse SoftwareNode::RequestChallenge() {
  constexpr char kAll[] = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23";
  return RequestChallenge(machine_.tpm.ak().Name(), fmt::format("sha1:{0}+sha256:{0}", kAll));
}

transport::HttpResponse SoftwareNode::RequestChallenge(const tcg::Name& key,
                                                       const std::string& banks) {
  const evidence::ChallengeRequest request{.attestation_key_name = key,
                                           .boot_id = machine_.statement.boot_id,
                                           .banks = fakes::AttestedNode::Selection(banks),
                                           .boot_event_log = std::nullopt,
                                           .ima_entries = std::nullopt};
  return SendPatiently("POST", "/v1/challenges", evidence::Encode(request));
}

evidence::ChallengeResponse SoftwareNode::Challenge() {
  const transport::HttpResponse response = RequestChallenge();
  auto challenge = evidence::DecodeChallengeResponse(response.body);
  EXPECT_TRUE(challenge) << response.status << " " << response.body;
  return challenge ? *std::move(challenge) : evidence::ChallengeResponse{};
}

evidence::Evidence SoftwareNode::Answer(const evidence::ChallengeResponse& challenge,
                                        const std::function<void(fakes::AttestFields&)>& spoil) {
  machine_.nonce = challenge.nonce;
  machine_.node_uid = challenge.node.uid;
  machine_.selection = challenge.selection;
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started_);
  machine_.tpm.clock.clock = clock_base_ + static_cast<uint64_t>(elapsed.count());
  fakes::AttestFields fields = machine_.Fields();
  if (spoil) {
    spoil(fields);
  }
  return machine_.Evidence(fields);
}

transport::HttpResponse SoftwareNode::SendEvidence(const evidence::ChallengeResponse& challenge,
                                                   const evidence::Evidence& evidence) {
  return SendPatiently("POST", "/v1/evidence",
                       evidence::EncodeEvidence(challenge.challenge, evidence));
}

evidence::EvidenceResponse SoftwareNode::Attest() {
  constexpr int kRounds = 5;
  evidence::ChallengeResponse challenge = Challenge();
  transport::HttpResponse response = SendEvidence(challenge, Answer(challenge));
  // A replica that is behind what another has judged with says so: another round, as agents do.
  for (int round = 1; response.status == 503 && round < kRounds; ++round) {
    std::this_thread::sleep_for(response.RetryAfter().value_or(std::chrono::seconds(1)));
    challenge = Challenge();
    response = SendEvidence(challenge, Answer(challenge));
  }
  auto verdict = evidence::DecodeEvidenceResponse(response.body);
  EXPECT_TRUE(verdict) << response.status << " " << response.body;
  return verdict ? *std::move(verdict) : evidence::EvidenceResponse{};
}

void SoftwareNode::Approve() {
  const CommandResult approved =
      Cluster().Kubectl({"patch", "tpmidentity", identity(), "--type=merge", "-p",
                         R"({"spec":{"decision":"Approved","decisionReason":"test"}})"});
  EXPECT_TRUE(approved.ok()) << approved;
}

std::string ProblemReason(const transport::HttpResponse& response) {
  const auto problem = evidence::DecodeProblem(response.body);
  return problem ? problem->reason : std::string();
}

}  // namespace plimsoll::cluster
