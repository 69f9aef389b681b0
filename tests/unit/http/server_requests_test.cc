// How requests are read: framing, targets, methods, and what an answer looks like.

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Head(std::string_view line, std::string_view more = "") {
  return std::string(line) + " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer good\r\n" +
         std::string(more) + "\r\n";
}

class ServerRequests : public ServerTest {
 protected:
  ServerRequests() { StartPlain(); }

  // The request gets `status`, and the connection ends with it.
  void ExpectRefused(std::string_view request, int status, std::string_view reason) {
    SCOPED_TRACE(std::string(request.substr(0, 200)));
    RawClient client = Client();
    const auto response = client.Ask(request);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(Reason(*response), reason);
    EXPECT_EQ(response->header("connection"), "close");
    EXPECT_TRUE(client.ClosedWithin(seconds(5)));
    EXPECT_TRUE(Serves());
  }
};

TEST_F(ServerRequests, ServesSeveralOnOneConnection) {
  RawClient client = Client();
  for (int i = 0; i < 3; ++i) {
    const auto response = client.Ask(Post("/v1/small", "{}"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "2");
    EXPECT_EQ(response->header("connection"), "");
    EXPECT_EQ(response->header("cache-control"), "no-store");
    EXPECT_NE(response->header("date"), "");
  }
}

TEST_F(ServerRequests, ServesPipelinedRequestsInTheirOrder) {
  RawClient client = Client();
  ASSERT_TRUE(client.Send(Post("/v1/small", "1") + Post("/v1/small", "22") + Get("/v1/cluster")));
  EXPECT_EQ(client.ReadResponse()->body, "1");
  EXPECT_EQ(client.ReadResponse()->body, "2");
  EXPECT_EQ(client.ReadResponse()->body, "\"Bearer good\"");
}

TEST_F(ServerRequests, TakesARequestByteByByte) {
  RawClient client = Client();
  for (const char c : Post("/v1/small", "{}")) {
    ASSERT_TRUE(client.Send(std::string(1, c)));
  }
  EXPECT_EQ(client.ReadResponse()->body, "2");
}

TEST_F(ServerRequests, TakesChunkedBodiesWithExtensionsAndTrailers) {
  RawClient client = Client();
  const auto response =
      client.Ask(Head("POST /v1/small", "Transfer-Encoding: chunked\r\n") +
                 "3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nAuthorization: x\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "19");
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerRequests, HeadIsAnsweredWithoutBody) {
  RawClient client = Client();
  ASSERT_TRUE(client.Send(Head("HEAD /v1/cluster")));
  const auto response = client.ReadResponse(true);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("content-length"), "13");
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->body, "\"Bearer good\"");
}

TEST_F(ServerRequests, ConnectionCloseIsHonoured) {
  RawClient client = Client();
  const auto response = client.Ask(Head("GET /v1/cluster", "Connection: close\r\n"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("connection"), "close");
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  RawClient other = Client();
  EXPECT_EQ(other.Ask(Head("GET /nowhere", "Connection: close\r\n"))->header("connection"),
            "close");
}

TEST_F(ServerRequests, AHalfClosedClientGetsItsAnswer) {
  RawClient client = Client();
  ASSERT_TRUE(client.Send(Get("/v1/cluster")));
  client.HalfClose();
  EXPECT_EQ(client.ReadResponse()->status, 200);
}

TEST_F(ServerRequests, UnknownPathsAndMethodsKeepTheConnection) {
  RawClient client = Client();
  const auto missing = client.Ask(Get("/v1/nothing"));
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(Reason(*missing), "NotFound");
  const auto wrong = client.Ask(Head("DELETE /v1/cluster"));
  EXPECT_EQ(wrong->status, 405);
  EXPECT_EQ(Reason(*wrong), "MethodNotAllowed");
  EXPECT_EQ(wrong->header("allow"), "GET, HEAD");
  EXPECT_EQ(client.Ask(Head("OPTIONS /v1/small"))->header("allow"), "POST");
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerRequests, LengthsThatCanBeReadInTwoWaysAreRefused) {
  const std::string post = "POST /v1/small";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& framing :
       {std::string("Content-Length: 2\r\n") + chunked, chunked + "Content-Length: 2\r\n",
        std::string("Content-Length: 2\r\nContent-Length: 3\r\n"),
        std::string("Content-Length: 2\r\nContent-Length: 2\r\n"),
        std::string("Content-Length: 2, 2\r\n"), std::string("Content-Length: +2\r\n"),
        std::string("Content-Length: -2\r\n"), std::string("Content-Length: 0x2\r\n"),
        std::string("Content-Length: \r\n"), std::string("Content-Length: 2 2\r\n"),
        std::string("Content-Length: 99999999999999999999999\r\n"),
        std::string("Transfer-Encoding: gzip\r\n"),
        std::string("Transfer-Encoding: gzip, chunked\r\n"),
        std::string("Transfer-Encoding: identity\r\n"), chunked + chunked,
        std::string("Transfer-Encoding: chunked, chunked\r\n"),
        std::string("Transfer-Encoding : chunked\r\n"),
        std::string("Transfer-Encoding: \x0b"
                    "chunked\r\n")}) {
    ExpectRefused(Head(post, framing) + "{}", 400, "RequestMalformed");
  }
}

