#include "crypto/digest_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/digest.h"
#include "fakes/software_ca.h"
#include "keys.h"

namespace plimsoll::crypto {
namespace {

using tcg::AlgorithmId;
using ::testing::HasSubstr;

const Bytes kDigest = Digest(AlgorithmId::kSha256, {AsBytes("file")});

Bytes Sign(const fakes::SoftwareKey& key, int padding = RSA_PKCS1_PADDING) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key.pkey(), nullptr), &EVP_PKEY_CTX_free);
  Bytes signature(1024);
  size_t size = signature.size();
  EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
  if (EVP_PKEY_is_a(key.pkey(), "RSA") == 1) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding), 1);
  }
  EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()), 1);
  EXPECT_EQ(EVP_PKEY_sign(context.get(), signature.data(), &size, kDigest.data(), kDigest.size()),
            1);
  signature.resize(size);
  return signature;
}

DigestVerificationKey KeyOf(const fakes::SoftwareKey& key) {
  auto made = DigestVerificationKey::FromPem(key.Pem());
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

SignatureCheck Check(const DigestVerificationKey& key, ByteSpan signature,
                     ByteSpan digest = kDigest, AlgorithmId hash = AlgorithmId::kSha256) {
  return key.Verify(hash, digest, signature).value();
}

TEST(DigestSignature, I11_HoldsForItsKeyAndDigestAlone) {
  for (const fakes::SoftwareKey* key : {&P256(), &P384(), &P521(), &Rsa2048()}) {
    const Bytes signature = Sign(*key);
    EXPECT_EQ(Check(KeyOf(*key), signature), SignatureCheck::kValid);
    EXPECT_EQ(Check(KeyOf(*key), signature, Digest(AlgorithmId::kSha256, {AsBytes("other")})),
              SignatureCheck::kInvalid);
    EXPECT_EQ(Check(KeyOf(*key), {}), SignatureCheck::kInvalid);
    EXPECT_EQ(Check(KeyOf(*key), Bytes(signature.size())), SignatureCheck::kInvalid);
    for (const fakes::SoftwareKey* other : {&P256(), &P384(), &P521(), &Rsa2048()}) {
      EXPECT_EQ(Check(KeyOf(*other), signature),
                other == key ? SignatureCheck::kValid : SignatureCheck::kInvalid);
    }
  }
}

TEST(DigestSignature, I11_WantsTheDigestOfTheHashThatItNames) {
  const DigestVerificationKey ec = KeyOf(P256());
  const DigestVerificationKey rsa = KeyOf(Rsa2048());
  for (const size_t size : {0U, 20U, 31U, 33U}) {
    EXPECT_EQ(Check(ec, Sign(P256()), Bytes(size)), SignatureCheck::kInvalid);
  }
  Bytes longer = kDigest;
  longer.push_back(0);
  EXPECT_EQ(Check(ec, Sign(P256()), longer), SignatureCheck::kInvalid);
  Bytes as_sha384 = kDigest;
  as_sha384.resize(48);
  EXPECT_EQ(Check(rsa, Sign(Rsa2048()), as_sha384, AlgorithmId::kSha384), SignatureCheck::kInvalid);
}

TEST(DigestSignature, I11_TakesPkcs1AndNotPss) {
  EXPECT_EQ(Check(KeyOf(Rsa2048()), Sign(Rsa2048(), RSA_PKCS1_PSS_PADDING)),
            SignatureCheck::kInvalid);
  Bytes padded = Sign(Rsa2048());
  padded.insert(padded.begin(), 0);
  EXPECT_EQ(Check(KeyOf(Rsa2048()), padded), SignatureCheck::kInvalid);
}

TEST(DigestSignature, I11_TakesTheKeyOfACertificate) {
  const fakes::SoftwareCa ca(fakes::CertificateFields::Ca("signer"));
  const Bytes der = ca.Issue(fakes::CertificateFields::Ca("files"), P256());
  const auto key = DigestVerificationKey::FromPem(fakes::PemBlock("CERTIFICATE", der));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(Check(*key, Sign(P256())), SignatureCheck::kValid);
  EXPECT_EQ(key->key_id(), KeyOf(P256()).key_id());
}

TEST(DigestSignature, I11_RefusesWhatIsNoKeyOrATooWeakOne) {
  const auto why = [](std::string_view pem) {
    const auto key = DigestVerificationKey::FromPem(pem);
    return key ? std::string("taken") : key.error().message;
  };
  EXPECT_THAT(why(""), HasSubstr("neither"));
  EXPECT_THAT(why("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
              HasSubstr("neither"));
  EXPECT_THAT(why("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              HasSubstr("neither"));
  EXPECT_THAT(why(std::string(16 * 1024 + 1, 'A')), HasSubstr("16385 bytes"));
  EXPECT_THAT(why(Rsa1024().Pem()), HasSubstr("1024"));
  // secp256k1, as some test suites use it.
  EXPECT_THAT(why("-----BEGIN PUBLIC KEY-----\n"
                  "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEnNH3Y/xOTwRRd8D6hpodRLnVx71qDTLv\n"
                  "JHouno7nU7JSzcXWN1PxK+HQEh1V7sMdwBER4KFKE635JTv6C+BRBg==\n"
                  "-----END PUBLIC KEY-----\n"),
              HasSubstr("another curve"));
}

}  // namespace
}  // namespace plimsoll::crypto
