#include "controller/ingest/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest_world.h"

namespace plimsoll::controller::ingest {
namespace {

using std::chrono::seconds;

class RouteTable : public ::testing::Test {
 protected:
  static std::string PathOf(const http::Route& route) {
    std::string path = route.pattern;
    const size_t parameter = path.find("{id}");
    return parameter == std::string::npos ? path : path.replace(parameter, 4, "abc");
  }

  IngestWorld world;
};

TEST_F(RouteTable, HoldsTheRoutesOfTheProtocol) {
  std::vector<std::string> rows;
  for (const http::Route& route : world.router.routes()) {
    rows.push_back(
        fmt::format("{} {} {}", http::ToString(route.method), route.pattern, route.max_body_bytes));
  }
  EXPECT_THAT(rows, ::testing::UnorderedElementsAre(
                        "GET /v1/cluster 0", "POST /v1/enrollments 65536",
                        "POST /v1/enrollments/{id}/activation 65536", "POST /v1/challenges 65536",
                        "POST /v1/evidence 16777216", "POST /v1/reports 65536"));
}

TEST_F(RouteTable, E29_F05_NoRouteOpensWithoutAnAgentsToken) {
  ASSERT_FALSE(world.router.routes().empty());
  for (const http::Route& route : world.router.routes()) {
    EXPECT_EQ(route.access, http::Access::kAuthenticated) << route.pattern;
    const std::string path = PathOf(route);
    EXPECT_EQ(world.Call(route.method, path, std::nullopt).status, 401) << path;
    EXPECT_EQ(world.Call(route.method, path, "nonsense").status, 401) << path;
    EXPECT_EQ(world.Call(route.method, path, world.MakeToken({.audience = "other"})).status, 401)
        << path;
    EXPECT_EQ(world
                  .Call(route.method, path,
                        world.MakeToken({.username = "system:serviceaccount:default:default"}))
                  .status,
              403)
        << path;
    EXPECT_EQ(world.Call(route.method, path, world.MakeToken({.bound_to_node = false})).status, 403)
        << path;
  }
  EXPECT_TRUE(world.server.All(kube::kNodeAttestation).empty());
}

TEST_F(RouteTable, AHandlerWithoutAnAgentRefusesByItself) {
  for (const http::Route& route : world.router.routes()) {
    EXPECT_EQ(route.handler(http::Request{}).status, 401) << route.pattern;
  }
}

TEST_F(RouteTable, MalformedBodiesAreRefusedOnEveryRouteThatTakesOne) {
  int expected = 0;
  for (const http::Route& route : world.router.routes()) {
    if (route.method != http::Method::kPost) {
      continue;
    }
    for (const std::string& body :
         {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
          std::string("\xff"), std::string(R"({"a":1,"a":2})"),
          std::string(R"({"x":)") + std::string(1000, '[') + std::string(1000, ']') + "}"}) {
      world.clock.Advance(seconds(30));
      const auto response =
          world.Call(http::Method::kPost, PathOf(route), world.MakeToken({}), body);
      EXPECT_EQ(response.status, 400) << route.pattern << " " << body.substr(0, 20);
      EXPECT_EQ(ReasonIn(response), "RequestMalformed") << route.pattern;
      EXPECT_EQ(response.content_type, "application/problem+json");
      ++expected;
    }
  }
  EXPECT_EQ(world.metrics.Rejected("RequestMalformed"), expected);
  EXPECT_TRUE(world.server.All(kube::kNodeAttestation).empty()) << "no verdict for anybody";
}

TEST_F(RouteTable, E30_HostileTextIsRefusedAndLeavesOneCleanLogLineEach) {
  TestAgent agent(world);
  auto body = nlohmann::json::parse(evidence::Encode(agent.EnrollmentBody()));
  for (const std::string& hostile :
       {std::string("a\nnode=\"worker-2\""), std::string("\x1b[31mred"), std::string("\"}"),
        std::string(10'000, 'x'),
        std::string("a\xe2\x80\xa8"
                    "b")}) {
    world.clock.Advance(seconds(30));
    body["agentVersion"] = hostile;
    const size_t before = world.logger.lines().size();
    const auto response = agent.Post("/v1/enrollments", body.dump());
    if (hostile == "\"}") {
      EXPECT_EQ(response.status, 201) << "harmless once it is escaped";
      continue;
    }
    EXPECT_EQ(response.status, 400);
    const auto lines = world.logger.lines();
    ASSERT_EQ(lines.size(), before + 1);
    EXPECT_EQ(lines.back().find('\n'), std::string::npos);
    EXPECT_EQ(lines.back().find("xxxxxxxxxxxxxxxxxxxx"), std::string::npos);
    EXPECT_EQ(lines.back().find('\x1b'), std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(lines.back()).value("node", ""), "worker-1");
  }
}

TEST_F(RouteTable, ChallengesOfUnknownKeysAndOddBanksAreRefused) {
  TestAgent agent(world);
  EXPECT_EQ(ReasonIn(agent.AskChallenge()), "NotEnrolled");
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  TestAgent other_key(world);
  const auto unknown = other_key.AskChallenge();
  EXPECT_EQ(unknown.status, 409);
  EXPECT_EQ(ReasonIn(unknown), "UnknownAttestationKey");

  auto body = nlohmann::json::parse(evidence::Encode(agent.ChallengeBody()));
  for (const auto& banks :
       {nlohmann::json::array(), nlohmann::json{{{"bank", "sm3_256"}, {"pcrs", {0}}}},
        nlohmann::json{{{"bank", "sha256"}, {"pcrs", nlohmann::json::array()}}},
        nlohmann::json{{{"bank", "sha256"}, {"pcrs", {0, 0}}}},
        nlohmann::json{{{"bank", "sha256"}, {"pcrs", {32}}}}}) {
    body["banks"] = banks;
    const auto response = agent.Post("/v1/challenges", body.dump());
    EXPECT_EQ(response.status, 400) << banks;
    EXPECT_EQ(ReasonIn(response), "RequestMalformed");
  }
}

TEST_F(RouteTable, AChallengeAsksForTheBankThatPoliciesRead) {
  world.AddPolicy("measured", {{"mode", "Audit"},
                               {"pcrs",
                                {{{"bank", "sha256"},
                                  {"index", 17},
                                  {"match", "Reference"},
                                  {"anyOf", {std::string(64, 'f')}}}}}});
  TestAgent agent(world);
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  const auto challenge = agent.Challenge();
  EXPECT_EQ(challenge.node.name, "worker-1");
  EXPECT_EQ(challenge.node.uid, fakes::kWorkerUid);
  EXPECT_EQ(challenge.expires_in, seconds(60));
  EXPECT_EQ(challenge.selection,
            *tcg::PcrSelection::FromText("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,17,23"));
}

TEST_F(RouteTable, APendingTpmOnANodeThatAPersonGaveToAnotherIsAConflict) {
  TestAgent first(world);
  TestAgent second(world);
  ASSERT_EQ(first.EnrollAndActivate().status, 200);
  ASSERT_EQ(second.EnrollAndActivate().status, 200);
  world.Decide(first.IdentityName(), "Approved");
  const auto refused = second.AskChallenge();
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(ReasonIn(refused), "IdentityConflict");
  EXPECT_EQ(first.AskChallenge().status, 200);
}

TEST_F(RouteTable, ANodesFourthChallengeDropsItsFirst) {
  TestAgent agent(world);
  ASSERT_EQ(agent.EnrollAndActivate().status, 200);
  const auto first = agent.Challenge();
  const auto last = [&] {
    agent.Challenge();
    agent.Challenge();
    return agent.Challenge();
  }();
  EXPECT_EQ(ReasonIn(agent.Send(first, agent.Quote(first))), "UnknownChallenge");
  EXPECT_EQ(agent.Send(last, agent.Quote(last)).status, 200);
}

TEST_F(RouteTable, AFloodOfOneNodeLeavesOthersServed) {
  TestAgent loud(world);
  TestAgent quiet(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  ASSERT_EQ(quiet.EnrollAndActivate().status, 200);
  int limited = 0;
  for (int i = 0; i < 1000; ++i) {
    limited += world.Call(http::Method::kPost, "/v1/challenges", loud.token, "{}").status == 429;
  }
  EXPECT_GE(limited, 980);
  EXPECT_EQ(world.metrics.Rejected("RateLimited"), limited);
  EXPECT_EQ(quiet.Attest().status, 200);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
