#include "crypto/verification_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <thread>

#include "fakes/test_data.h"
#include "keys.h"
#include "tcg/writer.h"

namespace plimsoll::crypto {
namespace {

using fakes::KeyTemplate;
using fakes::MarshalEcdsaSignature;
using fakes::MarshalRsaSignature;
using fakes::RawSignature;
using fakes::ReadTestData;
using fakes::SoftwareKey;
using tcg::AlgorithmId;

constexpr uint16_t kRsassa = 0x0014;
constexpr uint16_t kRsapss = 0x0016;
constexpr uint16_t kEcdsa = 0x0018;
constexpr uint16_t kSha1 = 0x0004;
constexpr uint16_t kSha256 = 0x000b;
constexpr uint16_t kSha384 = 0x000c;

const Bytes kMessage = {'m', 'e', 's', 's', 'a', 'g', 'e'};

SignatureCheck Check(const VerificationKey& key, ByteSpan signature, ByteSpan message = kMessage) {
  const auto parsed = tcg::Signature::Parse(signature);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return key.Verify(*parsed, message).value();
}

VerificationKey KeyOf(const SoftwareKey& key) {
  return VerificationKey::FromPublicArea(key.Public()).value();
}

// A recorded DER signature as TPMT_SIGNATURE.
Bytes FromDer(ByteSpan der) {
  const unsigned char* at = der.data();
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  Bytes r(32);
  Bytes s(32);
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), r.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), s.data(), 32);
  ECDSA_SIG_free(pair);
  return MarshalEcdsaSignature(kEcdsa, kSha256, r, s);
}

Bytes Order(int nid, size_t size) {
  EC_GROUP* group = EC_GROUP_new_by_curve_name(nid);
  Bytes order(size);
  BN_bn2binpad(EC_GROUP_get0_order(group), order.data(), static_cast<int>(size));
  EC_GROUP_free(group);
  return order;
}

TEST(VerificationKey, AcceptsEveryKindOfKeyAndScheme) {
  const SoftwareKey keys[] = {
      P256(), P384(), P521(), Rsa2048(), Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss)),
  };
  for (const SoftwareKey& key : keys) {
    const VerificationKey verifier = KeyOf(key);
    EXPECT_EQ(Check(verifier, key.Sign(kMessage)), SignatureCheck::kValid);
    EXPECT_EQ(Check(verifier, key.Sign(kMessage), Bytes{'x'}), SignatureCheck::kInvalid);
    EXPECT_EQ(Check(verifier, key.Sign(kMessage), {}), SignatureCheck::kInvalid);
    EXPECT_EQ(Check(verifier, key.Sign({}), {}), SignatureCheck::kValid);
    const auto from_pem = VerificationKey::FromPem(key.Pem());
    ASSERT_TRUE(from_pem) << from_pem.error().message;
    EXPECT_EQ(Check(*from_pem, key.Sign(kMessage)), SignatureCheck::kValid);
  }
}

TEST(VerificationKey, AcceptsTheRecordedQuotes) {
  const auto ak =
      VerificationKey::FromPublicArea(tcg::PublicArea::Parse(ReadTestData("probes/ak.pub")).value())
          .value();
  const auto pem = VerificationKey::FromPem(fakes::ReadTestText("probes/ak.pem")).value();
  for (const VerificationKey& key : {ak, pem}) {
    EXPECT_EQ(Check(key, ReadTestData("probes/n0.sig"), ReadTestData("probes/n0")),
              SignatureCheck::kValid);
    EXPECT_EQ(Check(key, ReadTestData("probes/s2"), ReadTestData("probes/m2")),
              SignatureCheck::kValid);
    EXPECT_EQ(Check(key, FromDer(ReadTestData("probes/nv.sig")), ReadTestData("probes/nv.att")),
              SignatureCheck::kValid);
    EXPECT_EQ(Check(key, ReadTestData("probes/n0.sig"), ReadTestData("probes/forged")),
              SignatureCheck::kInvalid);
  }
}

TEST(VerificationKey, TheForgeryIsByTheUnrestrictedKeyAndNotByTheAttestationKey) {
  const Bytes forged = ReadTestData("probes/forged");
  const Bytes signature = FromDer(ReadTestData("probes/forged.sig"));
  EXPECT_EQ(Check(VerificationKey::FromPem(fakes::ReadTestText("probes/un.pem")).value(), signature,
                  forged),
            SignatureCheck::kValid);
  EXPECT_EQ(Check(VerificationKey::FromPem(fakes::ReadTestText("probes/ak.pem")).value(), signature,
                  forged),
            SignatureCheck::kInvalid);
}

