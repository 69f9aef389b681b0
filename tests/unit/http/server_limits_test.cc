// Sizes, deadlines and queues, each with clients that go beyond them.

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kHeadWithoutEnd =
    "POST /v1/small HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer good\r\n";

class ServerLimitsTest : public ServerTest {};

TEST_F(ServerLimitsTest, AHeadOf8KiBPassesAndALargerOneDoesNot) {
  StartPlain();
  const std::string start = "GET /public HTTP/1.1\r\nHost: a\r\nX-Filler: ";
  const std::string filler(kMaxHeaderBytes - start.size() - 4, 'x');
  RawClient client = Client();
  EXPECT_EQ(client.Ask(start + filler + "\r\n\r\n")->status, 200);
  const auto refused = client.Ask(start + filler + "x\r\n\r\n");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 431);
  EXPECT_EQ(Reason(*refused), "HeadersTooLarge");
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
}

TEST_F(ServerLimitsTest, ALongRequestLineIs431) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n")->status, 431);
}

TEST_F(ServerLimitsTest, ManySmallFieldsCountTogether) {
  StartPlain();
  RawClient client = Client();
  client.Send("GET /public HTTP/1.1\r\nHost: a\r\n");
  // One field a segment: a parser that is fed them one by one never holds a large piece.
  for (int i = 0; i < 1000 && client.Send("X: " + std::string(60, 'x') + "\r\n"); ++i) {
    std::this_thread::yield();
  }
  const auto refused = client.ReadResponse();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 431);
}

TEST_F(ServerLimitsTest, EndlessHeadersAreCutOff) {
  StartPlain();
  RawClient client = Client();
  client.Send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 10'000 && client.Send("X-Filler: " + std::string(1000, 'x') + "\r\n"); ++i) {
  }
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_TRUE(Serves());
}

TEST_F(ServerLimitsTest, ABodyAtTheLimitPassesAndALargerOneIsRefusedUnread) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Post("/v1/small", std::string(kMaxSmallBodyBytes, 'x')))->body, "65536");
  const auto refused = client.Ask(std::string(kHeadWithoutEnd) +
                                  "Content-Length: 65537\r\n\r\n");  // no body follows
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
  EXPECT_EQ(Reason(*refused), "TooLarge");
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
}

TEST_F(ServerLimitsTest, EachRouteHasItsOwnBodyLimit) {
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Post("/v1/evidence", std::string(kMaxEvidenceBodyBytes, 'x')))->body,
            "16777216");
  EXPECT_EQ(client.Ask("GET /v1/cluster HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")->status,
            413);
}

TEST_F(ServerLimitsTest, AChunkedBodyIsRefusedWhereItPassesTheLimit) {
  StartPlain();
  RawClient client = Client();
  client.Send(std::string(kHeadWithoutEnd) + "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) {
    client.Send(chunk);
  }
  const auto refused = client.ReadResponse();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
}

TEST_F(ServerLimitsTest, ARefusedSenderOfALargeBodySeesTheAnswer) {
  StartPlain();
  RawClient client = Client();
  client.Send(std::string(kHeadWithoutEnd) + "Content-Length: 10000000\r\n\r\n");
  for (int i = 0; i < 100 && client.Send(std::string(100'000, 'x')); ++i) {
  }
  const auto refused = client.ReadResponse();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
}

TEST_F(ServerLimitsTest, ASlowHeadIsDroppedWhateverTricklesIn) {
  limits_.header_timeout = milliseconds(300);
  StartPlain();
  RawClient client = Client();
  const auto start = std::chrono::steady_clock::now();
  client.Send("GET / HTTP/1.1\r\n");
  while (!client.ClosedWithin(milliseconds(20))) {
    client.Send("X");
    ASSERT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  }
  EXPECT_EQ(observer_.drops(DropReason::kHeaderTimeout), 1);
}

TEST_F(ServerLimitsTest, TheFirstByteOfALaterRequestStartsItsDeadline) {
  limits_.header_timeout = milliseconds(200);
  limits_.idle_timeout = seconds(60);
  StartPlain();
  RawClient client = Client();
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_FALSE(client.ClosedWithin(milliseconds(500)));
  client.Send("G");
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kHeaderTimeout), 1);
}

TEST_F(ServerLimitsTest, ASlowBodyIsToldAndDropped) {
  limits_.body_timeout = milliseconds(200);
  StartPlain();
  RawClient client = Client();
  client.Send(std::string(kHeadWithoutEnd) + "Content-Length: 100\r\n\r\nxx");
  const auto response = client.ReadResponse();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 408);
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kBodyTimeout), 1);
}

