// TLS 1.3 only, resumption, and certificates that change under way.

#include <array>

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::string_view_literals;

class ServerTls : public ServerTest {};

TEST_F(ServerTls, Serves) {
  StartTls();
  RawClient client = Client();
  ASSERT_TRUE(client.StartTls());
  EXPECT_EQ(client.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_EQ(client.Ask(Post("/v1/evidence", std::string(1 << 20, 'x')))->body, "1048576");
  EXPECT_EQ(client.Ask(Get("/v1/large"))->body.size(), 1U << 20);
}

TEST_F(ServerTls, AClientOfTls12IsRefused) {
  StartTls();
  RawClient client = Client();
  EXPECT_FALSE(client.StartTls({.max_version = TLS1_2_VERSION}));
  EXPECT_TRUE(Eventually([this] { return observer_.drops(DropReason::kHandshakeFailed) == 1; }));
}

TEST_F(ServerTls, AnUnfinishedHandshakeIsDropped) {
  limits_.handshake_timeout = milliseconds(200);
  StartTls();
  RawClient silent = Client();
  RawClient begun = Client();
  begun.Send("\x16\x03\x01\x00\xff"sv);
  EXPECT_TRUE(silent.ClosedWithin(seconds(5)));
  EXPECT_TRUE(begun.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kHandshakeTimeout), 2);
}

TEST_F(ServerTls, ASilentClientAfterItsHandshakeIsDropped) {
  limits_.header_timeout = milliseconds(200);
  StartTls();
  RawClient client = Client();
  ASSERT_TRUE(client.StartTls());
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_EQ(observer_.drops(DropReason::kHeaderTimeout), 1);
}

TEST_F(ServerTls, PlainHttpIsRefused) {
  StartTls();
  RawClient client = Client();
  client.Send(Get("/public"));
  EXPECT_TRUE(client.ClosedWithin(seconds(5)));
  EXPECT_TRUE(Eventually([this] { return observer_.drops(DropReason::kHandshakeFailed) == 1; }));
}

TEST_F(ServerTls, SpeaksHttp11AndRefusesClientsThatDoNot) {
  StartTls();
  RawClient both = Client();
  ASSERT_TRUE(both.StartTls({.alpn = "\x02h2\x08http/1.1"}));
  EXPECT_EQ(both.Protocol(), "http/1.1");
  EXPECT_FALSE(Client().StartTls({.alpn = "\x02h2"}));
}

TEST_F(ServerTls, SessionsResume) {
  StartTls();
  RawClient first = Client();
  ASSERT_TRUE(first.StartTls());
  ASSERT_EQ(first.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_FALSE(first.Resumed());
  const RawClient::Session session = first.TakeSession();
  RawClient second = Client();
  ASSERT_TRUE(second.StartTls({.session = session.get()}));
  EXPECT_TRUE(second.Resumed());
  EXPECT_EQ(second.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerTls, ANewCertificateServesNewConnectionsAndKeepsOldOnes) {
  StartTls();
  RawClient old = Client();
  ASSERT_TRUE(old.StartTls());
  ASSERT_EQ(old.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_EQ(old.PeerName(), "first");
  const RawClient::Session session = old.TakeSession();
  const TestCertificate second = MakeCertificate("second");
  ASSERT_TRUE(server_->SetServingCertificate(second.chain_pem, AsSecret(second.key_pem)));
  RawClient fresh = Client();
  ASSERT_TRUE(fresh.StartTls({.session = session.get()}));
  EXPECT_FALSE(fresh.Resumed());
  EXPECT_EQ(fresh.PeerName(), "second");
  EXPECT_EQ(fresh.Ask(Get("/v1/cluster"))->status, 200);
  EXPECT_EQ(old.Ask(Get("/v1/cluster"))->status, 200);
}

TEST_F(ServerTls, ABadCertificateLeavesTheOldOne) {
  StartTls();
  const TestCertificate one = MakeCertificate("one");
  const TestCertificate two = MakeCertificate("two");
  const auto refused = [this](const std::string& chain, const std::string& key) {
    const Status status = server_->SetServingCertificate(chain, AsSecret(key));
    return !status && status.error().code == ErrorCode::kMalformed;
  };
  EXPECT_TRUE(refused(one.chain_pem, two.key_pem));
  EXPECT_TRUE(refused("", one.key_pem));
  EXPECT_TRUE(refused(one.chain_pem, ""));
  EXPECT_TRUE(refused("garbage", one.key_pem));
  EXPECT_TRUE(
      refused(one.chain_pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
              one.key_pem));
  EXPECT_TRUE(refused(one.chain_pem,
                      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
                      "KEY-----\n"));
  RawClient client = Client();
  ASSERT_TRUE(client.StartTls());
  EXPECT_EQ(client.PeerName(), "first");
}

TEST_F(ServerTls, BeforeItsFirstCertificateItClosesConnections) {
  Start(Security::kTls);
  EXPECT_FALSE(Client().StartTls());
  const TestCertificate certificate = MakeCertificate("late");
  ASSERT_TRUE(server_->SetServingCertificate(certificate.chain_pem, AsSecret(certificate.key_pem)));
  EXPECT_TRUE(Client().StartTls());
}

TEST_F(ServerTls, APlainServerTakesNoCertificate) {
  StartPlain();
  const TestCertificate certificate = MakeCertificate("x");
  EXPECT_FALSE(
      server_->SetServingCertificate(certificate.chain_pem, AsSecret(certificate.key_pem)));
}

}  // namespace
}  // namespace plimsoll::http