TEST(VerificationKey, RefusesEveryFlippedByteOfTheMessage) {
  const auto key = VerificationKey::FromPem(fakes::ReadTestText("probes/ak.pem")).value();
  const Bytes signature = ReadTestData("probes/n0.sig");
  Bytes message = ReadTestData("probes/n0");
  for (uint8_t& byte : message) {
    byte ^= 0x01;
    ASSERT_EQ(Check(key, signature, message), SignatureCheck::kInvalid);
    byte ^= 0x01;
  }
}

TEST(VerificationKey, S1_TakesNoOtherAlgorithmOrHashThanItsScheme) {
  const VerificationKey ecc = KeyOf(P256());
  const RawSignature strong = P256().SignRaw(kMessage, {AlgorithmId::kEcdsa, AlgorithmId::kSha384});
  EXPECT_EQ(Check(ecc, MarshalEcdsaSignature(kEcdsa, kSha384, strong.r, strong.s)),
            SignatureCheck::kInvalid);
  const RawSignature good = P256().SignRaw(kMessage, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  EXPECT_EQ(Check(ecc, MarshalRsaSignature(kRsassa, kSha256, good.r)), SignatureCheck::kInvalid);

  const VerificationKey rsa = KeyOf(Rsa2048());
  EXPECT_EQ(Check(rsa, MarshalEcdsaSignature(kEcdsa, kSha256, good.r, good.s)),
            SignatureCheck::kInvalid);
  const RawSignature pss =
      Rsa2048().SignRaw(kMessage, {AlgorithmId::kRsapss, AlgorithmId::kSha256});
  EXPECT_EQ(Check(rsa, MarshalRsaSignature(kRsapss, kSha256, pss.rsa)), SignatureCheck::kInvalid);

  // A key from PEM names no scheme, but its type still counts.
  const auto pem = VerificationKey::FromPem(Rsa2048().Pem()).value();
  EXPECT_EQ(Check(pem, MarshalRsaSignature(kRsapss, kSha256, pss.rsa)), SignatureCheck::kValid);
  EXPECT_EQ(Check(pem, MarshalEcdsaSignature(kEcdsa, kSha256, good.r, good.s)),
            SignatureCheck::kInvalid);
}

TEST(VerificationKey, S2_TakesNoSha1) {
  KeyTemplate weak = KeyTemplate::AkRsa();
  weak.scheme.hash = AlgorithmId::kSha1;
  EXPECT_EQ(VerificationKey::FromPublicArea(Rsa2048().With(weak).Public()).error().code,
            ErrorCode::kUnsupported);
  const RawSignature raw = Rsa2048().SignRaw(kMessage, weak.scheme);
  EXPECT_EQ(Check(VerificationKey::FromPem(Rsa2048().Pem()).value(),
                  MarshalRsaSignature(kRsassa, kSha1, raw.rsa)),
            SignatureCheck::kInvalid);
}

TEST(VerificationKey, S3_TakesNoWeakRsaKey) {
  EXPECT_EQ(VerificationKey::FromPublicArea(Rsa1024().Public()).error().code,
            ErrorCode::kUnsupported);
  EXPECT_FALSE(VerificationKey::FromPem(Rsa1024().Pem()));
  KeyTemplate odd = KeyTemplate::AkRsa();
  for (const uint32_t exponent : {3U, 1U, 65539U, 0xFFFFFFFFU}) {
    odd.exponent = exponent;
    EXPECT_FALSE(VerificationKey::FromPublicArea(Rsa2048().With(odd).Public())) << exponent;
  }
  odd.exponent = 65537;
  EXPECT_TRUE(VerificationKey::FromPublicArea(Rsa2048().With(odd).Public()));
  odd.key_bits = 3072;
  EXPECT_EQ(VerificationKey::FromPublicArea(Rsa2048().With(odd).Public()).error().code,
            ErrorCode::kMalformed);
  odd.key_bits = 16384;
  EXPECT_FALSE(VerificationKey::FromPublicArea(Rsa2048().With(odd).Public()));
}

TEST(VerificationKey, S3_TakesNoEvenShortOrPaddedModulus) {
  const Bytes good = Rsa2048().MarshalPublic();
  Bytes even = good;
  even.back() &= 0xFE;
  EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(even).value()));
  Bytes small = good;
  small[good.size() - 256] = 0x00;
  EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(small).value()));
  Bytes padded(good.begin(), good.end() - 258);
  Append(padded, tcg::Writer().U16(257).U8(0).Raw(Rsa2048().Modulus()).bytes());
  EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(padded).value()));
}

