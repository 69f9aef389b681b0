#include "controller/ingest/agent_authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest_world.h"

namespace plimsoll::controller::ingest {
namespace {

using std::chrono::seconds;

class AgentAuthentication : public ::testing::Test {
 protected:
  http::Authentication Try(const std::optional<std::string>& authorization, bool suspect = false,
                           const std::string& realm = "agent") {
    http::RequestHead head;
    head.realm = realm;
    head.authorization = authorization;
    head.source_is_suspect = suspect;
    return world.authenticator.Authenticate(head);
  }
  static int StatusOf(const http::Authentication& a) { return a ? 200 : a.error().response.status; }
  static std::string Reason(const http::Authentication& a) {
    return a ? "let in" : ReasonIn(a.error().response);
  }

  IngestWorld world;
};

TEST_F(AgentAuthentication, LetsInTheTokenOfAnAgentOnALiveNode) {
  const auto principal = Try("Bearer " + world.MakeToken({}));
  ASSERT_TRUE(principal);
  const auto* agent = dynamic_cast<const AgentPrincipal*>(principal->get());
  ASSERT_NE(agent, nullptr);
  EXPECT_EQ(agent->name(), "node/worker-1");
  EXPECT_EQ(agent->node_uid(), fakes::kWorkerUid);
}

TEST_F(AgentAuthentication, E50_RefusesEveryTokenThatIsNotAnAgentsOnThisNode) {
  struct Case {
    const char* what;
    KnownToken known;
    int status;
    const char* reason;
  };
  const Case cases[] = {
      {"audience of another",
       {.audience = "https://kubernetes.default.svc"},
       401,
       "Unauthenticated"},
      {"another ServiceAccount",
       {.username = "system:serviceaccount:default:default"},
       403,
       "Forbidden"},
      {"a node's own certificate name", {.username = "system:node:worker-1"}, 403, "Forbidden"},
      {"long-lived token without node claims", {.bound_to_node = false}, 403, "Forbidden"},
      {"node claim of a node that is gone", {.node_name = "worker-9"}, 403, "NodeMismatch"},
      {"node claim of an earlier node",
       {.node_uid = "33333333-3333-4333-8333-333333333333"},
       403,
       "NodeMismatch"},
      {"node claim of another node", {.node_uid = fakes::kOtherWorkerUid}, 403, "NodeMismatch"},
      {"node name that is none", {.node_name = "worker-1\n\x1b[31m\"}"}, 403, "Forbidden"},
  };
  for (const Case& c : cases) {
    const int before = world.metrics.Rejected(c.reason);
    const auto answer = Try("Bearer " + world.MakeToken(c.known));
    EXPECT_EQ(StatusOf(answer), c.status) << c.what;
    EXPECT_EQ(Reason(answer), c.reason) << c.what;
    EXPECT_TRUE(answer.error().counts) << c.what;
    EXPECT_EQ(world.metrics.Rejected(c.reason), before + 1) << c.what;
  }
}

TEST_F(AgentAuthentication, RefusesWhatIsNoTokenWithoutAskingAnybody) {
  const std::string good = world.MakeToken({});
  const std::string body = good.substr(0, good.rfind('.'));
  const std::optional<std::string> cases[] = {
      std::nullopt,
      "",
      "Bearer",
      "Bearer ",
      "Basic " + good,
      good,
      "Bearer  " + good,
      "Bearer " + good + " ",
      "Bearer " + good + "=",
      "Bearer " + good + "\n",
      "Bearer " + body,
      "Bearer " + good + ".x",
      "Bearer ." + good,
      "Bearer a.b.c",
      "Bearer " + Base64Url("{}") + "." + Base64Url("{}") + "." + Base64Url("sig"),
      "Bearer " + Base64Url("{}") + "." + Base64Url(R"({"exp":"soon"})") + "." + Base64Url("sig"),
      "Bearer " + Base64Url("{}") + "." + Base64Url(R"({"exp":-1})") + "." + Base64Url("sig"),
      "Bearer " + Base64Url("{}") + "." + Base64Url("[1]") + "." + Base64Url("sig"),
      "Bearer " + body + "." + std::string(8192, 'A'),
      "Bearer " + body + ".c2ln+w",  // another alphabet
      "Bearer " + body + ".c2lnZZ",  // bits behind the last byte
  };
  for (const auto& authorization : cases) {
    const auto answer = Try(authorization);
    EXPECT_EQ(StatusOf(answer), 401) << authorization.value_or("none");
    EXPECT_EQ(Reason(answer), "Unauthenticated");
  }
  EXPECT_EQ(world.reviews, 0);
}

TEST_F(AgentAuthentication, TheSchemeIsOfAnyCase) {
  EXPECT_EQ(StatusOf(Try("bEARER " + world.MakeToken({}))), 200);
}

TEST_F(AgentAuthentication, RefusesEveryRealmThatItDoesNotKnow) {
  const std::string good = "Bearer " + world.MakeToken({});
  for (const char* realm : {"", "auditor", "Agent"}) {
    const auto answer = Try(good, false, realm);
    EXPECT_EQ(StatusOf(answer), 403) << realm;
    EXPECT_EQ(Reason(answer), "Forbidden") << realm;
  }
}

TEST_F(AgentAuthentication, AReviewIsAskedForOnceIn300Seconds) {
  const std::string token = "Bearer " + world.MakeToken({});
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.clock.Advance(seconds(299));
  EXPECT_EQ(StatusOf(Try(token)), 200);
  EXPECT_EQ(world.reviews, 1);
  world.clock.Advance(seconds(1));
  EXPECT_EQ(StatusOf(Try(token)), 200);
  EXPECT_EQ(world.reviews, 2);
}

TEST_F(AgentAuthentication, AReviewIsForgottenWhenItsTokenRunsOut) {
  const std::string token = "Bearer " + world.MakeToken({}, seconds(100));
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.tokens.clear();  // as the API server sees it once it has run out
  world.clock.Advance(seconds(99));
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.clock.Advance(seconds(1));
  EXPECT_EQ(StatusOf(Try(token)), 401);
}

TEST_F(AgentAuthentication, E50_ATokenWhosePodIsGoneIsRefusedOnceItsReviewHasRunOut) {
  const std::string token = "Bearer " + world.MakeToken({});
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.tokens.clear();
  world.clock.Advance(seconds(300));
  EXPECT_EQ(StatusOf(Try(token)), 401);
}

TEST_F(AgentAuthentication, ACachedReviewDoesNotOutliveItsNode) {
  const std::string token = "Bearer " + world.MakeToken({});
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.server.Remove({kube::kNode, "worker-1"});
  EXPECT_EQ(Reason(Try(token)), "NodeMismatch");
  world.AddNode("worker-1", "44444444-4444-4444-8444-444444444444");
  EXPECT_EQ(Reason(Try(token)), "NodeMismatch");
  EXPECT_EQ(world.reviews, 1);
}

TEST_F(AgentAuthentication, ARefusalIsRememberedBriefly) {
  const std::string token = world.MakeToken({.username = "system:serviceaccount:a:b"});
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Reason(Try("Bearer " + token)), "Forbidden");
  }
  EXPECT_EQ(world.reviews, 1);
  world.tokens[token].username = kAgentUser;
  world.clock.Advance(seconds(10));
  EXPECT_EQ(StatusOf(Try("Bearer " + token)), 200);
}

