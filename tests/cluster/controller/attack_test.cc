// Attacks over the wire by whoever holds a node's token, against the real controller and API
// server. Named after the scenarios of the threat model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/encoding.h"
#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"
#include "crypto/names.h"

namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;

// A node that is Trusted under a policy of its own, ready to be attacked.
std::unique_ptr<SoftwareNode> TrustedNode(const std::string& name) {
  auto node = std::make_unique<SoftwareNode>(name, name);
  node->Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  EXPECT_EQ(node->Enroll().status, 200);
  EXPECT_TRUE(Cluster().Apply(PolicyYaml(name, name, node->Pcrs())).ok());
  EXPECT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node->identity()).is_null(); }));
  node->Approve();
  EXPECT_TRUE(Eventually([&] { return node->Attest().verdict == "Trusted"; }));
  EXPECT_TRUE(Eventually([&] { return Label(name) == "true"; }));
  return node;
}

// "Refused": no trust label, taint present, the reason in the verdict, counted.
void ExpectRefused(SoftwareNode& node, const transport::HttpResponse& response,
                   const std::string& reason) {
  EXPECT_THAT(response.body, HasSubstr(reason)) << response.status;
  EXPECT_TRUE(Eventually([&] { return Label(node.name()) == "false"; }))
      << TrustedReason(node.name());
  EXPECT_TRUE(Eventually([&] { return TaintValue(node.name()) == reason + ":NoSchedule"; }))
      << TaintValue(node.name());
  EXPECT_EQ(TrustedReason(node.name()), reason);
  EXPECT_THAT(Deployment::Get().replica(0).Metrics(),
              HasSubstr("plimsoll_evidence_rejected_total{reason=\"" + reason + "\"}"));
}

TEST(Attack, E01_AFlippedBitOfTheSignatureIsRefusedAndChangesTheState) {
  const auto node = TrustedNode("e01");
  const auto challenge = node->Challenge();
  auto evidence = node->Answer(challenge);
  evidence.signature.back() ^= 1U;
  ExpectRefused(*node, node->SendEvidence(challenge, evidence), "SignatureInvalid");
}

TEST(Attack, E02_YesterdaysEvidenceIsRefusedWithEitherSignature) {
  const auto node = TrustedNode("e02");
  const auto old = node->Answer(node->Challenge());
  const auto challenge = node->Challenge();
  ExpectRefused(*node, node->SendEvidence(challenge, old), "NonceMismatch");
}

TEST(Attack, E02_AnAnsweredChallengeIsGone) {
  const auto node = TrustedNode("e02b");
  const auto challenge = node->Challenge();
  const auto evidence = node->Answer(challenge);
  EXPECT_EQ(node->SendEvidence(challenge, evidence).status, 200);
  const auto again = node->SendEvidence(challenge, evidence);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(ProblemReason(again), "UnknownChallenge");
  EXPECT_EQ(Label("e02b"), "true") << "no verdict";
}

TEST(Attack, E03_APcrOutsideTheQuoteIsNeverEvaluated) {
  const auto node = TrustedNode("e03");
  const auto challenge = node->Challenge();
  const auto evidence = node->Answer(challenge, [](fakes::AttestFields& fields) {
    for (auto& bank : fields.selection) {
      bank.bits[0] = static_cast<uint8_t>(bank.bits[0] & 0x7FU);  // PCR 7 is left out
    }
  });
  ExpectRefused(*node, node->SendEvidence(challenge, evidence), "SelectionMismatch");
}

TEST(Attack, E04_AChallengeThatIsAnsweredByAnotherMachinesTpmIsRefused) {
  const auto good = TrustedNode("e04-good");
  const auto relay = TrustedNode("e04-relay");
  // Malware on one node has the TPM of a good one answer for it.
  const auto named = relay->RequestChallenge(good->tpm().ak().Name(), "sha256:0,1,2,3,4,5,6,7");
  EXPECT_EQ(named.status, 409);
  EXPECT_EQ(ProblemReason(named), "UnknownAttestationKey");
  const auto challenge = relay->Challenge();
  ExpectRefused(*relay, relay->SendEvidence(challenge, good->Answer(challenge)),
                "SignatureInvalid");
  EXPECT_EQ(good->Attest().verdict, "Trusted");
  EXPECT_EQ(Label("e04-good"), "true");
}

