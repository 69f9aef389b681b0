#include "kube/transport/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "unit/kube/tls_server.h"

namespace plimsoll::transport {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kOwnName = "plimsoll-controller.plimsoll-system.svc";

bool Eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) {
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

bool AnswerOk(TlsConnection& connection, const std::string& /*request*/) {
  return connection.Write(Response(200, "ok"));
}

std::string Chunk(const std::string& text) {
  char size[16];
  (void)snprintf(size, sizeof(size), "%zx", text.size());
  return std::string(size) + "\r\n" + text + "\r\n";
}

constexpr const char* kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class TransportTest : public testing::Test {
 protected:
  TransportOptions OptionsFor(const TlsServer& server) {
    TransportOptions options;
    options.base_url = server.url();
    options.ca_pem = ca_.pem();
    return options;
  }

  static std::unique_ptr<Transport> Make(TransportOptions options) {
    auto made = MakeTransport(std::move(options));
    EXPECT_TRUE(made) << made.error().message;
    return made ? *std::move(made) : nullptr;
  }

  static HttpRequest Get(const std::string& path = "/", std::chrono::milliseconds timeout = 20s) {
    HttpRequest request;
    request.path_and_query = path;
    request.timeout = timeout;
    return request;
  }

  static ErrorCode CodeOf(const Result<HttpResponse>& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::kInternal : result.error().code;
  }

  TestCa ca_;
  Identity local_ = ca_.Issue("server", "IP:127.0.0.1");
};

TEST_F(TransportTest, SendsRequestAndReadsResponse) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    return connection.Write(
        Response(201, std::string(300'000, 'x'), "X-A: b\r\nRetry-After: 3\r\n"));
  });
  const auto transport = Make(OptionsFor(server));
  HttpRequest request = Get("/a/b?c=d%2Fe&f=g");
  request.method = "POST";
  request.headers = {{"Accept", "text/x"}, {"Content-Type", "text/y"}};
  request.body = "hello";
  const auto response = transport->Send(request, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, std::string(300'000, 'x'));
  ASSERT_NE(response->Header("x-a"), nullptr);
  EXPECT_EQ(*response->Header("x-a"), "b");
  EXPECT_EQ(response->RetryAfter(), 3s);
  const std::string sent = server.requests().at(0);
  EXPECT_THAT(sent, testing::StartsWith("POST /a/b?c=d%2Fe&f=g HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  EXPECT_THAT(sent, HasSubstr("User-Agent:plimsoll/"));
  EXPECT_THAT(sent, HasSubstr("Accept:text/x\r\n"));
  EXPECT_THAT(sent, HasSubstr("Content-Type:text/y\r\n"));
  EXPECT_THAT(sent, testing::EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(sent, Not(HasSubstr("Authorization")));
}

TEST_F(TransportTest, APrefixInTheUrlStandsBeforeEveryPath) {
  TlsServer server({local_}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  options.base_url += "/k8s/clusters/one";
  ASSERT_TRUE(Make(options)->Send(Get("/api/v1/nodes?limit=1"), {}));
  EXPECT_THAT(server.requests().at(0),
              testing::StartsWith("GET /k8s/clusters/one/api/v1/nodes?limit=1 HTTP/1.1\r\n"));
}

TEST_F(TransportTest, TrustsOnlyTheGivenCa) {
  const TestCa other;
  TlsServer server({other.Issue("server", "IP:127.0.0.1")}, AnswerOk);
  EXPECT_EQ(CodeOf(Make(OptionsFor(server))->Send(Get(), {})), ErrorCode::kUnavailable);
  EXPECT_THAT(server.requests(), ElementsAre());
}

TEST_F(TransportTest, AServerWithAnotherNameIsRefused) {
  TlsServer server({ca_.Issue("server", "IP:127.0.0.2,DNS:localhost")}, AnswerOk);
  EXPECT_EQ(CodeOf(Make(OptionsFor(server))->Send(Get(), {})), ErrorCode::kUnavailable);
  EXPECT_THAT(server.requests(), ElementsAre());
}

TEST_F(TransportTest, ServerNameIsCheckedInsteadOfTheAddress) {
  TlsServer server({ca_.Issue("server", std::string("DNS:") + kOwnName)}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kUnavailable);
  options.server_name = kOwnName;
  const auto response = Make(options)->Send(Get(), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_THAT(server.requests().at(0), HasSubstr(std::string("Host:") + kOwnName + "\r\n"));
  EXPECT_THAT(server.server_names(), ElementsAre(kOwnName));
}

TEST_F(TransportTest, WithAServerNameTheAddressIsNotEnough) {
  TlsServer server({ca_.Issue("server", "IP:127.0.0.1,DNS:other.svc")}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  options.server_name = kOwnName;
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kUnavailable);
}

TEST_F(TransportTest, ACommonNameIsNoName) {
  TlsServer server({ca_.Issue(kOwnName, "")}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  options.server_name = kOwnName;
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kUnavailable);
}

TEST_F(TransportTest, AnOlderTlsThanDemandedIsRefused) {
  TlsServer server({local_, "", TLS1_2_VERSION}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  EXPECT_TRUE(Make(options)->Send(Get(), {}));
  options.min_tls = TlsVersion::k13;
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kUnavailable);
}

TEST_F(TransportTest, PresentsItsClientCertificate) {
  TlsServer server({local_, ca_.pem()}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  EXPECT_FALSE(Make(options)->Send(Get(), {}));
  const Identity client = ca_.Issue("system:node:a", "");
  options.client_certificate_pem = client.certificate;
  options.client_key_pem = client.key;
  const auto response = Make(options)->Send(Get(), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_THAT(server.client_subjects(), ElementsAre("/CN=system:node:a"));
}

TEST_F(TransportTest, ARedirectIsAResponseLikeAnyOther) {
  TlsServer other({local_}, AnswerOk);
  TlsServer server({local_}, [&](TlsConnection& connection, const std::string&) {
    return connection.Write(Response(302, "", "Location: " + other.url() + "/\r\n"));
  });
  TransportOptions options = OptionsFor(server);
  options.bearer_token = []() -> Result<std::string> { return "secret"; };
  const auto response = Make(options)->Send(Get(), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(other.accepted(), 0);
}

TEST_F(TransportTest, TheTokenIsAskedForBeforeEveryRequest) {
  TlsServer server({local_}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  int asked = 0;
  options.bearer_token = [&asked]() -> Result<std::string> {
    return "token-" + std::to_string(++asked);
  };
  const auto transport = Make(options);
  ASSERT_TRUE(transport->Send(Get(), {}));
  ASSERT_TRUE(transport->Send(Get(), {}));
  EXPECT_THAT(server.requests().at(0), HasSubstr("Authorization:Bearer token-1\r\n"));
  EXPECT_THAT(server.requests().at(1), HasSubstr("Authorization:Bearer token-2\r\n"));
}

TEST_F(TransportTest, WithoutATokenNothingIsSent) {
  TlsServer server({local_}, AnswerOk);
  TransportOptions options = OptionsFor(server);
  options.bearer_token = []() -> Result<std::string> {
    return Fail(ErrorCode::kNotFound, "no file", Retry::kRefreshCredentials);
  };
  const auto response = Make(options)->Send(Get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().retry, Retry::kRefreshCredentials);
  options.bearer_token = []() -> Result<std::string> { return "a\r\nX: y"; };
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kMalformed);
  EXPECT_THAT(server.requests(), ElementsAre());
}

TEST_F(TransportTest, LineBreaksCannotBeSmuggledIn) {
  TlsServer server({local_}, AnswerOk);
  const auto transport = Make(OptionsFor(server));
  for (const std::string& path : {std::string(), std::string("a"), std::string("/a b"),
                                  std::string("/a\r\nX: y"), std::string("/a\0b", 4)}) {
    EXPECT_EQ(CodeOf(transport->Send(Get(path), {})), ErrorCode::kMalformed) << path;
  }
  for (const auto& header : Headers{{"A", "b\r\nC: d"}, {"A\r\n", "b"}, {"", "b"}, {"A:", "b"}}) {
    HttpRequest request = Get();
    request.headers.push_back(header);
    EXPECT_EQ(CodeOf(transport->Send(request, {})), ErrorCode::kMalformed);
  }
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(TransportTest, ALargerBodyThanAllowedIsRefused) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    return connection.Write(Response(200, std::string(2'000'000, 'x')));
  });
  TransportOptions options = OptionsFor(server);
  options.max_body_bytes = 1'000'000;
  EXPECT_EQ(CodeOf(Make(options)->Send(Get(), {})), ErrorCode::kTooLarge);
  EXPECT_TRUE(Eventually([&] { return server.open() == 0; }));
}

TEST_F(TransportTest, ABodyThatEndsTooSoonIsNotAResponse) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    return false;
  });
  EXPECT_EQ(CodeOf(Make(OptionsFor(server))->Send(Get(), {})), ErrorCode::kUnavailable);
}

TEST_F(TransportTest, AServerThatDripsItsBodyIsLeftAtTheDeadline) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.Write("x")) {
      std::this_thread::sleep_for(20ms);
    }
    return false;
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(CodeOf(Make(OptionsFor(server))->Send(Get("/", 300ms), {})), ErrorCode::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_TRUE(Eventually([&] { return server.open() == 0; }));
}

TEST_F(TransportTest, AServerThatNeverAnswersIsLeftAtTheDeadline) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.WaitForClose();
    return false;
  });
  EXPECT_EQ(CodeOf(Make(OptionsFor(server))->Send(Get("/", 200ms), {})), ErrorCode::kTimeout);
  EXPECT_TRUE(Eventually([&] { return server.open() == 0; }));
}

TEST_F(TransportTest, AStopEndsARequestAtOnce) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.WaitForClose();
    return false;
  });
  const auto transport = Make(OptionsFor(server));
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_TRUE(Eventually([&] { return server.requests().size() == 1; }));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(CodeOf(transport->Send(Get("/", 60s), stop.get_token())), ErrorCode::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(TransportTest, ARefusedConnectionIsUnavailable) {
  std::string url;
  {
    TlsServer server({local_}, AnswerOk);
    url = server.url();
  }
  TransportOptions options;
  options.base_url = url;
  options.ca_pem = ca_.pem();
  const auto response = Make(options)->Send(Get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(response.error().retry, Retry::kBackoff);
}

TEST_F(TransportTest, RequestsShareOneConnectionThatEndsWithTheTransport) {
  TlsServer server({local_}, AnswerOk);
  {
    const auto transport = Make(OptionsFor(server));
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(transport->Send(Get(), {}));
    }
    EXPECT_EQ(server.accepted(), 1);
    EXPECT_EQ(server.open(), 1);
  }
  EXPECT_TRUE(Eventually([&] { return server.open() == 0; }));
}

TEST_F(TransportTest, APooledConnectionThatTheServerClosedIsReplaced) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.Write(Response(200, "ok"));
    return false;  // closes without saying so
  });
  const auto transport = Make(OptionsFor(server));
  ASSERT_TRUE(transport->Send(Get(), {}));
  ASSERT_TRUE(Eventually([&] { return server.open() == 0; }));
  EXPECT_TRUE(transport->Send(Get(), {}));
}