TEST_F(ServerLimitsTest, ASlowBodyOverTlsIsToldAndDropped) {
  limits_.body_timeout = milliseconds(200);
  StartTls();
  RawClient client = Client();
  ASSERT_TRUE(client.StartTls());
  client.Send(std::string(kHeadWithoutEnd) + "Content-Length: 100\r\n\r\nxx");
  EXPECT_EQ(client.ReadResponse()->status, 408);
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
}

TEST_F(ServerLimitsTest, AnIdleConnectionIsClosed) {
  limits_.idle_timeout = milliseconds(200);
  for (const Security security : {Security::kPlain, Security::kTls}) {
    security == Security::kTls ? StartTls() : StartPlain();
    RawClient client = Client();
    if (security == Security::kTls) {
      ASSERT_TRUE(client.StartTls());
    }
    EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
    EXPECT_TRUE(client.ClosedWithin(seconds(5)));
    EXPECT_TRUE(Eventually([this] { return server_->statistics().connections == 0; }));
  }
  EXPECT_EQ(observer_.drops(DropReason::kHeaderTimeout), 0);
}

TEST_F(ServerLimitsTest, AClientThatDoesNotReadItsAnswersIsDropped) {
  limits_.write_timeout = milliseconds(300);
  StartPlain();
  RawClient client = Client();
  for (int i = 0; i < 20; ++i) {
    client.Send(Get("/v1/large"));
  }
  EXPECT_TRUE(Eventually([this] { return observer_.drops(DropReason::kWriteTimeout) == 1; }));
  EXPECT_TRUE(Eventually([this] { return server_->statistics().connections == 0; }));
}

TEST_F(ServerLimitsTest, AFullHandlerQueueIsA503ThatSaysWhenToComeBack) {
  limits_.handler_threads = 1;
  limits_.handler_queue = 1;
  StartPlain();
  RawClient first = Client();
  first.Send(Post("/v1/blocked", "1"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  RawClient second = Client();
  second.Send(Post("/v1/blocked", "2"));
  ASSERT_TRUE(Eventually([this] { return authenticator_.heads().size() == 2; }));
  // The second one waits in the queue as soon as its authentication has come back.
  RawClient third = Client();
  std::optional<RawResponse> refused;
  ASSERT_TRUE(Eventually([&] {
    refused = Client().Ask(Get("/v1/cluster"));
    return refused && refused->status == 503;
  }));
  EXPECT_EQ(Reason(*refused), "Overloaded");
  EXPECT_EQ(refused->header("retry-after"), "1");
  gate_.Open();
  EXPECT_EQ(first.ReadResponse()->status, 204);
  EXPECT_EQ(second.ReadResponse()->status, 204);
}

TEST_F(ServerLimitsTest, BodiesInMemoryAreBounded) {
  limits_.max_buffered_body_bytes = 1000;
  limits_.max_buffered_body_bytes_per_principal = 600;
  limits_.handler_threads = 4;
  StartPlain();
  RawClient first = Client();
  first.Send(Post("/v1/blocked", std::string(500, 'x'), "good-1"));
  ASSERT_TRUE(Eventually([this] { return gate_.waiting() == 1; }));
  EXPECT_EQ(server_->statistics().buffered_body_bytes, 500U);
  // The same principal's share is used up, another's is not, and then all memory is.
  EXPECT_EQ(Client().Ask(Post("/v1/small", std::string(200, 'x'), "good-1"))->status, 503);
  EXPECT_EQ(Client().Ask(Post("/v1/small", std::string(200, 'x'), "good-2"))->status, 200);
  EXPECT_EQ(Client().Ask(Post("/v1/small", std::string(501, 'x'), "good-2"))->status, 503);
  EXPECT_EQ(Client().Ask(Get("/v1/cluster", "good-1"))->status, 200);
  gate_.Open();
  EXPECT_EQ(first.ReadResponse()->status, 204);
  EXPECT_TRUE(Eventually([this] { return server_->statistics().buffered_body_bytes == 0; }));
}

TEST_F(ServerLimitsTest, ASenderThatHangsUpGivesItsMemoryBack) {
  StartPlain();
  {
    RawClient client = Client();
    client.Send(std::string(kHeadWithoutEnd) + "Content-Length: 60000\r\n\r\nxx");
    ASSERT_TRUE(Eventually([this] { return server_->statistics().buffered_body_bytes == 60'000; }));
  }
  EXPECT_TRUE(Eventually([this] { return server_->statistics().buffered_body_bytes == 0; }));
  EXPECT_TRUE(Eventually([this] { return server_->statistics().connections == 0; }));
}

}  // namespace
}  // namespace plimsoll::http
