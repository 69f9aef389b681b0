// Many clients at once: the cap, who has to go, and that good clients are served meanwhile.

#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerConnections : public ServerTest {
 protected:
  // A client that has been served and stays.
  RawClient Authenticated() {
    RawClient client = Client();
    EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
    return client;
  }
  bool CountIs(size_t connections) {
    return Eventually([&] { return server_->statistics().connections == connections; });
  }
};

TEST_F(ServerConnections, IdleAndHalfOpenOnesDoNotKeepAGoodOneOut) {
  StartTls();
  std::vector<RawClient> idlers;
  for (int i = 0; i < 250; ++i) {
    idlers.push_back(Client());
    ASSERT_TRUE(idlers.back().ok());
    if (i % 3 == 0) {
      idlers.back().Send("\x16\x03\x01");  // the first bytes of a handshake
    }
  }
  RawClient client = Client();
  ASSERT_TRUE(client.StartTls());
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerConnections, OnesThatComeAndGoLeaveNothingBehind) {
  StartTls();
  for (int i = 0; i < 300; ++i) {
    RawClient client = Client();
    if (i % 2 == 0) {
      client.Send("not a handshake at all, not even nearly");
    }
  }
  EXPECT_TRUE(CountIs(0));
}

TEST_F(ServerConnections, AboveTheCapTheOldestUnauthenticatedGoes) {
  limits_.max_connections = 4;
  StartPlain();
  RawClient good = Authenticated();
  RawClient oldest = Client();
  ASSERT_TRUE(CountIs(2));
  RawClient older = Client();
  ASSERT_TRUE(CountIs(3));
  RawClient young = Client();
  ASSERT_TRUE(CountIs(4));
  RawClient newcomer = Client();
  EXPECT_EQ(newcomer.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_TRUE(oldest.ClosedWithin(seconds(5)));
  EXPECT_FALSE(older.ClosedWithin(milliseconds(20)));
  EXPECT_FALSE(young.ClosedWithin(milliseconds(1)));
  EXPECT_EQ(good.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_EQ(observer_.drops(DropReason::kEvicted), 1);
}

TEST_F(ServerConnections, ThenTheLongestIdleGoesAndABusyOneStays) {
  limits_.max_connections = 3;
  StartPlain();
  RawClient busy = Client();
  busy.Send(Post("/v1/blocked", "1"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  RawClient first = Authenticated();
  RawClient second = Authenticated();
  EXPECT_EQ(first.Ask(Get("/v1/cluster"))->status, 200);  // second has been idle for longer now
  RawClient newcomer = Client();
  EXPECT_EQ(newcomer.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_TRUE(second.ClosedWithin(seconds(5)));
  EXPECT_EQ(first.Ask(Get("/v1/cluster"))->status, 200);
  gate_.Open();
  EXPECT_EQ(busy.ReadResponse()->status, 204);
}

TEST_F(ServerConnections, WhenAllAreBusyTheNewcomerIsClosed) {
  limits_.max_connections = 2;
  StartPlain();
  RawClient one = Client();
  one.Send(Post("/v1/blocked", "1"));
  RawClient two = Client();
  two.Send(Post("/v1/blocked", "2"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 2; }));
  EXPECT_TRUE(Client().ClosedWithin(seconds(5)));
  gate_.Open();
  EXPECT_EQ(one.ReadResponse()->status, 204);
  EXPECT_EQ(two.ReadResponse()->status, 204);
}

TEST_F(ServerConnections, AFloodFromOneAddressEatsItselfOnly) {
  limits_.max_connections = 20;
  limits_.max_unauthenticated_per_source = 4;
  StartPlain();
  std::vector<RawClient> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(Client("127.0.0." + std::to_string(10 + i)));
  }
  ASSERT_TRUE(CountIs(8));
  std::vector<RawClient> flood;
  for (int i = 0; i < 30; ++i) {
    flood.push_back(Client("127.0.0.9"));
  }
  ASSERT_TRUE(Eventually([this] { return observer_.drops(DropReason::kSourceLimit) == 26; }));
  ASSERT_TRUE(CountIs(12));
  EXPECT_EQ(observer_.drops(DropReason::kEvicted), 0);
  for (RawClient& other : others) {
    EXPECT_EQ(other.Ask(Get("/v1/cluster"))->status, 200);
  }
}

TEST_F(ServerConnections, BelowHalfOfTheCapASourceIsNotLimited) {
  limits_.max_connections = 100;
  limits_.max_unauthenticated_per_source = 4;
  StartPlain();
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(Client());
  }
  EXPECT_TRUE(CountIs(50));
  EXPECT_EQ(observer_.drops(DropReason::kSourceLimit), 0);
}

TEST_F(ServerConnections, WithoutFileDescriptorsTheOldestGoesAndAcceptingGoesOn) {
  StartPlain();
  RawClient oldest = Client();
  ASSERT_TRUE(CountIs(1));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  ASSERT_GE(next, 0);
  close(next);
  // Room for the client's side of one more connection, and not for the server's.
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  RawClient newcomer = Client();
  EXPECT_TRUE(newcomer.ok());
  const auto response = newcomer.Ask(Get("/v1/cluster"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(oldest.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kEvicted), 1);
}

}  // namespace
}  // namespace plimsoll::http
