#include "crypto/vendors/tpm_vendors.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <algorithm>
#include <set>
#include <string>

#include "crypto/digest.h"
#include "crypto/endorsement_roots.h"

namespace plimsoll::crypto {
namespace {

uint32_t SubjectHash(ByteSpan der) {
  const unsigned char* at = der.data();
  X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  EXPECT_NE(certificate, nullptr);
  EXPECT_EQ(at, der.data() + der.size());
  int ok = 0;
  const unsigned long hash =
      X509_NAME_hash_ex(X509_get_subject_name(certificate), nullptr, nullptr, &ok);
  X509_free(certificate);
  return static_cast<uint32_t>(hash);
}

TEST(TpmVendorBundle, HoldsEveryCertificateOnceUnderItsSubject) {
  const EndorsementBundle bundle = TpmVendors();
  // 44 roots of which one is withheld, and 1,737 intermediates.
  ASSERT_EQ(bundle.size(), 1780U);
  std::set<std::string> seen;
  size_t anchors = 0;
  for (size_t i = 0; i < bundle.size(); ++i) {
    const auto entry = bundle.At(i);
    anchors += entry.anchor ? 1 : 0;
    EXPECT_TRUE(seen.insert(Sha256Hex(entry.der)).second);
    const auto found = bundle.Find(SubjectHash(entry.der));
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const auto& other) {
      return other.der.data() == entry.der.data() && other.anchor == entry.anchor;
    }));
  }
  EXPECT_EQ(anchors, 43U);
  EXPECT_TRUE(bundle.Find(0x12345678).empty());
}

TEST(TpmVendorBundle, WithholdsTheRootThatNobodyStandsBehind) {
  const EndorsementBundle bundle = TpmVendors();
  for (size_t i = 0; i < bundle.size(); ++i) {
    EXPECT_EQ(AsText(bundle.At(i).der).find("k9 agent CA"), std::string_view::npos);
  }
}

TEST(TpmVendorBundle, IsNotReadBeforeAChainNeedsIt) {
  const auto roots = EndorsementRoots::Create({.bundle = TpmVendors()});
  ASSERT_TRUE(roots);
  EXPECT_EQ(roots->anchor_count(), 43U);
  EXPECT_EQ(roots->earliest_expiry(), EndorsementRoots::kNoExpiry);
}

TEST(EndorsementBundle, OfAnotherFormIsEmpty) {
  const Bytes empty;
  EXPECT_EQ(EndorsementBundle(empty).size(), 0U);
  EXPECT_EQ(EndorsementBundle(AsBytes("PLB1")).size(), 0U);
  const Bytes too_many = {'P', 'L', 'B', '1', 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
  EXPECT_EQ(EndorsementBundle(too_many).size(), 0U);
  EXPECT_FALSE(EndorsementRoots::Create({.bundle = EndorsementBundle(too_many)}));
  // An entry that points out of the block has no certificate.
  Bytes outside = {'P', 'L', 'B', '1', 1, 0, 0, 0, 7, 0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
  EXPECT_EQ(EndorsementBundle(outside).size(), 1U);
  EXPECT_TRUE(EndorsementBundle(outside).At(0).der.empty());
  EXPECT_TRUE(EndorsementBundle(outside).Find(7)[0].der.empty());
}

}  // namespace
}  // namespace plimsoll::crypto
