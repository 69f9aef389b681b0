#include "tcg/signature.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/encoding.h"
#include "fakes/software_tpm.h"
#include "fakes/test_data.h"

namespace plimsoll::tcg {
namespace {

using fakes::MarshalEcdsaSignature;
using fakes::MarshalRsaSignature;

TEST(Signature, ReadsAGenuineEcdsaSignature) {
  const auto signature = Signature::Parse(fakes::ReadTestData("probes/n0.sig"));
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_EQ(signature->algorithm(), AlgorithmId::kEcdsa);
  EXPECT_EQ(signature->hash(), AlgorithmId::kSha256);
  ASSERT_NE(signature->ecdsa(), nullptr);
  EXPECT_EQ(signature->rsa(), nullptr);
  EXPECT_EQ(ToHex(ByteSpan(signature->ecdsa()->r).first(4)), "63160591");
  EXPECT_EQ(ToHex(ByteSpan(signature->ecdsa()->s).first(4)), "29fed82d");
}

TEST(Signature, ReadsBothKindsOfRsaSignature) {
  for (const uint16_t algorithm : std::vector<uint16_t>{0x0014, 0x0016}) {
    const auto signature = Signature::Parse(MarshalRsaSignature(algorithm, 0x000d, Bytes(512, 7)));
    ASSERT_TRUE(signature);
    EXPECT_EQ(signature->rsa()->value, Bytes(512, 7));
    EXPECT_EQ(signature->ecdsa(), nullptr);
  }
}

TEST(Signature, Q1_RefusesEveryTruncationAndEveryTail) {
  for (Bytes bytes :
       {fakes::ReadTestData("probes/n0.sig"), MarshalRsaSignature(0x0014, 0x000b, Bytes(256))}) {
    ASSERT_TRUE(Signature::Parse(bytes));
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(Signature::Parse(ByteSpan(bytes).first(size))) << size;
    }
    for (int tail = 1; tail <= 8; ++tail) {
      bytes.push_back(0);
      ASSERT_FALSE(Signature::Parse(bytes)) << tail;
    }
  }
}

TEST(Signature, S1_RefusesOtherAlgorithms) {
  const Bytes part(32, 1);
  for (const uint16_t algorithm :
       std::vector<uint16_t>{0x0005 /* HMAC */, 0x0010, 0x0015, 0x0017, 0x001a /* ECDAA */,
                             0x001b /* SM2 */, 0x001c /* ECSCHNORR */, 0x0000, 0xffff}) {
    EXPECT_EQ(Signature::Parse(MarshalEcdsaSignature(algorithm, 0x000b, part, part)).error().code,
              ErrorCode::kMalformed)
        << algorithm;
  }
  for (const uint16_t hash : std::vector<uint16_t>{0x0010, 0x0012, 0x0001, 0x0027, 0x0000}) {
    EXPECT_FALSE(Signature::Parse(MarshalEcdsaSignature(0x0018, hash, part, part))) << hash;
  }
}

TEST(Signature, Q1_RefusesFieldsThatNoKeyHas) {
  EXPECT_FALSE(Signature::Parse(MarshalRsaSignature(0x0014, 0x000b, Bytes(513))));
  EXPECT_TRUE(Signature::Parse(MarshalEcdsaSignature(0x0018, 0x000b, Bytes(66), Bytes(66))));
  EXPECT_FALSE(Signature::Parse(MarshalEcdsaSignature(0x0018, 0x000b, Bytes(67), Bytes(66))));
  EXPECT_FALSE(Signature::Parse(MarshalEcdsaSignature(0x0018, 0x000b, Bytes(66), Bytes(67))));
}

}  // namespace
}  // namespace plimsoll::tcg