TEST(VerificationKey, S3_TakesNoRsaSignatureOfAnotherLengthThanTheModulus) {
  // PSS is random, so a signature that begins with a zero comes up soon.
  const SoftwareKey key = Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss));
  const VerificationKey verifier = KeyOf(key);
  Bytes value;
  for (int i = 0; i < 10000 && (value.empty() || value.front() != 0); ++i) {
    value = key.SignRaw(kMessage, key.key_template().scheme).rsa;
  }
  ASSERT_EQ(value.front(), 0);
  EXPECT_EQ(Check(verifier, MarshalRsaSignature(kRsapss, kSha256, value)), SignatureCheck::kValid);
  EXPECT_EQ(Check(verifier, MarshalRsaSignature(kRsapss, kSha256, ByteSpan(value).subspan(1))),
            SignatureCheck::kInvalid);
  value.insert(value.begin(), 0);
  EXPECT_EQ(Check(verifier, MarshalRsaSignature(kRsapss, kSha256, value)),
            SignatureCheck::kInvalid);
  EXPECT_EQ(Check(verifier, MarshalRsaSignature(kRsapss, kSha256, {})), SignatureCheck::kInvalid);
}

TEST(VerificationKey, S4_TakesSaltsOfDigestOrMaximumLengthOnly) {
  const SoftwareKey key = Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss));
  const VerificationKey verifier = KeyOf(key);
  const std::pair<int, SignatureCheck> salts[] = {
      {-1, SignatureCheck::kValid},    {32, SignatureCheck::kValid},
      {-3, SignatureCheck::kValid},    {222, SignatureCheck::kValid},
      {0, SignatureCheck::kInvalid},   {20, SignatureCheck::kInvalid},
      {31, SignatureCheck::kInvalid},  {33, SignatureCheck::kInvalid},
      {221, SignatureCheck::kInvalid},
  };
  for (const auto& [salt, expected] : salts) {
    const RawSignature raw = key.SignRaw(kMessage, key.key_template().scheme, salt);
    EXPECT_EQ(Check(verifier, MarshalRsaSignature(kRsapss, kSha256, raw.rsa)), expected) << salt;
  }
}

TEST(VerificationKey, S4_DoesNotTakeOnePaddingForTheOther) {
  const SoftwareKey pss_key = Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss));
  const RawSignature pkcs1 =
      Rsa2048().SignRaw(kMessage, {AlgorithmId::kRsassa, AlgorithmId::kSha256});
  const RawSignature pss = pss_key.SignRaw(kMessage, {AlgorithmId::kRsapss, AlgorithmId::kSha256});
  EXPECT_EQ(Check(KeyOf(pss_key), MarshalRsaSignature(kRsapss, kSha256, pkcs1.rsa)),
            SignatureCheck::kInvalid);
  EXPECT_EQ(Check(KeyOf(Rsa2048()), MarshalRsaSignature(kRsassa, kSha256, pss.rsa)),
            SignatureCheck::kInvalid);
}

TEST(VerificationKey, S5_HoldsRAndSToTheirRange) {
  const VerificationKey key = KeyOf(P256());
  const RawSignature good = P256().SignRaw(kMessage, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  const Bytes zero(32);
  const Bytes order = Order(NID_X9_62_prime256v1, 32);
  const Bytes all_ones(32, 0xFF);
  for (const Bytes& bad : {zero, Bytes(), Bytes(1), order, all_ones}) {
    EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, bad, good.s)),
              SignatureCheck::kInvalid);
    EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, good.r, bad)),
              SignatureCheck::kInvalid);
    EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, bad, bad)),
              SignatureCheck::kInvalid);
  }
}

TEST(VerificationKey, S5_ToleratesZerosLeftOutButNoneTooMany) {
  const VerificationKey key = KeyOf(P256());
  RawSignature raw;
  for (int i = 0; i < 20000 && (raw.r.empty() || raw.r.front() != 0); ++i) {
    raw = P256().SignRaw(kMessage, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  }
  ASSERT_EQ(raw.r.front(), 0);
  EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, raw.r, raw.s)),
            SignatureCheck::kValid);
  EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, ByteSpan(raw.r).subspan(1), raw.s)),
            SignatureCheck::kValid);
  Bytes padded = {0};
  Append(padded, raw.r);
  EXPECT_EQ(Check(key, MarshalEcdsaSignature(kEcdsa, kSha256, padded, raw.s)),
            SignatureCheck::kInvalid);
}