TEST_F(ServerRequests, BadChunksAreRefused) {
  for (const char* chunks : {"-1\r\n", "zz\r\n", "\r\n", "0x2\r\n{}\r\n\r\n", "2\r\n{}xy\r\n",
                             " 2\r\n{}\r\n", "+2\r\n{}\r\n", "2 \r\n{}\r\n0\r\n\r\n"}) {
    ExpectRefused(Head("POST /v1/small", "Transfer-Encoding: chunked\r\n") + chunks, 400,
                  "RequestMalformed");
  }
}

TEST_F(ServerRequests, HugeChunksAreTooLarge) {
  for (const char* chunks : {"7fffffff\r\n", "ffffffff\r\n", "7fffffffffffffff\r\n",
                             "ffffffffffffffff\r\n", "10001\r\n"}) {
    ExpectRefused(Head("POST /v1/small", "Transfer-Encoding: chunked\r\n") + chunks, 413,
                  "TooLarge");
  }
}

TEST_F(ServerRequests, AnEndlessChunkExtensionIsRefused) {
  RawClient client = Client();
  client.Send(Head("POST /v1/small", "Transfer-Encoding: chunked\r\n") +
              "2;a=" + std::string(100'000, 'x'));
  EXPECT_EQ(client.ReadResponse()->status, 400);
}

TEST_F(ServerRequests, WhatIsNotHttpIsRefused) {
  ExpectRefused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n", 400,
                "RequestMalformed");
  ExpectRefused("GET\r\n\r\n", 400, "RequestMalformed");
  ExpectRefused("GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 400, "RequestMalformed");
  ExpectRefused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "VersionNotSupported");
  ExpectRefused("GET /public HTTP/1.0\r\nHost: a\r\n\r\n", 505, "VersionNotSupported");
  ExpectRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "VersionNotSupported");
}

TEST_F(ServerRequests, HostIsNeededOnce) {
  ExpectRefused("GET /public HTTP/1.1\r\n\r\n", 400, "RequestMalformed");
  ExpectRefused("GET /public HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "RequestMalformed");
}

TEST_F(ServerRequests, CredentialsAreGivenOnce) {
  ExpectRefused(Head("GET /v1/cluster", "Authorization: Bearer other\r\n"), 400,
                "RequestMalformed");
  ExpectRefused(Head("GET /v1/cluster", "X-Plimsoll-Token: a\r\nX-Plimsoll-Token: b\r\n"), 400,
                "RequestMalformed");
  EXPECT_TRUE(authenticator_.heads().empty() ||
              authenticator_.heads().back().authorization == "Bearer good");
}

TEST_F(ServerRequests, TargetsAreStrict) {
  for (const char* target : {"//v1/cluster", "/v1/../public", "/v1/%2e%2e/public", "/v1%2Fcluster",
                             "http://test/public", "/public/", "/public?a=1&a=2", "*", "/%00"}) {
    ExpectRefused(Head(std::string("GET ") + target), 400, "RequestMalformed");
  }
}

TEST_F(ServerRequests, Expect100ContinueIsAnsweredAfterAuthentication) {
  RawClient client = Client();
  ASSERT_TRUE(client.Send(Head("POST /v1/small", "Content-Length: 2\r\nExpect: 100-continue\r\n")));
  EXPECT_EQ(client.ReadResponse()->status, 100);
  ASSERT_TRUE(client.Send("{}"));
  EXPECT_EQ(client.ReadResponse()->body, "2");

  RawClient stranger = Client();
  stranger.Send(
      "POST /v1/small HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(stranger.ReadResponse()->status, 401);

  ExpectRefused(Head("POST /v1/small", "Content-Length: 9999999\r\nExpect: 100-continue\r\n"), 413,
                "TooLarge");
  ExpectRefused(Head("POST /v1/small", "Content-Length: 2\r\nExpect: miracles\r\n"), 417,
                "ExpectationFailed");
}

TEST_F(ServerRequests, ALargeAnswerArrivesWhole) {
  RawClient client = Client();
  const auto response = client.Ask(Get("/v1/large"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body.size(), 1U << 20);
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerRequests, AThrowingHandlerIsA500ThatSaysNothing) {
  RawClient client = Client();
  const auto response = client.Ask(Get("/v1/throws"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(Reason(*response), "InternalError");
  EXPECT_EQ(response->body.find("secret"), std::string::npos);
  EXPECT_THAT(observer_.defects(), ::testing::ElementsAre("secret detail"));
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerRequests, AreCountedByRouteAndStatus) {
  RawClient client = Client();
  client.Ask(Post("/v1/small", "{}"));
  client.Ask(Get("/v1/nodes/worker-1/evidence"));
  client.Ask(Get("/no/such/path"));
  client.Ask("nonsense\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return observer_.requests().size() == 4; }));
  const auto requests = observer_.requests();
  EXPECT_EQ(requests[0].route, "/v1/small");
  EXPECT_EQ(requests[0].method, Method::kPost);
  EXPECT_EQ(requests[0].request_bytes, 2U);
  EXPECT_EQ(requests[0].response_bytes, 1U);
  EXPECT_EQ(requests[1].route, "/v1/nodes/{name}/evidence");
  EXPECT_EQ(requests[1].status, 401);
  EXPECT_EQ(requests[2].route, "");
  EXPECT_EQ(requests[2].status, 404);
  EXPECT_EQ(requests[3].route, "");
  EXPECT_EQ(requests[3].status, 400);
}

}  // namespace
}  // namespace plimsoll::http
