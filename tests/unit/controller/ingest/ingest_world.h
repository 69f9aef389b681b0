#pragma once

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/encoding.h"
#include "controller/ingest/agent_authenticator.h"
#include "controller/ingest/ingest_context.h"
#include "controller/ingest/routes.h"
#include "crypto/endorsement_key.h"
#include "evidence/challenge.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/problem.h"
#include "evidence/qualifying_data.h"
#include "evidence/statement.h"
#include "fakes/controller_world.h"
#include "fakes/software_tpm.h"
#include "http/router.h"
#include "kube/token_review.h"

namespace plimsoll::controller::ingest {

inline constexpr char kAgentUser[] = "system:serviceaccount:plimsoll-system:plimsoll-agent";

// What the API server knows of a token.
struct KnownToken {
  std::string username = kAgentUser;
  std::string audience = "plimsoll.dev/controller";
  std::string node_name = "worker-1";
  std::string node_uid = fakes::kWorkerUid;
  bool bound_to_node = true;
};

inline std::string Base64Url(const std::string& text) {
  std::string encoded = ToBase64(AsBytes(text));
  while (!encoded.empty() && encoded.back() == '=') {
    encoded.pop_back();
  }
  for (char& c : encoded) {
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return encoded;
}

// The evidence endpoint of one replica without its sockets: authenticator, route table, handlers.
struct IngestWorld : fakes::ControllerWorld {
  IngestWorld() {
    server.Intercept([this](const transport::HttpRequest& request) { return Review(request); });
  }

  // A token that looks like one of an API server's.
  std::string MakeToken(const KnownToken& known,
                        std::chrono::seconds lifetime = std::chrono::seconds(600)) {
    const auto expires =
        std::chrono::duration_cast<std::chrono::seconds>(clock.Wall().time_since_epoch()) +
        lifetime;
    const std::string token = Base64Url(R"({"alg":"RS256"})") + "." +
                              Base64Url(fmt::format(R"({{"exp":{}}})", expires.count())) + "." +
                              Base64Url(fmt::format("signature {}", tokens.size()));
    tokens[token] = known;
    return token;
  }

  std::optional<Result<transport::HttpResponse>> Review(const transport::HttpRequest& request) {
    if (!request.path_and_query.ends_with("/tokenreviews")) {
      return interceptor ? interceptor(request) : std::nullopt;
    }
    ++reviews;
    if (!api_server_up) {
      return Result<transport::HttpResponse>(
          Fail(ErrorCode::kUnavailable, "no connection", Retry::kBackoff));
    }
    nlohmann::json body = nlohmann::json::parse(request.body);
    const auto found = tokens.find(body["spec"]["token"].get<std::string>());
    nlohmann::json status = {{"authenticated", false}, {"error", "not a token of mine"}};
    if (found != tokens.end() && body["spec"]["audiences"][0] == found->second.audience) {
      const KnownToken& known = found->second;
      status = {{"authenticated", true},
                {"audiences", {known.audience}},
                {"user", {{"username", known.username}, {"uid", "u"}, {"groups", {"g"}}}}};
      if (known.bound_to_node) {
        status["user"]["extra"] = {
            {"authentication.kubernetes.io/node-name", {known.node_name}},
            {"authentication.kubernetes.io/node-uid", {known.node_uid}},
            {"authentication.kubernetes.io/pod-name", {"agent-x"}},
            {"authentication.kubernetes.io/pod-uid", {"0b9c8a7d-1111-4222-8333-444455556666"}}};
      }
    }
    body["status"] = status;
    return Result<transport::HttpResponse>(
        transport::HttpResponse{.status = 201, .headers = {}, .body = body.dump()});
  }

  // A request as the server would handle it; `token` without one is a request without credentials.
  http::Response Call(http::Method method, const std::string& path,
                      const std::optional<std::string>& token, std::string body = {}) {
    const auto found = router.Find(method, path);
    const auto* match = std::get_if<http::Router::Match>(&found);
    if (match == nullptr) {
      return http::ProblemResponse(404, "NotFound", "no route");
    }
    http::Request request;
    request.method = method;
    request.path = path;
    request.route = match->route->pattern;
    request.realm = match->route->realm;
    request.parameters = match->parameters;
    request.remote_address = "192.0.2.7";
    if (token) {
      request.authorization = "Bearer " + *token;
    }
    const auto principal = authenticator.Authenticate(request);
    if (!principal) {
      return principal.error().response;
    }
    if (body.size() > match->route->max_body_bytes) {
      return http::ProblemResponse(413, "TooLarge", "too large");
    }
    request.principal = *principal;
    request.body = std::move(body);
    return match->route->handler(request);
  }

  std::map<std::string, KnownToken> tokens;
  std::atomic<int> reviews = 0;
  bool api_server_up = true;
  fakes::FakeApiServer::Interceptor interceptor;
  kube::TokenReviewer reviewer{client};
  AgentAuthenticator authenticator{reviewer, nodes, metrics,
                                   logger,   clock, {.username = kAgentUser}};
  IngestContext context{{.clock = clock,
                         .random = random,
                         .logger = logger,
                         .metrics = metrics,
                         .nodes = nodes,
                         .identities = identities,
                         .attestations = attestations,
                         .picture = picture,
                         .currency = currency,
                         .recorder = recorder,
                         .binding = binding,
                         .changes = changes,
                         .store = store,
                         .events = events,
                         .cluster_uid = "c1u57e2a-0000"}};
  http::Router router = *http::Router::Create(Routes(context));
};

inline std::string ReasonIn(const http::Response& response) {
  const auto problem = evidence::DecodeProblem(response.body);
  return problem ? problem->reason : "no problem document: " + response.body;
}

// An agent with a software TPM, on worker-1 unless it is told otherwise.
struct TestAgent {
  explicit TestAgent(IngestWorld& w, KnownToken known = {},
                     fakes::KeyTemplate ek_template = fakes::KeyTemplate::EkP384(),
                     fakes::KeyTemplate ak_template = fakes::KeyTemplate::AkP384())
      : world(w), token(w.MakeToken(known)), tpm(ak_template), ek(ek_template) {}

  http::Response Post(const std::string& path, std::string body) {
    world.clock.Advance(std::chrono::seconds(12));  // keeps to the node's rate
    return world.Call(http::Method::kPost, path, token, std::move(body));
  }

  evidence::EnrollmentRequest EnrollmentBody() const {
    evidence::EnrollmentRequest request;
    request.agent_version = "0.1.0";
    request.endorsement_public = ek.MarshalPublic();
    request.endorsement_certificate = certificate;
    request.attestation_public = tpm.ak().MarshalPublic();
    request.tpm = {"IFX", "SLB9672", "15.23", "1.59"};
    return request;
  }

  http::Response Enroll() { return Post("/v1/enrollments", evidence::Encode(EnrollmentBody())); }

  Bytes Solve(const evidence::EnrollmentResponse& enrollment) const {
    const auto secret = fakes::ActivateCredential(ek, tpm.ak().Name(), enrollment.credential_blob,
                                                  enrollment.encrypted_secret);
    return secret.value_or(Bytes(32, 0));
  }

  http::Response Activate(const std::string& enrollment, const Bytes& secret) {
    evidence::ActivationRequest request;
    request.secret = Secret(secret);
    return Post("/v1/enrollments/" + enrollment + "/activation", evidence::Encode(request));
  }

  // Enrols and answers; the last response.
  http::Response EnrollAndActivate() {
    world.clock.Advance(std::chrono::seconds(12));
    const http::Response enrolled = Enroll();
    const auto enrollment = evidence::DecodeEnrollmentResponse(enrolled.body);
    return enrollment ? Activate(enrollment->enrollment, Solve(*enrollment)) : enrolled;
  }

  evidence::ChallengeRequest ChallengeBody() const {
    return {.attestation_key_name = tpm.ak().Name(),
            .boot_id = statement.boot_id,
            .banks = *tcg::PcrSelection::FromText(
                "sha1:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23+"
                "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23"),
            .boot_event_log = std::nullopt,
            .ima_entries = std::nullopt};
  }

  http::Response AskChallenge() {
    return Post("/v1/challenges", evidence::Encode(ChallengeBody()));
  }

  evidence::ChallengeResponse Challenge() {
    const http::Response response = AskChallenge();
    auto challenge = evidence::DecodeChallengeResponse(response.body);
    if (!challenge) {
      throw std::runtime_error("no challenge: " + response.body);
    }
    return *std::move(challenge);
  }

  // Good evidence for the challenge; the TPM's clock goes on.
  evidence::Evidence Quote(const evidence::ChallengeResponse& challenge) {
    tpm.clock.clock += 12'000;
    evidence::Evidence made;
    made.statement = ToBytes(AsBytes(evidence::Encode(statement)));
    const Bytes qualifying =
        evidence::QualifyingData(tpm.ak().key_template().scheme.hash, challenge.nonce,
                                 challenge.node.uid, tpm.ak().Name(), *made.statement);
    const fakes::Quote quote = tpm.MakeQuote(challenge.selection, qualifying);
    made.attest = quote.attest;
    made.signature = quote.signature;
    for (const auto& [bank, values] : quote.pcrs) {
      for (const auto& [index, digest] : values) {
        made.pcrs.push_back({bank, index, digest});
      }
    }
    return made;
  }

  http::Response Send(const evidence::ChallengeResponse& challenge,
                      const evidence::Evidence& evidence) {
    return Post("/v1/evidence", evidence::EncodeEvidence(challenge.challenge, evidence));
  }

  http::Response Attest() {
    const auto challenge = Challenge();
    return Send(challenge, Quote(challenge));
  }

  std::string IdentityName() const {
    return TpmIdentity::NameFor(*crypto::EndorsementKeySha256(ek.Public()));
  }

  IngestWorld& world;
  std::string token;
  fakes::SoftwareTpm tpm;
  fakes::SoftwareKey ek;
  std::optional<Bytes> certificate;
  evidence::Statement statement{.boot_id = "3f1d9a52-6c1b-4a7e-8f0d-2b9e5c4d7a10",
                                .kernel = "6.1.0-31-amd64",
                                .os_image = "Debian GNU/Linux 12",
                                .agent_version = "0.1.0",
                                .boot_event_log = std::nullopt,
                                .ima = std::nullopt};
};

}  // namespace plimsoll::controller::ingest