TEST(Attack, E06_WhatTheKeySignedElsewhereIsNoQuote) {
  const auto node = TrustedNode("e06");
  for (const uint16_t type :
       {uint16_t{0x8014}, uint16_t{0x8017}, uint16_t{0x8019}, uint16_t{0x801A}, uint16_t{0x801C}}) {
    const auto challenge = node->Challenge();
    const auto evidence =
        node->Answer(challenge, [type](fakes::AttestFields& fields) { fields.type = type; });
    EXPECT_THAT(node->SendEvidence(challenge, evidence).body, HasSubstr("NotAQuote")) << type;
  }
  EXPECT_TRUE(Eventually([] { return Label("e06") == "false"; }));
}

TEST(Attack, Q7_AKeyBelowTheEnrolledEndorsementKeyCountsAndOneBelowAnotherDoesNot) {
  const auto node = TrustedNode("q7");
  const auto below = [&](const fakes::SoftwareKey& parent) {
    const auto signer = crypto::QualifiedNameOfChild(
        crypto::QualifiedNameOfEndorsementPrimary(parent.Name()), node->tpm().ak().Name());
    return [signer](fakes::AttestFields& fields) { fields.signer = ToBytes(signer.bytes()); };
  };
  const auto good = node->Challenge();
  EXPECT_THAT(node->SendEvidence(good, node->Answer(good, below(node->ek()))).body,
              HasSubstr("AllPoliciesPassed"));
  const fakes::SoftwareKey other(fakes::KeyTemplate::EkP384());
  const auto bad = node->Challenge();
  ExpectRefused(*node, node->SendEvidence(bad, node->Answer(bad, below(other))), "NotAQuote");
}

TEST(Attack, E08_AQuoteOverNothingIsRefused) {
  const auto node = TrustedNode("e08");
  const auto challenge = node->Challenge();
  const auto evidence = node->Answer(challenge, [](fakes::AttestFields& fields) {
    for (auto& bank : fields.selection) {
      bank.bits.assign(bank.bits.size(), 0);
    }
  });
  ExpectRefused(*node, node->SendEvidence(challenge, evidence), "SelectionMismatch");
}

TEST(Attack, E12_ABankThatThePolicyDoesNotWantProvesNothing) {
  SoftwareNode node("e12", "e12");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  ASSERT_EQ(node.Enroll().status, 200);
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("e12", "e12", node.Pcrs())).ok());
  ASSERT_TRUE(Eventually([&] { return !GetObject("tpmidentity", node.identity()).is_null(); }));
  node.Approve();
  evidence::EvidenceResponse verdict;
  EXPECT_TRUE(Eventually([&] {
    const auto challenge = evidence::DecodeChallengeResponse(
        node.RequestChallenge(node.tpm().ak().Name(), "sha1:0,1,2,3,4,5,6,7").body);
    if (!challenge) {
      return false;
    }
    const auto answered = evidence::DecodeEvidenceResponse(
        node.SendEvidence(*challenge, node.Answer(*challenge)).body);
    verdict = answered ? *answered : evidence::EvidenceResponse{};
    return verdict.reason == "WrongBank";
  }));
  EXPECT_EQ(verdict.verdict, "Unknown");
  EXPECT_NE(Label("e12"), "true");
}

TEST(Attack, E15_KeysThatCouldSignAnythingAreRefusedBeforeACredentialIsMade) {
  SoftwareNode node("e15", "e15");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  fakes::KeyTemplate unrestricted = fakes::KeyTemplate::AkP256();
  unrestricted.attributes &= ~0x00010000U;  // restricted
  evidence::EnrollmentRequest request;
  request.agent_version = "test";
  request.endorsement_public = node.ek().MarshalPublic();
  request.attestation_public = node.tpm().ak().With(unrestricted).MarshalPublic();
  const auto response = node.Send("POST", "/v1/enrollments", evidence::Encode(request));
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(ProblemReason(response), "AttestationKeyRejected");
  EXPECT_TRUE(GetObject("tpmidentity", node.identity()).is_null());
}

TEST(Attack, E16_AnEndorsementKeyOutsideTheTemplatesIsRefused) {
  SoftwareNode node("e16", "e16");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  fakes::KeyTemplate signing = fakes::KeyTemplate::EkP384();
  signing.attributes |= 0x00040000U;  // sign
  evidence::EnrollmentRequest request;
  request.agent_version = "test";
  request.endorsement_public = node.ek().With(signing).MarshalPublic();
  request.attestation_public = node.tpm().ak().MarshalPublic();
  const auto response = node.Send("POST", "/v1/enrollments", evidence::Encode(request));
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(ProblemReason(response), "EndorsementKeyRejected");
}