TEST_F(TransportTest, AStreamGivesWhatComesWhenItComes) {
  std::atomic<bool> go_on = false;
  TlsServer server({local_}, [&](TlsConnection& connection, const std::string&) {
    connection.Write(kStreamHead + Chunk("one\n"));
    (void)Eventually([&] { return go_on.load(); });
    connection.Write(Chunk("two\n") + "0\r\n\r\n");
    return true;
  });
  const auto transport = Make(OptionsFor(server));
  auto opened = transport->OpenStream(Get(), {});
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_TRUE(opened->stream);
  std::string text;
  EXPECT_EQ(opened->stream->Read(text, 20s, {}).value(), 4u);
  EXPECT_EQ(text, "one\n");
  go_on = true;
  EXPECT_EQ(opened->stream->Read(text, 20s, {}).value(), 4u);
  EXPECT_EQ(text, "one\ntwo\n");
  EXPECT_EQ(opened->stream->Read(text, 20s, {}).value(), 0u);
  opened->stream.reset();
  ASSERT_TRUE(transport->Send(Get(), {}));  // and the connection is used again
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(TransportTest, AStreamThatIsNotOpenedGivesTheResponse) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    return connection.Write(Response(410, "gone"));
  });
  const auto transport = Make(OptionsFor(server));
  const auto opened = transport->OpenStream(Get(), {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->stream, nullptr);
  EXPECT_EQ(opened->head.status, 410);
  EXPECT_EQ(opened->head.body, "gone");
}

