#include "tcg/public_area.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "fakes/test_data.h"
#include "tcg/writer.h"

namespace plimsoll::tcg {
namespace {

using fakes::ReadTestData;

// The fields of an ECC key after `type`, one by one, so that each can be wrong.
struct EccFields {
  uint16_t type = 0x0023;
  uint16_t name_algorithm = 0x000c;
  Bytes policy = {};
  Bytes symmetric = {0x00, 0x10};
  Bytes scheme = {0x00, 0x18, 0x00, 0x0c};
  uint16_t curve = 0x0004;
  Bytes kdf = {0x00, 0x10};
  Bytes x = Bytes(48, 1);
  Bytes y = Bytes(48, 2);

  Bytes Marshal() const {
    return Writer()
        .U16(type)
        .U16(name_algorithm)
        .U32(0x00050472)
        .Sized(policy)
        .Raw(symmetric)
        .Raw(scheme)
        .U16(curve)
        .Raw(kdf)
        .Sized(x)
        .Sized(y)
        .Take();
  }
};

TEST(PublicArea, ReadsAnAttestationKey) {
  const Bytes bytes = ReadTestData("probes/ak.pub");
  const auto area = PublicArea::Parse(bytes);
  ASSERT_TRUE(area) << area.error().message;
  EXPECT_EQ(area->type(), AlgorithmId::kEcc);
  EXPECT_EQ(area->name_algorithm(), AlgorithmId::kSha256);
  EXPECT_EQ(area->attributes().bits(), 0x00050072U);
  EXPECT_TRUE(area->attributes().restricted());
  EXPECT_TRUE(area->attributes().sign_encrypt());
  EXPECT_TRUE(area->attributes().fixed_tpm());
  EXPECT_TRUE(area->attributes().fixed_parent());
  EXPECT_TRUE(area->attributes().sensitive_data_origin());
  EXPECT_TRUE(area->attributes().user_with_auth());
  EXPECT_FALSE(area->attributes().decrypt());
  EXPECT_FALSE(area->attributes().admin_with_policy());
  EXPECT_FALSE(area->attributes().no_da());
  EXPECT_TRUE(area->auth_policy().empty());
  EXPECT_EQ(area->symmetric(), SymmetricDefinition{});
  EXPECT_EQ(area->scheme(), (Scheme{AlgorithmId::kEcdsa, AlgorithmId::kSha256}));
  ASSERT_NE(area->ecc(), nullptr);
  EXPECT_EQ(area->rsa(), nullptr);
  EXPECT_EQ(area->ecc()->curve, CurveId::kNistP256);
  EXPECT_EQ(area->ecc()->x.size(), 32U);
  EXPECT_EQ(ToBytes(area->bytes()), bytes);
}

TEST(PublicArea, ReadsAnEndorsementKeyWithItsSize) {
  const Bytes bytes = ReadTestData("probes/ek.pub");
  const auto area = PublicArea::ParseSized(bytes);
  ASSERT_TRUE(area) << area.error().message;
  EXPECT_EQ(area->type(), AlgorithmId::kRsa);
  EXPECT_EQ(area->attributes().bits(), 0x000300B2U);
  EXPECT_EQ(area->auth_policy().size(), 32U);
  EXPECT_EQ(area->symmetric(), (SymmetricDefinition{AlgorithmId::kAes, 128, AlgorithmId::kCfb}));
  EXPECT_EQ(area->scheme(), Scheme{});
  ASSERT_NE(area->rsa(), nullptr);
  EXPECT_EQ(area->rsa()->key_bits, 2048);
  EXPECT_EQ(area->rsa()->exponent, 0U);
  EXPECT_EQ(area->rsa()->modulus.size(), 256U);
  EXPECT_EQ(area->bytes().size(), bytes.size() - 2);
  EXPECT_FALSE(PublicArea::Parse(bytes));
}

TEST(PublicArea, K2_RefusesEveryTruncationAndEveryTail) {
  for (const char* name : {"probes/ak.pub", "probes/ek.pub"}) {
    Bytes bytes = ReadTestData(name);
    if (bytes.size() > 300) {
      bytes.erase(bytes.begin(), bytes.begin() + 2);
    }
    ASSERT_TRUE(PublicArea::Parse(bytes));
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(PublicArea::Parse(ByteSpan(bytes).first(size))) << name << " " << size;
    }
    for (int tail = 1; tail <= 8; ++tail) {
      bytes.push_back(0);
      ASSERT_FALSE(PublicArea::Parse(bytes)) << name << " " << tail;
    }
  }
}

TEST(PublicArea, HoldsTheOuterSizeToTheTruth) {
  const Bytes bytes = ReadTestData("probes/ek.pub");
  for (const int delta : {-300, -40, -1, 1, 40}) {
    Bytes lying = bytes;
    const auto size = static_cast<uint16_t>(static_cast<int>(bytes.size()) - 2 + delta);
    lying[0] = static_cast<uint8_t>(size >> 8U);
    lying[1] = static_cast<uint8_t>(size & 0xFFU);
    EXPECT_FALSE(PublicArea::ParseSized(lying)) << delta;
  }
  EXPECT_FALSE(PublicArea::ParseSized({}));
  EXPECT_FALSE(PublicArea::ParseSized(Bytes{0, 0}));
}

TEST(PublicArea, RefusesWhatItDoesNotKnowOrWhatDoesNotFit) {
  ASSERT_TRUE(PublicArea::Parse(EccFields().Marshal()));
  const std::pair<const char*, EccFields> cases[] = {
      {"keyed hash", {.type = 0x0008}},
      {"symmetric key", {.type = 0x0025}},
      {"nameAlg NULL", {.name_algorithm = 0x0010}},
      {"nameAlg SM3", {.name_algorithm = 0x0012}},
      {"policy too long", {.policy = Bytes(65)}},
      {"Camellia", {.symmetric = {0x00, 0x26, 0x00, 0x80, 0x00, 0x43}}},
      {"RSA as block cipher", {.symmetric = {0x00, 0x01, 0x00, 0x80, 0x00, 0x43}}},
      {"SHA-256 as mode", {.symmetric = {0x00, 0x06, 0x00, 0x80, 0x00, 0x0b}}},
      {"RSASSA on an ECC key", {.scheme = {0x00, 0x14, 0x00, 0x0b}}},
      {"OAEP on an ECC key", {.scheme = {0x00, 0x17, 0x00, 0x0b}}},
      {"ECDAA", {.scheme = {0x00, 0x1a, 0x00, 0x0b, 0x00, 0x00}}},
      {"SHA-256 as scheme", {.scheme = {0x00, 0x0b, 0x00, 0x0b}}},
      {"ECDSA with hash NULL", {.scheme = {0x00, 0x18, 0x00, 0x10}}},
      {"P-224", {.curve = 0x0002}},
      {"BN_P256", {.curve = 0x0010}},
      {"SM2", {.curve = 0x0020}},
      {"KDF without hash", {.kdf = {0x00, 0x20, 0x00, 0x10}}},
      {"ECDSA as KDF", {.kdf = {0x00, 0x18, 0x00, 0x0b}}},
      {"x too long", {.x = Bytes(67)}},
      {"y too long", {.y = Bytes(67)}},
  };
  for (const auto& [what, fields] : cases) {
    const auto area = PublicArea::Parse(fields.Marshal());
    ASSERT_FALSE(area) << what;
    EXPECT_EQ(area.error().code, ErrorCode::kMalformed) << what;
  }
}

TEST(PublicArea, ReadsSchemesThatAreForOthersToRefuse) {
  EccFields fields;
  fields.scheme = {0x00, 0x10};
  fields.kdf = {0x00, 0x22, 0x00, 0x04};
  fields.symmetric = {0x00, 0x06, 0x01, 0x00, 0x00, 0x42};
  const auto area = PublicArea::Parse(fields.Marshal());
  ASSERT_TRUE(area);
  EXPECT_EQ(area->scheme(), Scheme{});
  EXPECT_EQ(area->ecc()->kdf, (Scheme{AlgorithmId::kKdf1Sp800_108, AlgorithmId::kSha1}));
  EXPECT_EQ(area->symmetric(), (SymmetricDefinition{AlgorithmId::kAes, 256, AlgorithmId::kCbc}));
}

}  // namespace
}  // namespace plimsoll::tcg
