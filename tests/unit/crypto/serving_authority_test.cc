#include "crypto/serving_authority.h"

#include <gtest/gtest.h>

namespace plimsoll::crypto {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = std::chrono::sys_days(2026y / 11 / 24) + 8h;
const ServingNames kNames = {{"plimsoll-controller", "plimsoll-controller.plimsoll-system.svc"},
                             {"10.96.0.7", "fd00::7"}};

TEST(ServingAuthority, IssuesCertificatesThatItStandsFor) {
  const auto ca = ServingAuthority::Create(kNow);
  ASSERT_TRUE(ca) << ca.error().message;
  EXPECT_EQ(ca->not_after(), kNow + 24h * 3652);
  EXPECT_EQ(CertificateNotAfter(ca->certificate_pem()).value(), ca->not_after());
  const auto issued = ca->Issue(kNames, kNow, 24h * 90);
  ASSERT_TRUE(issued) << issued.error().message;
  EXPECT_EQ(CertificateNotAfter(issued->certificate_pem).value(), kNow + 24h * 90);
  const auto check = [&](const ServingNames& names, WallTime now) {
    return IsServingCertificateFor(issued->certificate_pem, issued->private_key_pem.bytes(),
                                   ca->certificate_pem(), names, now);
  };
  EXPECT_TRUE(check(kNames, kNow));
  EXPECT_TRUE(check(kNames, kNow - 59min));
  EXPECT_TRUE(check({{"plimsoll-controller"}, {}}, kNow));
  EXPECT_FALSE(check(kNames, kNow - 2h));
  EXPECT_FALSE(check(kNames, kNow + 24h * 91));
  EXPECT_FALSE(check({{"plimsoll-controller", "other"}, {}}, kNow));
  EXPECT_FALSE(check({{}, {"10.96.0.8"}}, kNow));
  EXPECT_FALSE(check({{}, {"no address"}}, kNow));
}

TEST(ServingAuthority, StandsForNoOtherCertificate) {
  const auto ca = ServingAuthority::Create(kNow).value();
  const auto other = ServingAuthority::Create(kNow).value();
  const auto issued = ca.Issue(kNames, kNow, 24h).value();
  const auto second = ca.Issue(kNames, kNow, 24h).value();
  const auto& pem = issued.certificate_pem;
  const ByteSpan key = issued.private_key_pem.bytes();
  EXPECT_FALSE(IsServingCertificateFor(pem, key, other.certificate_pem(), kNames, kNow));
  EXPECT_FALSE(IsServingCertificateFor(pem, second.private_key_pem.bytes(), ca.certificate_pem(),
                                       kNames, kNow));
  EXPECT_FALSE(IsServingCertificateFor("", key, ca.certificate_pem(), kNames, kNow));
  EXPECT_FALSE(IsServingCertificateFor(pem, {}, ca.certificate_pem(), kNames, kNow));
  EXPECT_FALSE(IsServingCertificateFor(pem, key, "", kNames, kNow));
  EXPECT_TRUE(IsServingCertificateFor(pem, key, other.certificate_pem() + ca.certificate_pem(),
                                      kNames, kNow));
  // The CA's own certificate is not one for servers.
  EXPECT_FALSE(IsServingCertificateFor(ca.certificate_pem(), ca.PrivateKeyPem().value().bytes(),
                                       ca.certificate_pem(), kNames, kNow));
}

TEST(ServingAuthority, CanBeReadBack) {
  const auto ca = ServingAuthority::Create(kNow, 24h).value();
  const Secret key = ca.PrivateKeyPem().value();
  const auto again = ServingAuthority::Parse(ca.certificate_pem(), key.bytes());
  ASSERT_TRUE(again);
  const auto issued = again->Issue(kNames, kNow, 24h * 90).value();
  EXPECT_TRUE(IsServingCertificateFor(issued.certificate_pem, issued.private_key_pem.bytes(),
                                      ca.certificate_pem(), kNames, kNow));
  EXPECT_EQ(CertificateNotAfter(issued.certificate_pem).value(), ca.not_after());
}

TEST(ServingAuthority, RefusesWhatIsNotACaAndItsKey) {
  const auto ca = ServingAuthority::Create(kNow).value();
  const auto other = ServingAuthority::Create(kNow).value();
  const auto issued = ca.Issue(kNames, kNow, 24h).value();
  const Secret key = ca.PrivateKeyPem().value();
  EXPECT_FALSE(ServingAuthority::Parse(other.certificate_pem(), key.bytes()));
  EXPECT_FALSE(ServingAuthority::Parse(issued.certificate_pem, issued.private_key_pem.bytes()));
  EXPECT_FALSE(ServingAuthority::Parse("", key.bytes()));
  EXPECT_FALSE(ServingAuthority::Parse(ca.certificate_pem(), {}));
  EXPECT_FALSE(
      ServingAuthority::Parse(ca.certificate_pem() + other.certificate_pem(), key.bytes()));
}

TEST(ServingAuthority, RefusesNamesThatAreNone) {
  const auto ca = ServingAuthority::Create(kNow).value();
  for (const char* dns :
       {"", "*", "*.svc", "a,b", "UPPER", "a b", ".a", "a.", "a..b", "DNS:a", "a/b"}) {
    EXPECT_EQ(ca.Issue({{dns}, {}}, kNow, 24h).error().code, ErrorCode::kMalformed) << dns;
  }
  for (const char* ip : {"", "10.0.0", "10.0.0.256", "fd00::zz", "localhost"}) {
    EXPECT_FALSE(ca.Issue({{}, {ip}}, kNow, 24h)) << ip;
  }
  EXPECT_FALSE(ca.Issue({}, kNow, 24h));
  EXPECT_FALSE(ca.Issue(kNames, kNow, 0h));
  EXPECT_FALSE(ca.Issue(kNames, kNow, -1h));
  EXPECT_FALSE(ServingAuthority::Create(kNow, 0h));
  EXPECT_FALSE(ServingAuthority::Create(kNow, 24h * 365 * 31));
}

}  // namespace
}  // namespace plimsoll::crypto
