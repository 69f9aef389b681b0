#include "crypto/credential.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/encoding.h"
#include "crypto/random.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using fakes::ActivateCredential;
using fakes::KeyTemplate;
using fakes::SoftwareKey;

Bytes Counting(size_t size, uint8_t from) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), from);
  return bytes;
}

std::vector<SoftwareKey> EndorsementKeys() {
  return {Rsa2048().With(KeyTemplate::EkRsa2048()), P256().With(KeyTemplate::EkP256()),
          P384().With(KeyTemplate::EkP384())};
}

tcg::Name NameOf(const char* algorithm, size_t size, const char* digit_pair) {
  std::string hex = algorithm;
  for (size_t i = 0; i < size; ++i) {
    hex += digit_pair;
  }
  return tcg::Name::FromHex(hex).value();
}

// The expected texts were computed from the specification, with Python's hmac and openssl enc.
TEST(Credential, M3_KnowsTheAnswersForAFixedSeed) {
  const Bytes secret = Counting(16, 0x10);
  EXPECT_EQ(ToHex(SealCredential(P256().With(KeyTemplate::EkP256()).Public(),
                                 NameOf("000b", 32, "aa"), secret, Counting(32, 0))
                      .value()),
            "003400209e7f7abbbaa45a56aa6f3753c46071df37ed308509e955fa3fa13e3ba58a08b8"
            "1e7a3ae22c6f5548569b28240fc18e2b21af");
  EXPECT_EQ(ToHex(SealCredential(P384().With(KeyTemplate::EkP384()).Public(),
                                 NameOf("000c", 48, "bb"), secret, Counting(48, 0))
                      .value()),
            "00440030de5b89f83fb8501f1b0b95680543cf4a919e0e28b7c275f77807fe6e79298c50"
            "1a45e70b1b1676cd1bd47340e6173505f40436495e96e6f92ddbae53cc5126f567d7");
}

TEST(Credential, M3_CanBeActivatedForTheKeyThatItNamesOnly) {
  SystemRandom random;
  const Bytes secret = Counting(32, 1);
  for (const SoftwareKey& ek : EndorsementKeys()) {
    const auto credential = MakeCredential(ek.Public(), P384().Name(), secret, random);
    ASSERT_TRUE(credential) << credential.error().message;
    const Bytes& blob = credential->credential_blob;
    const Bytes& encrypted = credential->encrypted_secret;
    EXPECT_EQ(ActivateCredential(ek, P384().Name(), blob, encrypted), secret);
    EXPECT_FALSE(ActivateCredential(ek, P256().Name(), blob, encrypted));
    Bytes changed = blob;
    changed.back() ^= 1;
    EXPECT_FALSE(ActivateCredential(ek, P384().Name(), changed, encrypted));
    changed = encrypted;
    changed.back() ^= 1;
    EXPECT_FALSE(ActivateCredential(ek, P384().Name(), blob, changed));
    const SoftwareKey other(ek.key_template());
    EXPECT_FALSE(ActivateCredential(other, P384().Name(), blob, encrypted));
  }
}

TEST(Credential, M1_IsNewEveryTime) {
  SystemRandom random;
  for (const SoftwareKey& ek : EndorsementKeys()) {
    const auto first = MakeCredential(ek.Public(), P384().Name(), Bytes(16, 1), random).value();
    const auto second = MakeCredential(ek.Public(), P384().Name(), Bytes(16, 1), random).value();
    EXPECT_NE(first.credential_blob, second.credential_blob);
    EXPECT_NE(first.encrypted_secret, second.encrypted_secret);
  }
}

TEST(Credential, M1_HoldsSecretsToTheirSize) {
  SystemRandom random;
  const auto ek = P256().With(KeyTemplate::EkP256()).Public();
  const auto make = [&](size_t size) {
    return MakeCredential(ek, P384().Name(), Bytes(size, 1), random);
  };
  EXPECT_EQ(make(15).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(make(0).error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(make(16));
  EXPECT_TRUE(make(32));
  EXPECT_EQ(make(33).error().code, ErrorCode::kTooLarge);
}

TEST(Credential, M3_TakesNoKeyWithoutItsCipher) {
  SystemRandom random;
  KeyTemplate ek = KeyTemplate::EkP256();
  ek.symmetric = {};
  EXPECT_EQ(MakeCredential(P256().With(ek).Public(), P384().Name(), Bytes(16), random).error().code,
            ErrorCode::kUnsupported);
  Bytes off = P256().With(KeyTemplate::EkP256()).MarshalPublic();
  off.back() ^= 1;
  EXPECT_FALSE(
      MakeCredential(tcg::PublicArea::Parse(off).value(), P384().Name(), Bytes(16), random));
}

}  // namespace
}  // namespace plimsoll::crypto
