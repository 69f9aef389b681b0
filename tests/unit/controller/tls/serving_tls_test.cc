#include "controller/tls/serving_tls.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"

namespace plimsoll::controller::tls {
namespace {

using std::chrono::hours;

const kube::ResourceRef kSecretRef{kube::kSecret, kSecretName, "plimsoll-system"};
const kube::ResourceRef kCaRef{kube::kConfigMap, kConfigMapName, "plimsoll-system"};

class ServingTlsTest : public testing::Test {
 protected:
  Status Ensure() { return EnsureServingTls(client_, clock_, options_); }

  ServingTls Stored() const { return *ServingTls::Parse(server_.Find(kSecretRef).dump()); }
  std::string Published() const { return server_.Find(kCaRef)["data"]["ca.crt"]; }
  bool Serves(const ServingTls& tls) const {
    return crypto::IsServingCertificateFor(tls.certificate, tls.key.bytes(), Published(),
                                           options_.names, clock_.Wall());
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  kube::Client client_{server_, clock_};
  ServingTlsOptions options_{
      .namespace_name = "plimsoll-system",
      .names = {.dns = {"plimsoll-controller.plimsoll-system.svc"}, .ips = {}}};
};

TEST_F(ServingTlsTest, MakesAuthorityAndCertificateAndPublishesTheAuthorityAlone) {
  ASSERT_TRUE(Ensure());
  EXPECT_TRUE(Serves(Stored()));
  EXPECT_EQ(server_.Find(kSecretRef)["type"], "kubernetes.io/tls");
  EXPECT_EQ(server_.Find(kCaRef)["data"].size(), 1U) << "no key leaves the Secret";
}

TEST_F(ServingTlsTest, ChangesNothingThatIsGood) {
  ASSERT_TRUE(Ensure());
  const std::string before = server_.Find(kSecretRef).dump();
  clock_.Advance(hours(24));
  ASSERT_TRUE(Ensure());
  EXPECT_EQ(server_.Find(kSecretRef).dump(), before);
}

TEST_F(ServingTlsTest, RenewsTheCertificateInTimeUnderTheSameAuthority) {
  ASSERT_TRUE(Ensure());
  const ServingTls before = Stored();
  clock_.Advance(kServingValidity - kServingRenewal + hours(1));
  ASSERT_TRUE(Ensure());
  const ServingTls after = Stored();
  EXPECT_NE(after.certificate, before.certificate);
  EXPECT_EQ(after.ca_certificate, before.ca_certificate);
  EXPECT_TRUE(Serves(after));
}

TEST_F(ServingTlsTest, ANewAuthorityIsPublishedADayBeforeItSignsAnything) {
  ASSERT_TRUE(Ensure());
  const std::string old = Published();
  clock_.Advance(kAuthorityValidity - kAuthorityRenewal + hours(1));
  ASSERT_TRUE(Ensure());
  const std::string both = Published();
  ASSERT_NE(both, old);
  EXPECT_TRUE(both.starts_with(old));
  const auto served_to = [&](const std::string& ca) {
    const ServingTls tls = Stored();
    return crypto::IsServingCertificateFor(tls.certificate, tls.key.bytes(), ca, options_.names,
                                           clock_.Wall());
  };
  EXPECT_TRUE(served_to(old)) << "agents that have not read the new one are served as before";
  clock_.Advance(kAuthorityOverlap - hours(1));
  ASSERT_TRUE(Ensure());
  EXPECT_TRUE(served_to(old));
  EXPECT_EQ(Published(), both);

  clock_.Advance(hours(1));
  ASSERT_TRUE(Ensure());
  EXPECT_FALSE(served_to(old));
  EXPECT_TRUE(served_to(both)) << "who has read what was published for a day is served";
  EXPECT_TRUE(served_to(Published()));
  EXPECT_TRUE(Published().ends_with(old)) << "another replica may serve the old one for a moment";
  EXPECT_TRUE(Stored().next_ca_certificate.empty());

  const std::string after = server_.Find(kSecretRef).dump();
  clock_.Advance(hours(24));
  ASSERT_TRUE(Ensure());
  EXPECT_EQ(server_.Find(kSecretRef).dump(), after);
}

TEST_F(ServingTlsTest, AnAuthorityThatHasEndedUnseenIsReplacedAtOnce) {
  ASSERT_TRUE(Ensure());
  const std::string old = Published();
  clock_.Advance(kAuthorityValidity + hours(1));
  ASSERT_TRUE(Ensure());
  EXPECT_EQ(Published().find(old), std::string::npos);
  EXPECT_TRUE(Serves(Stored()));
}

TEST_F(ServingTlsTest, ReplacesWhatCannotBeUsed) {
  ASSERT_TRUE(Ensure());
  server_.Edit(kSecretRef, [](nlohmann::json& secret) {
    secret["data"]["tls.key"] = ToBase64(AsBytes("not a key"));
  });
  ASSERT_TRUE(Ensure());
  EXPECT_TRUE(Serves(Stored()));
  server_.Edit(kSecretRef, [](nlohmann::json& secret) { secret["data"] = {{"ca.crt", "%%%"}}; });
  ASSERT_TRUE(Ensure());
  EXPECT_TRUE(Serves(Stored()));
}

TEST_F(ServingTlsTest, PutsThePublishedAuthorityBackWhenSomeoneChangesIt) {
  ASSERT_TRUE(Ensure());
  const std::string good = Published();
  server_.Edit(kCaRef,
               [](nlohmann::json& map) { map["data"]["ca.crt"] = "-----BEGIN CERTIFICATE-----"; });
  ASSERT_TRUE(Ensure());
  EXPECT_EQ(Published(), good);
}

TEST_F(ServingTlsTest, IssuesANewCertificateWhenTheNamesChange) {
  ASSERT_TRUE(Ensure());
  options_.names.dns.push_back("other.plimsoll-system.svc");
  EXPECT_FALSE(Serves(Stored()));
  ASSERT_TRUE(Ensure());
  EXPECT_TRUE(Serves(Stored()));
}

TEST_F(ServingTlsTest, OfTwoReplicasThatMakeItAtOnceOneIsToldToWait) {
  bool raced = false;
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "POST" && !raced) {
          raced = true;
          fakes::FakeClock other_clock;
          EXPECT_TRUE(EnsureServingTls(client_, other_clock, options_));
        }
        return std::nullopt;
      });
  const Status ensured = Ensure();
  ASSERT_FALSE(ensured);
  EXPECT_EQ(ensured.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Serves(Stored()));
}

}  // namespace
}  // namespace plimsoll::controller::tls