TEST(Attack, E17_QuotesByAKeyThatWasNotActivatedAreNotEvenAskedFor) {
  const auto node = TrustedNode("e17");
  SoftwareNode other("e17-other", "e17-other");
  const auto response = node->RequestChallenge(other.tpm().ak().Name(), "sha256:0,1,2,3,4,5,6,7");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(ProblemReason(response), "UnknownAttestationKey");

  // Signing the answer to the right key's challenge with another key.
  const auto challenge = node->Challenge();
  fakes::AttestFields fields;
  auto evidence = node->Answer(challenge, [&](fakes::AttestFields& f) { fields = f; });
  evidence.signature = other.tpm().SignAttest(fields, challenge.selection).signature;
  ExpectRefused(*node, node->SendEvidence(challenge, evidence), "SignatureInvalid");
}

TEST(Attack, E23_AnotherGenuineTpmDoesNotTakeANodeOver) {
  const auto node = TrustedNode("e23");
  SoftwareNode thief("e23-thief", "e23-thief");
  thief.Connect(Deployment::Get().replica(1).address(), Deployment::Get().ca_pem());
  thief.set_token(node->token());
  const auto response = thief.Enroll();
  EXPECT_EQ(response.status, 409) << response.body;
  EXPECT_EQ(ProblemReason(response), "IdentityConflict");
  EXPECT_EQ(node->Attest().verdict, "Trusted");
  EXPECT_EQ(Label("e23"), "true");
  EXPECT_TRUE(Eventually([] { return HasEvent("e23", "IdentityConflict"); }));
}

TEST(Attack, E23_TheTpmOfAnAdmittedNodeIsNotTakenToAnother) {
  const auto node = TrustedNode("e23c");
  SoftwareNode other("e23d", "e23d");
  node->set_token(other.token());  // the thief speaks as e23d, with the TPM of e23c
  const auto response = node->Enroll();
  EXPECT_EQ(response.status, 409) << response.body;
  EXPECT_EQ(ProblemReason(response), "IdentityConflict");
  EXPECT_EQ(Label("e23c"), "true");
}

TEST(Attack, E25_NoFieldOfARequestNamesTheNode) {
  const auto victim = TrustedNode("e25");
  SoftwareNode attacker("e25-attacker", "e25-attacker");
  attacker.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  const auto challenge = victim->Challenge();
  auto evidence = victim->Answer(challenge);
  evidence.signature.back() ^= 1U;
  const auto response = attacker.SendEvidence(challenge, evidence);
  EXPECT_EQ(response.status, 409) << "the challenge is another node's";
  EXPECT_EQ(Label("e25"), "true");
  EXPECT_EQ(victim->SendEvidence(challenge, victim->Answer(challenge)).status, 200)
      << "and is still good for its own";
}

TEST(Attack, E26_ChallengesAreAllDifferent) {
  std::set<evidence::Nonce> nonces;
  std::set<std::string> ids;
  for (int n = 0; n < 3; ++n) {
    SoftwareNode node("e26-" + std::to_string(n), "e26");
    node.Connect(Deployment::Get().replica(n % 2).address(), Deployment::Get().ca_pem());
    ASSERT_EQ(node.Enroll().status, 200);
    for (int i = 0; i < 8; ++i) {
      const auto challenge = node.Challenge();
      nonces.insert(challenge.nonce);
      ids.insert(challenge.challenge);
    }
  }
  EXPECT_EQ(nonces.size(), 24U);
  EXPECT_EQ(ids.size(), 24U);
}

TEST(Attack, E29_EveryRouteNeedsAnAgentsToken) {
  SoftwareNode node("e29", "e29");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  const std::string good = node.token();
  const std::vector<std::pair<std::string, std::string>> routes = {
      {"GET", "/v1/cluster"},
      {"POST", "/v1/enrollments"},
      {"POST", "/v1/enrollments/x/activation"},
      {"POST", "/v1/challenges"},
      {"POST", "/v1/evidence"},
      {"POST", "/v1/reports"}};
  Cluster().EnsureServiceAccount(kNamespace, "somebody");
  const std::string other =
      Cluster().CreateServiceAccountToken(kNamespace, "somebody", "somebody-e29", "e29");
  const std::string wrong_audience = Cluster().CreateServiceAccountToken(
      kNamespace, "plimsoll-agent", "agent-e29-audience", "e29", "somewhere-else");
  const std::string unbound =
      Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-agent", "", "");
  for (const auto& [method, path] : routes) {
    const std::string body = method == "POST" ? "{}" : "";
    node.set_token("not.a.token");
    EXPECT_EQ(node.Send(method, path, body).status, 401) << path;
    node.set_token(wrong_audience);
    EXPECT_EQ(node.Send(method, path, body).status, 401) << path;
    node.Connect(Deployment::Get().replica(0).address(),
                 Deployment::Get().ca_pem());  // three refusals end a connection
    node.set_token(other);
    EXPECT_EQ(node.Send(method, path, body).status, 403) << path;
    node.set_token(unbound);
    EXPECT_EQ(node.Send(method, path, body).status, 403) << path;
    node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  }
  node.set_token(good);
  EXPECT_EQ(node.Send("GET", "/v1/cluster").status, 200);
}