TEST_F(TransportTest, AStreamWhoseConnectionBreaksIsNotAtItsEnd) {
  TlsServer server({local_}, [](TlsConnection& connection, const std::string&) {
    connection.Write(kStreamHead + Chunk("one\n") + "ff\r\nhalf a chu");
    return false;
  });
  const auto transport = Make(OptionsFor(server));
  const auto opened = transport->OpenStream(Get(), {});
  ASSERT_TRUE(opened);
  std::string text;
  Result<size_t> read = size_t{1};
  while (read && *read > 0) {
    read = opened->stream->Read(text, 20s, {});
  }
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnavailable);
}

class SilentStreamTest : public TransportTest {
 protected:
  SilentStreamTest() {
    transport_ = Make(OptionsFor(server_));
    auto opened = transport_->OpenStream(Get(), {});
    EXPECT_TRUE(opened);
    stream_ = std::move(opened->stream);
  }

  TlsServer server_{{local_}, [](TlsConnection& connection, const std::string&) {
                      connection.Write(kStreamHead);
                      connection.WaitForClose();
                      return false;
                    }};
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Stream> stream_;
};

TEST_F(SilentStreamTest, CancelFromAnotherThreadEndsARead) {
  std::atomic<bool> reading = false;
  std::jthread canceller([&] {
    EXPECT_TRUE(Eventually([&] { return reading.load(); }));
    std::this_thread::sleep_for(20ms);  // most often the read then waits; either order must do
    stream_->Cancel();
  });
  std::string text;
  reading = true;
  const auto read = stream_->Read(text, 60s, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(Eventually([&] { return server_.open() == 0; }));
  EXPECT_FALSE(stream_->Read(text, 60s, {}));
}

TEST_F(SilentStreamTest, SilenceEndsARead) {
  std::string text;
  const auto read = stream_->Read(text, 100ms, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kTimeout);
}

TEST_F(SilentStreamTest, AStopEndsARead) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  std::string text;
  const auto read = stream_->Read(text, 60s, stop.get_token());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kTimeout);
}

