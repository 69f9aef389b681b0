// Starting on an address and ending without cutting anyone off.

#include <thread>

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerStop : public ServerTest {};

TEST_F(ServerStop, RequestsInFlightFinishAndIdleConnectionsClose) {
  StartTls();
  RawClient idle = Client();
  ASSERT_TRUE(idle.StartTls());
  ASSERT_EQ(idle.Ask(Get("/v1/cluster"))->status, 200);
  RawClient busy = Client();
  ASSERT_TRUE(busy.StartTls());
  busy.Send(Post("/v1/blocked", "1"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));

  std::jthread stopping([this] { server_->Stop(seconds(10)); });
  EXPECT_TRUE(idle.ClosedWithin(seconds(5)));
  EXPECT_TRUE(Eventually([this] { return !Client().ok(); }));
  gate_.Open();
  const auto response = busy.ReadResponse();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(response->header("connection"), "close");
  EXPECT_TRUE(busy.ClosedWithin(seconds(5)));
}

TEST_F(ServerStop, ClientsThatAreStillSendingMayFinish) {
  StartPlain();
  RawClient client = Client();
  client.Send(
      "POST /v1/small HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n"
      "Content-Length: 2\r\n\r\n{");
  ASSERT_TRUE(Eventually([this] { return server_->statistics().buffered_body_bytes == 2; }));
  std::jthread stopping([this] { server_->Stop(seconds(10)); });
  EXPECT_TRUE(Eventually([this] { return !Client().ok(); }));
  client.Send("}");
  EXPECT_EQ(client.ReadResponse()->status, 200);
}

TEST_F(ServerStop, TheDeadlineEndsWhoDoesNotFinish) {
  StartPlain();
  RawClient client = Client();
  client.Send(
      "POST /v1/small HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n"
      "Content-Length: 2\r\n\r\n{");
  ASSERT_TRUE(Eventually([this] { return server_->statistics().buffered_body_bytes == 2; }));
  server_->Stop(milliseconds(100));
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  server_->Stop(milliseconds(100));
}

TEST_F(ServerStop, WaitsForNobodyWhenThereIsNobody) {
  StartPlain();
  const auto start = std::chrono::steady_clock::now();
  server_->Stop(seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
}

TEST_F(ServerStop, AnAddressInUseIsAnError) {
  StartPlain();
  auto router = Router::Create({});
  ASSERT_TRUE(router);
  const auto second = Server::Create(
      {.address = "127.0.0.1", .port = server_->port(), .security = Security::kPlain}, *router,
      nullptr, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  const auto nonsense = Server::Create({.address = "localhost"}, *router, nullptr, clock_);
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().code, ErrorCode::kMalformed);
}

TEST_F(ServerStop, OneSocketTakesBothFamilies) {
  auto router = Router::Create(TestRoutes(gate_));
  ASSERT_TRUE(router);
  auto server = Server::Create({.address = "::", .security = Security::kPlain}, *std::move(router),
                               &authenticator_, clock_, &observer_);
  if (!server) {
    GTEST_SKIP() << "no IPv6 here: " << server.error().message;
  }
  server_ = *std::move(server);
  EXPECT_TRUE(Serves());
  EXPECT_EQ(authenticator_.heads().back().remote_address, "127.0.0.1");
}

}  // namespace
}  // namespace plimsoll::http
