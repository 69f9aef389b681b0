#include "kube/token_review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/fake_transport.h"

namespace plimsoll::kube {
namespace {

class TokenReviewTest : public testing::Test {
 protected:
  Result<TokenIdentity> ReviewWith(const std::string& status, int code = 201) {
    transport_.Answer(code, R"({"kind":"TokenReview","status":)" + status + "}");
    return reviewer_.Review("header.payload.signature", "plimsoll.dev/controller");
  }

  fakes::FakeTransport transport_;
  SystemClock clock_;
  Client client_{transport_, clock_};
  TokenReviewer reviewer_{client_};
};

TEST_F(TokenReviewTest, AsksForTheAudience) {
  ASSERT_TRUE(ReviewWith("{}"));
  const auto request = transport_.requests().at(0);
  EXPECT_EQ(request.path_and_query, "/apis/authentication.k8s.io/v1/tokenreviews");
  EXPECT_EQ(nlohmann::json::parse(request.body)["spec"],
            nlohmann::json::parse(
                R"({"token":"header.payload.signature","audiences":["plimsoll.dev/controller"]})"));
}

TEST_F(TokenReviewTest, GivesUserAudiencesAndNodeClaims) {
  const auto identity = ReviewWith(R"({"authenticated":true,"audiences":["plimsoll.dev/controller"],
    "user":{"username":"system:serviceaccount:ns:agent","groups":["system:serviceaccounts"],
    "extra":{"authentication.kubernetes.io/node-name":["worker-1"],
    "authentication.kubernetes.io/node-uid":["nu"],"authentication.kubernetes.io/pod-name":["p"],
    "authentication.kubernetes.io/pod-uid":["pu"],"authentication.kubernetes.io/credential-id":["JTI=1"]}}})");
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_TRUE(identity->IsFor("plimsoll.dev/controller"));
  EXPECT_FALSE(identity->IsFor("other"));
  EXPECT_EQ(identity->username, "system:serviceaccount:ns:agent");
  EXPECT_THAT(identity->groups, testing::ElementsAre("system:serviceaccounts"));
  EXPECT_EQ(identity->node_name, "worker-1");
  EXPECT_EQ(identity->node_uid, "nu");
  EXPECT_EQ(identity->pod_name, "p");
  EXPECT_EQ(identity->pod_uid, "pu");
}

TEST_F(TokenReviewTest, AFailedReviewHasNoAuthenticatedKey) {
  const auto identity = ReviewWith(R"({"user":{},"error":"token\nexpired"})");
  ASSERT_TRUE(identity);
  EXPECT_FALSE(identity->authenticated);
  EXPECT_FALSE(identity->IsFor("plimsoll.dev/controller"));
  EXPECT_EQ(identity->error, "token expired");
}

TEST_F(TokenReviewTest, OnlyTheBooleanTrueAuthenticates) {
  for (const char* value : {"false", "\"true\"", "1", "null", "[true]"}) {
    const auto identity =
        ReviewWith(std::string(R"({"authenticated":)") + value + R"(,"user":{"username":"root"}})");
    ASSERT_TRUE(identity);
    EXPECT_FALSE(identity->authenticated) << value;
    EXPECT_EQ(identity->username, "") << value;
  }
}

TEST_F(TokenReviewTest, WithoutAudiencesInTheStatusATokenIsForNobody) {
  const auto identity = ReviewWith(R"({"authenticated":true,"user":{"username":"u"}})");
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->authenticated);
  EXPECT_FALSE(identity->IsFor("plimsoll.dev/controller"));
}

TEST_F(TokenReviewTest, AClaimWithSeveralValuesIsNoClaim) {
  const auto identity = ReviewWith(R"({"authenticated":true,"audiences":["plimsoll.dev/controller"],
    "user":{"username":"u","extra":{"authentication.kubernetes.io/node-name":["a","b"],
    "authentication.kubernetes.io/node-uid":[],"authentication.kubernetes.io/pod-name":"p"}}})");
  ASSERT_TRUE(identity);
  EXPECT_FALSE(identity->node_name);
  EXPECT_FALSE(identity->node_uid);
  EXPECT_FALSE(identity->pod_name);
}

TEST_F(TokenReviewTest, AnswersThatSayNothingAreErrors) {
  for (const char* body :
       {"", "[]", "{}", R"({"status":[]})", R"({"status":{"authenticated":true}})"}) {
    transport_.Answer(201, body);
    EXPECT_FALSE(reviewer_.Review("a.b.c", "x")) << body;
  }
  const auto denied = ReviewWith("{}", 403);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kDenied);
}

TEST_F(TokenReviewTest, WhatIsNoTokenIsNotAskedAbout) {
  for (const std::string& token :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string(16 * 1024 + 1, 'a'),
        std::string("\xc3\xa9"), std::string("a\0b", 3)}) {
    const auto identity = reviewer_.Review(token, "x");
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, ErrorCode::kMalformed);
  }
  EXPECT_TRUE(transport_.requests().empty());
}

}  // namespace
}  // namespace plimsoll::kube