TEST_F(AgentAuthentication, AnApiServerThatDoesNotAnswerIs503AndNotRemembered) {
  const std::string token = "Bearer " + world.MakeToken({});
  world.api_server_up = false;
  const auto answer = Try(token);
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_TRUE(answer.error().response.retry_after.has_value());
  EXPECT_FALSE(answer.error().counts);
  world.api_server_up = true;
  EXPECT_EQ(StatusOf(Try(token)), 200);
}

TEST_F(AgentAuthentication, ACachedReviewServesWhileTheApiServerIsDown) {
  const std::string token = "Bearer " + world.MakeToken({});
  EXPECT_EQ(StatusOf(Try(token)), 200);
  world.api_server_up = false;
  EXPECT_EQ(StatusOf(Try(token)), 200);
}

TEST_F(AgentAuthentication, ASuspectSourceGetsNoReviewButKeepsWhatIsKnown) {
  const std::string known = "Bearer " + world.MakeToken({});
  EXPECT_EQ(StatusOf(Try(known)), 200);
  const auto answer = Try("Bearer " + world.MakeToken({}), true);
  EXPECT_EQ(StatusOf(answer), 429);
  EXPECT_FALSE(answer.error().counts);
  EXPECT_EQ(StatusOf(Try(known, true)), 200);
  EXPECT_EQ(world.reviews, 1);
}

