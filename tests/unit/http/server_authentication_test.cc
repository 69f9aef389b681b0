// Who gets in: default deny, before the body, with failures counted.

#include <set>

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerAuthentication : public ServerTest {};

std::string Concrete(std::string pattern) {
  for (size_t open = 0; (open = pattern.find('{')) != std::string::npos;) {
    pattern.replace(open, pattern.find('}') - open + 1, "x");
  }
  return pattern;
}

TEST_F(ServerAuthentication, E29_EveryRouteThatIsNotPublicIsDeniedWithoutACredential) {
  StartPlain();
  std::set<std::string> open;
  for (const Route& route : server_->router().routes()) {
    const std::string start = std::string(ToString(route.method)) + ' ' + Concrete(route.pattern) +
                              " HTTP/1.1\r\nHost: test\r\n";
    for (const char* credential :
         {"", "Authorization: Bearer bad\r\n", "Authorization: Basic good\r\n",
          "Authorization: good\r\n", "X-Plimsoll-Token: Bearer good\r\n"}) {
      const auto response = Client().Ask(start + credential + "\r\n");
      ASSERT_TRUE(response);
      if (response->status == 200) {
        open.insert(route.pattern);
        continue;
      }
      // One route takes X-Plimsoll-Token, and not such a one.
      EXPECT_EQ(response->status, 401) << route.pattern << ' ' << credential;
      EXPECT_EQ(Reason(*response), "Unauthenticated");
      EXPECT_EQ(response->header("www-authenticate"), "Bearer");
    }
  }
  EXPECT_EQ(open, std::set<std::string>{"/public"});
}

TEST_F(ServerAuthentication, AServerWithRoutesToGuardNeedsAnAuthenticator) {
  auto router = Router::Create(TestRoutes(gate_));
  ASSERT_TRUE(router);
  const auto server = Server::Create({.address = "127.0.0.1", .security = Security::kPlain},
                                     *std::move(router), nullptr, clock_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kUnsupported);
}

TEST_F(ServerAuthentication, TheAuthenticatorSeesTheHeadAndTheHandlerThePrincipal) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Get("/v1/cluster?verbose=1", "good-7"))->body, "\"Bearer good-7\"");
  EXPECT_EQ(client
                .Ask("GET /v1/nodes/worker-2/evidence HTTP/1.1\r\nHost: a\r\n"
                     "X-Plimsoll-Token: audit\r\n\r\n")
                ->body,
            "\"worker-2\"");
  const auto heads = authenticator_.heads();
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_EQ(heads[0].realm, "agent");
  EXPECT_EQ(heads[0].route, "/v1/cluster");
  EXPECT_EQ(heads[0].remote_address, "127.0.0.1");
  EXPECT_EQ(heads[0].query, (Parameters{{"verbose", "1"}}));
  EXPECT_EQ(heads[1].realm, "auditor");
  EXPECT_EQ(heads[1].plimsoll_token, "audit");
  EXPECT_EQ(heads[1].connection_id, heads[0].connection_id);
}

TEST_F(ServerAuthentication, ACredentialDoesNotReachTheOtherRealm) {
  StartPlain();
  EXPECT_EQ(Client().Ask(Get("/v1/nodes/worker-1/evidence", "good"))->status, 401);
  EXPECT_EQ(Client()
                .Ask("GET /v1/cluster HTTP/1.1\r\nHost: a\r\nX-Plimsoll-Token: audit\r\n\r\n")
                ->status,
            401);
}

TEST_F(ServerAuthentication, IsDecidedBeforeTheBodyIsSent) {
  StartPlain();
  RawClient client = Client();
  const auto response = client.Ask(
      "POST /v1/evidence HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer bad\r\n"
      "Content-Length: 16000000\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(server_->statistics().buffered_body_bytes, 0U);
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
}

TEST_F(ServerAuthentication, ThreeBadCredentialsEndAConnection) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "bad"))->header("connection"), "");
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "good"))->status, 200);
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "bad"))->header("connection"), "");
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "bad"))->header("connection"), "close");
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kFailedCredentials), 1);
}

TEST_F(ServerAuthentication, RefusalsThatAreNobodysFaultDoNotCount) {
  StartPlain();
  RawClient client = Client();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.Ask(Get("/v1/cluster", "limited"))->status, 429);
    EXPECT_EQ(client.Ask(Get("/v1/cluster", "unchecked"))->status, 503);
  }
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerAuthentication, AnAuthenticatorThatBreaksLetsNobodyIn) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "throws"))->status, 500);
  EXPECT_EQ(client.Ask(Get("/v1/cluster", "nobody"))->status, 500);
  EXPECT_EQ(observer_.defects().size(), 2U);
  EXPECT_EQ(server_->statistics().unauthenticated, 1U);
}

TEST_F(ServerAuthentication, ASourceThatFailsTooOftenIsMarkedAndRecovers) {
  limits_.failed_authentications_burst = 4;
  limits_.failed_authentications_per_minute = 1200;
  StartPlain();
  const auto suspect = [this](const std::string& source) {
    EXPECT_TRUE(Serves(source));
    return authenticator_.heads().back().source_is_suspect;
  };
  EXPECT_FALSE(suspect("127.0.0.2"));
  ASSERT_TRUE(Eventually([&] {
    Client("127.0.0.2").Ask(Get("/v1/cluster", "bad"));
    return authenticator_.heads().back().source_is_suspect;
  }));
  EXPECT_FALSE(suspect("127.0.0.3"));
  EXPECT_TRUE(Eventually([&] { return !suspect("127.0.0.2"); }));
}

TEST_F(ServerAuthentication, SlowAuthenticationDoesNotHoldUpHandlers) {
  limits_.authentication_threads = 1;
  StartPlain();
  RawClient working = Client();
  working.Send(Post("/v1/small", "{}"));
  EXPECT_EQ(working.ReadResponse()->status, 200);
  RawClient slow = Client();
  slow.Send(Get("/v1/cluster", "slow"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  EXPECT_EQ(Client().Ask("GET /public HTTP/1.1\r\nHost: a\r\n\r\n")->status, 200);
  gate_.Open();
  EXPECT_EQ(slow.ReadResponse()->status, 200);
}

TEST_F(ServerAuthentication, AFullAuthenticationQueueIs503) {
  limits_.authentication_threads = 1;
  limits_.authentication_queue = 1;
  StartPlain();
  RawClient first = Client();
  first.Send(Get("/v1/cluster", "slow"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  RawClient second = Client();
  second.Send(Get("/v1/cluster", "good"));
  std::optional<RawResponse> refused;
  // Whichever of the two comes first takes the place in the queue.
  RawClient third = Client();
  third.Send(Get("/v1/cluster", "good"));
  ASSERT_TRUE(Eventually([this] { return observer_.requests().size() == 1; }));
  EXPECT_EQ(observer_.requests()[0].status, 503);
  gate_.Open();
  EXPECT_EQ(first.ReadResponse()->status, 200);
}

TEST_F(ServerAuthentication, AClientThatHangsUpMeanwhileIsForgotten) {
  StartPlain();
  {
    RawClient slow = Client();
    slow.Send(Get("/v1/cluster", "slow"));
    ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  }
  gate_.Open();
  EXPECT_TRUE(Eventually([this] { return server_->statistics().connections == 0; }));
  EXPECT_TRUE(Serves());
}

}  // namespace
}  // namespace plimsoll::http