TEST(Attack, E30_NamesThatCarryMoreThanANameAreRefusedAndStayOneLine) {
  int n = 0;
  for (const std::string& hostile :
       {std::string("a\nlevel=error msg=forged"), std::string("\x1b[31mred"),
        std::string("\"} 1\nplimsoll_forged 1"), std::string(10'000, 'x')}) {
    SoftwareNode node("e30-" + std::to_string(++n), "e30");
    node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
    evidence::EnrollmentRequest request;
    request.endorsement_public = node.ek().MarshalPublic();
    request.attestation_public = node.tpm().ak().MarshalPublic();
    auto body = nlohmann::json::parse(evidence::Encode(request));
    body["agentVersion"] = hostile;  // by hand: the codec itself would not send it
    const auto response = node.Send("POST", "/v1/enrollments", body.dump());
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_EQ(ProblemReason(response), "RequestMalformed");
  }
  std::istringstream log(Deployment::Get().replica(0).Log());
  for (std::string line; std::getline(log, line);) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
  EXPECT_THAT(Deployment::Get().replica(0).Metrics(), testing::Not(HasSubstr("forged")));
}

TEST(Attack, E50_TokensThatAreNotThisNodesAreRefused) {
  SoftwareNode node("e50", "e50");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  std::string tampered = node.token();
  tampered[tampered.size() - 10] = tampered[tampered.size() - 10] == 'A' ? 'B' : 'A';
  node.set_token(tampered);
  EXPECT_EQ(node.Send("GET", "/v1/cluster").status, 401);
  node.set_token(node.token() + "=");
  EXPECT_EQ(node.Send("GET", "/v1/cluster").status, 401)
      << "another spelling of a token is no token";
}

TEST(Attack, BodiesThatAreNotTheRoutesAreMalformedAndChangeNothing) {
  const auto node = TrustedNode("malformed");
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string("{\"challenge\":1}"),
        std::string("{\"a\":1,\"a\":1}"), std::string(2000, '['),
        std::string("{\"challenge\":\"\xff\"}")}) {
    const auto response = node->Send("POST", "/v1/evidence", body);
    EXPECT_EQ(response.status, 400) << body.substr(0, 40) << " " << response.body;
    EXPECT_EQ(ProblemReason(response), "RequestMalformed");
  }
  EXPECT_EQ(node->Send("POST", "/v1/challenges", std::string(70 * 1024, ' ')).status, 413);
  EXPECT_EQ(node->Send("GET", "/v1/nowhere").status, 404);
  EXPECT_EQ(node->Send("GET", "/v1/evidence").status, 405);
  EXPECT_EQ(Label("malformed"), "true");
}

TEST(Attack, EvidenceThatCannotBeDecodedIsTheVerdictOfItsNodeAlone) {
  const auto node = TrustedNode("undecodable");
  const auto bystander = TrustedNode("bystander");
  const auto challenge = node->Challenge();
  auto evidence = node->Answer(challenge);
  evidence.attest.resize(20);
  const auto response = node->SendEvidence(challenge, evidence);
  ExpectRefused(*node, response, "EvidenceMalformed");
  EXPECT_EQ(bystander->Attest().verdict, "Trusted");
}

TEST(Attack, F4_AFloodOfOneNodeIsThrottledAndOthersAreServed) {
  const auto bystander = TrustedNode("flood-bystander");
  SoftwareNode node("flood", "flood");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  int throttled = 0;
  for (int i = 0; i < 40; ++i) {
    const auto response = node.Send("GET", "/v1/cluster");
    if (response.status == 429) {
      ++throttled;
      EXPECT_EQ(ProblemReason(response), "RateLimited");
      EXPECT_TRUE(response.RetryAfter());
    }
  }
  EXPECT_GE(throttled, 15);
  EXPECT_EQ(bystander->Attest().verdict, "Trusted");
}

}  // namespace
}  // namespace plimsoll::cluster
