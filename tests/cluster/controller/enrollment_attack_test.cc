// Attacks on the enrolment over the wire: wrong answers, swapped answers, races.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "base/encoding.h"
#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"

namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;

TEST(Attack, E21_AWrongAnswerBurnsTheEnrolment) {
  SoftwareNode node("e21", "e21");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  evidence::EnrollmentRequest request;
  request.agent_version = "test";
  request.endorsement_public = node.ek().MarshalPublic();
  request.attestation_public = node.tpm().ak().MarshalPublic();
  const auto offered = evidence::DecodeEnrollmentResponse(
      node.Send("POST", "/v1/enrollments", evidence::Encode(request)).body);
  ASSERT_TRUE(offered);
  const auto secret = fakes::ActivateCredential(
      node.ek(), node.tpm().ak().Name(), offered->credential_blob, offered->encrypted_secret);
  ASSERT_TRUE(secret);
  const std::string path = "/v1/enrollments/" + offered->enrollment + "/activation";
  evidence::ActivationRequest wrong;
  wrong.secret = Secret(Bytes(secret->size(), 0x11));
  const auto refused = node.Send("POST", path, evidence::Encode(wrong));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(ProblemReason(refused), "ActivationFailed");
  EXPECT_THAT(refused.body, testing::Not(HasSubstr(ToBase64(*secret))));
  evidence::ActivationRequest right;
  right.secret = Secret(*secret);
  const auto late = node.Send("POST", path, evidence::Encode(right));
  EXPECT_EQ(late.status, 404);
  EXPECT_EQ(ProblemReason(late), "UnknownEnrollment");
  EXPECT_TRUE(GetObject("tpmidentity", node.identity()).is_null())
      << "nothing was written or bound";
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(Deployment::Get().replica(i).Log(), testing::Not(HasSubstr(ToBase64(*secret))));
    EXPECT_THAT(Deployment::Get().replica(i).Log(), testing::Not(HasSubstr(ToHex(*secret))));
  }
}

// One enrolment of a key of its own, by hand. The transport is its own too.
class Enrollment {
 public:
  Enrollment(SoftwareNode& node, const fakes::SoftwareKey& ak) : node_(node), ak_(ak) {
    evidence::EnrollmentRequest request;
    request.agent_version = "test";
    request.endorsement_public = node.ek().MarshalPublic();
    request.attestation_public = ak.MarshalPublic();
    const auto response = node.Send("POST", "/v1/enrollments", evidence::Encode(request));
    status_ = response.status;
    if (auto offered = evidence::DecodeEnrollmentResponse(response.body); offered) {
      offered_ = *std::move(offered);
    }
  }

  int status() const { return status_; }
  Secret SecretFor(const evidence::EnrollmentResponse& offered) const {
    const auto secret = fakes::ActivateCredential(node_.ek(), ak_.Name(), offered.credential_blob,
                                                  offered.encrypted_secret);
    return Secret(secret.value_or(Bytes(32)));
  }
  const evidence::EnrollmentResponse& offered() const { return offered_; }
  transport::HttpResponse Answer(Secret secret) {
    evidence::ActivationRequest activation;
    activation.secret = std::move(secret);
    return node_.Send("POST", "/v1/enrollments/" + offered_.enrollment + "/activation",
                      evidence::Encode(activation));
  }

 private:
  SoftwareNode& node_;
  const fakes::SoftwareKey& ak_;
  int status_ = 0;
  evidence::EnrollmentResponse offered_;
};

TEST(Attack, E22_AnswersOfTwoSessionsThatAreSwappedAreBothRefused) {
  SoftwareNode node("e22", "e22");
  node.Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
  const fakes::SoftwareKey first_key(fakes::KeyTemplate::AkP256());
  const fakes::SoftwareKey second_key(fakes::KeyTemplate::AkP256());
  Enrollment first(node, first_key);
  Enrollment second(node, second_key);
  ASSERT_EQ(first.status(), 201);
  ASSERT_EQ(second.status(), 201);
  const auto swapped = first.Answer(second.SecretFor(second.offered()));
  EXPECT_EQ(swapped.status, 403);
  EXPECT_EQ(ProblemReason(swapped), "ActivationFailed");
  const auto other = second.Answer(first.SecretFor(first.offered()));
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(ProblemReason(other), "ActivationFailed");
  EXPECT_TRUE(GetObject("tpmidentity", node.identity()).is_null()) << "nothing was bound";
}

TEST(Attack, E24_OfFiftyEnrolmentsAtOnceExactlyOneKeyIsBound) {
  constexpr int kClaims = 50;
  SoftwareNode node("e24", "e24");
  std::vector<fakes::SoftwareKey> keys;
  for (int i = 0; i < kClaims; ++i) {
    keys.emplace_back(fakes::KeyTemplate::AkP256());
  }
  std::mutex mutex;
  std::set<std::string> bound;
  int refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kClaims; ++i) {
      threads.emplace_back([&, i] {
        auto claimant = node.OnAnotherConnection(Deployment::Get().replica(i % 2).address(),
                                                 Deployment::Get().ca_pem());
        Enrollment enrollment(*claimant, keys[static_cast<size_t>(i)]);
        const bool accepted =
            enrollment.status() == 201 &&
            enrollment.Answer(enrollment.SecretFor(enrollment.offered())).status == 200;
        const std::lock_guard lock(mutex);
        if (accepted) {
          bound.insert(keys[static_cast<size_t>(i)].Name().ToHex());
        } else {
          ++refused;
        }
      });
    }
  }
  EXPECT_GE(bound.size(), 1U);
  EXPECT_EQ(refused + static_cast<int>(bound.size()), kClaims);
  const auto identity = GetObject("tpmidentity", node.identity());
  ASSERT_FALSE(identity.is_null());
  const std::string name = identity["status"]["attestationKey"]["name"];
  EXPECT_TRUE(bound.contains(name)) << "the one that is bound had answered rightly";
  // Every other key is as good as none.
  node.Connect(Deployment::Get().Leader()->address(), Deployment::Get().ca_pem());
  int challenged = 0;
  for (const fakes::SoftwareKey& key : keys) {
    if (!bound.contains(key.Name().ToHex())) {
      continue;
    }
    const auto response = node.RequestChallenge(key.Name(), "sha256:0,1,2,3,4,5,6,7");
    challenged += response.status == 200 ? 1 : 0;
    if (response.status != 200) {
      EXPECT_EQ(ProblemReason(response), "UnknownAttestationKey");
    }
  }
  EXPECT_EQ(challenged, 1);
}

}  // namespace
}  // namespace plimsoll::cluster