TEST_F(AgentAuthentication, UnknownTokensAreReviewedAtACappedRate) {
  AgentAuthenticator small(world.reviewer, world.nodes, world.metrics, world.logger, world.clock,
                           {.username = kAgentUser, .reviews = {.per_minute = 60, .burst = 2}});
  http::RequestHead head;
  head.realm = "agent";
  const std::string known = "Bearer " + world.MakeToken({});
  head.authorization = known;
  EXPECT_TRUE(small.Authenticate(head));
  head.authorization = "Bearer " + world.MakeToken({.node_name = "x"});
  EXPECT_EQ(StatusOf(small.Authenticate(head)), 403);
  head.authorization = "Bearer " + world.MakeToken({});
  const auto refused = small.Authenticate(head);
  EXPECT_EQ(StatusOf(refused), 503);
  EXPECT_EQ(refused.error().response.retry_after, seconds(1));
  head.authorization = known;
  EXPECT_TRUE(small.Authenticate(head)) << "what is known costs no review";
  EXPECT_EQ(world.reviews, 2);
}

TEST_F(AgentAuthentication, ANodeHas30RequestsAMinuteAndABurstOf20WhateverTokenItUses) {
  const std::string one = "Bearer " + world.MakeToken({});
  const std::string two = "Bearer " + world.MakeToken({});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(StatusOf(Try(i % 2 == 0 ? one : two)), 200) << i;
  }
  const auto refused = Try(one);
  EXPECT_EQ(StatusOf(refused), 429);
  EXPECT_EQ(Reason(refused), "RateLimited");
  EXPECT_EQ(refused.error().response.retry_after, seconds(2));
  EXPECT_FALSE(refused.error().counts);
  EXPECT_EQ(StatusOf(Try("Bearer " + world.MakeToken({.node_name = "worker-2",
                                                      .node_uid = fakes::kOtherWorkerUid}))),
            200)
      << "another node is not held up";
  world.clock.Advance(seconds(2));
  EXPECT_EQ(StatusOf(Try(one)), 200);
}

TEST_F(AgentAuthentication, CachesStayBounded) {
  AgentAuthenticator small(world.reviewer, world.nodes, world.metrics, world.logger, world.clock,
                           {.username = kAgentUser, .max_reviews = 2});
  http::RequestHead head;
  head.realm = "agent";
  const std::string first = "Bearer " + world.MakeToken({});
  for (const std::string& token :
       {first, "Bearer " + world.MakeToken({}), "Bearer " + world.MakeToken({})}) {
    head.authorization = token;
    EXPECT_TRUE(small.Authenticate(head));
  }
  head.authorization = first;
  EXPECT_TRUE(small.Authenticate(head));
  EXPECT_EQ(world.reviews, 4) << "the first was forgotten";
}

TEST_F(AgentAuthentication, NoTokenReachesTheLogOrAnAnswer) {
  const std::string token = world.MakeToken({.username = "system:serviceaccount:a:b"});
  const auto answer = Try("Bearer " + token);
  EXPECT_EQ(answer.error().response.body.find(token.substr(0, 20)), std::string::npos);
  EXPECT_TRUE(world.logger.With(token.substr(0, 20)).empty());
  EXPECT_FALSE(world.logger.With("request refused").empty());
}

}  // namespace
}  // namespace plimsoll::controller::ingest