TEST(VerificationKey, S5_TakesNoPointThatIsOffItsCurve) {
  for (const SoftwareKey& software : {P256(), P384(), P521()}) {
    const Bytes good = software.MarshalPublic();
    const size_t field = software.Point().first.size();
    Bytes off = good;
    off.back() ^= 0x01;
    EXPECT_EQ(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(off).value()).error().code,
              ErrorCode::kMalformed);
    Bytes origin = good;
    std::fill(origin.end() - static_cast<long>(2 * field + 2),
              origin.end() - static_cast<long>(field + 2), 0);
    std::fill(origin.end() - static_cast<long>(field), origin.end(), 0);
    EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(origin).value()));
    Bytes nothing(good.begin(), good.end() - static_cast<long>(2 * field + 4));
    Append(nothing, Bytes(4));
    EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(nothing).value()));
    Bytes above = good;
    std::fill(above.end() - static_cast<long>(field), above.end(), 0xFF);
    EXPECT_FALSE(VerificationKey::FromPublicArea(tcg::PublicArea::Parse(above).value()));
  }
  // The coordinates of one curve under the name of a smaller one.
  KeyTemplate wrong = KeyTemplate::AkP256();
  EXPECT_FALSE(VerificationKey::FromPublicArea(P384().With(wrong).Public()));
}

TEST(VerificationKey, S6_AMirroredSignatureHoldsTooSoItIdentifiesNothing) {
  const RawSignature raw = P256().SignRaw(kMessage, {AlgorithmId::kEcdsa, AlgorithmId::kSha256});
  BIGNUM* s = BN_bin2bn(raw.s.data(), 32, nullptr);
  const Bytes order = Order(NID_X9_62_prime256v1, 32);
  BIGNUM* n = BN_bin2bn(order.data(), 32, nullptr);
  BN_sub(s, n, s);
  Bytes mirrored(32);
  BN_bn2binpad(s, mirrored.data(), 32);
  BN_free(s);
  BN_free(n);
  EXPECT_NE(mirrored, raw.s);
  EXPECT_EQ(Check(KeyOf(P256()), MarshalEcdsaSignature(kEcdsa, kSha256, raw.r, mirrored)),
            SignatureCheck::kValid);
}

TEST(VerificationKey, TakesNoKeyThatDoesNotSign) {
  for (const tcg::Scheme scheme :
       {tcg::Scheme{}, tcg::Scheme{AlgorithmId::kEcdh, AlgorithmId::kSha256}}) {
    KeyTemplate ak = KeyTemplate::AkP256();
    ak.scheme = scheme;
    EXPECT_EQ(VerificationKey::FromPublicArea(P256().With(ak).Public()).error().code,
              ErrorCode::kUnsupported);
  }
}

TEST(VerificationKey, TakesNoPemThatIsNoPublicKey) {
  for (const std::string& pem :
       {std::string(), std::string("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        fakes::ReadTestText("endorsement/roots.pem").substr(0, 4000)}) {
    EXPECT_EQ(VerificationKey::FromPem(pem).error().code, ErrorCode::kMalformed);
  }
  EXPECT_EQ(VerificationKey::FromPem(std::string(9000, 'x')).error().code, ErrorCode::kTooLarge);
  // secp256k1.
  EXPECT_EQ(
      VerificationKey::FromPem("-----BEGIN PUBLIC KEY-----\n"
                               "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZ\n"
                               "WfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==\n"
                               "-----END PUBLIC KEY-----\n")
          .error()
          .code,
      ErrorCode::kUnsupported);
}

TEST(VerificationKey, CanBeUsedByManyThreads) {
  const VerificationKey key = KeyOf(P384());
  const Bytes good = P384().Sign(kMessage);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        const ByteSpan message = i % 2 == 0 ? ByteSpan(kMessage) : ByteSpan(good);
        EXPECT_EQ(Check(key, good, message),
                  i % 2 == 0 ? SignatureCheck::kValid : SignatureCheck::kInvalid);
      }
    });
  }
}

}  // namespace
}  // namespace plimsoll::crypto