TEST_F(SilentStreamTest, ADroppedStreamLeavesNoConnection) {
  EXPECT_EQ(server_.open(), 1);
  stream_.reset();
  EXPECT_TRUE(Eventually([&] { return server_.open() == 0; }));
}

TEST_F(TransportTest, OptionsThatCannotWorkAreRefused) {
  TransportOptions options;
  options.ca_pem = ca_.pem();
  for (const char* url : {"", "http://h", "h:1", "https://", "https://u@h", "https://h?a=b",
                          "https://h#f", "https://[::1]:1", "https://h:99999999"}) {
    options.base_url = url;
    EXPECT_FALSE(MakeTransport(options)) << url;
  }
  options.base_url = "https://h:1";
  EXPECT_TRUE(MakeTransport(options));
  for (const std::string& pem : {std::string(), std::string("x"), ca_.pem().substr(0, 200),
                                 ca_.pem() + ca_.pem().substr(0, 200)}) {
    options.ca_pem = pem;
    EXPECT_FALSE(MakeTransport(options)) << pem;
  }
  options.ca_pem = ca_.pem();
  options.client_certificate_pem = local_.certificate;
  EXPECT_FALSE(MakeTransport(options));
  options.client_key_pem = ca_.Issue("other", "").key;
  EXPECT_FALSE(MakeTransport(options));
  options.client_key_pem = local_.key;
  EXPECT_TRUE(MakeTransport(options));
}

}  // namespace
}  // namespace plimsoll::transport
