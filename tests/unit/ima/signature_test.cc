#include "ima/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/test_data.h"
#include "unit/ima/signing.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

SignatureResult Check(const Made& made, const std::vector<SigningKey>& keys,
                      WeakHash weak = WeakHash::kRefuse) {
  const auto list = List::FromBinary(made.listed);
  EXPECT_TRUE(list) << list.error().message;
  return CheckSignature((*list)[0], keys, weak);
}

Made WithSignature(const Bytes& signature, const Bytes& digest = Sha256("contents"),
                   std::string_view algorithm = "sha256") {
  return MakeEntry("ima-sig", {DigestField(algorithm, digest), NameField("/file"), signature});
}

TEST(FileSignature, I11_HoldsForAKeyOfThePolicy) {
  const std::vector<SigningKey> keys = {KeyNamed("ec", EcKey()), KeyNamed("rsa", RsaKey())};
  EXPECT_EQ(Check(SignedFile("/f", "x", EcKey()), keys).message, "ec");
  EXPECT_EQ(Check(SignedFile("/f", "x", RsaKey()), keys).message, "rsa");
  for (const auto& [number, hash] :
       {std::pair<uint8_t, AlgorithmId>{5, AlgorithmId::kSha384}, {6, AlgorithmId::kSha512}}) {
    const Bytes digest = crypto::Digest(hash, {Text("x")});
    const Made made = WithSignature(Xattr(3, 2, number, 0, SignDigest(RsaKey(), hash, digest)),
                                    digest, tcg::BankName(hash));
    EXPECT_EQ(Check(made, keys).verdict, SignatureVerdict::kValid);
  }
}

TEST(FileSignature, I11_DoesNotHoldForAnyOtherKey) {
  EXPECT_EQ(Check(SignedFile("/f", "x", OtherEcKey()), {KeyNamed("ec", EcKey())}).verdict,
            SignatureVerdict::kInvalid);
  EXPECT_EQ(Check(SignedFile("/f", "x", RsaKey()), {KeyNamed("ec", EcKey())}).verdict,
            SignatureVerdict::kInvalid);
  EXPECT_EQ(Check(SignedFile("/f", "x", EcKey()), {}).verdict, SignatureVerdict::kInvalid);
}

TEST(FileSignature, I11_TakesTheKeyIdForNoMoreThanAHint) {
  const SigningKey trusted = KeyNamed("ec", EcKey());
  EXPECT_EQ(Check(SignedFile("/f", "x", OtherEcKey(), trusted.key.key_id()), {trusted}).verdict,
            SignatureVerdict::kInvalid)
      << "the id of an accepted key, by another key";
  EXPECT_EQ(Check(SignedFile("/f", "x", EcKey(), ~trusted.key.key_id()), {trusted}).verdict,
            SignatureVerdict::kValid)
      << "an accepted key under another id";
}

TEST(FileSignature, I11_DoesNotHoldForOtherContents) {
  const Bytes good = SignDigest(EcKey(), AlgorithmId::kSha256, Sha256("good"));
  EXPECT_EQ(Check(WithSignature(Xattr(3, 2, 4, 0, good), Sha256("evil")), {KeyNamed("ec", EcKey())})
                .verdict,
            SignatureVerdict::kInvalid);
}

TEST(FileSignature, I11_DoesNotHoldWhenAnyBitOfItIsAnother) {
  const std::vector<SigningKey> keys = {KeyNamed("rsa", RsaKey())};
  const Bytes digest = Sha256("contents");
  const Bytes good = Xattr(3, 2, 4, 0, SignDigest(RsaKey(), AlgorithmId::kSha256, digest));
  ASSERT_EQ(Check(WithSignature(good), keys).verdict, SignatureVerdict::kValid);
  for (size_t i = 0; i < good.size(); ++i) {
    if (i >= 3 && i < 7) {
      continue;  // the key id
    }
    Bytes bad = good;
    bad[i] = static_cast<uint8_t>(bad[i] ^ 0x10);
    EXPECT_NE(Check(WithSignature(bad), keys).verdict, SignatureVerdict::kValid) << i;
  }
  for (const size_t size : {size_t{1}, size_t{8}, size_t{9}, good.size() - 1}) {
    const Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(Check(WithSignature(cut), keys).verdict, SignatureVerdict::kInvalid) << size;
  }
  EXPECT_EQ(Check(WithSignature(Join({good, {0}})), keys).verdict, SignatureVerdict::kInvalid);
}

TEST(FileSignature, I11_MustBeOverTheHashThatWasMeasured) {
  const Bytes digest = Sha256("contents");
  const Bytes signature = SignDigest(EcKey(), AlgorithmId::kSha256, digest);
  for (const uint8_t number : Bytes{0, 2, 5, 17, 20, 23, 255}) {
    EXPECT_EQ(
        Check(WithSignature(Xattr(3, 2, number, 0, signature)), {KeyNamed("ec", EcKey())}).verdict,
        SignatureVerdict::kInvalid);
  }
}

TEST(FileSignature, I11_IsNotTakenWithSha1UnlessAsked) {
  const Bytes digest = crypto::Digest(AlgorithmId::kSha1, {Text("x")});
  const Made made = WithSignature(
      Xattr(3, 2, 2, 0, SignDigest(RsaKey(), AlgorithmId::kSha1, digest)), digest, "sha1");
  const std::vector<SigningKey> keys = {KeyNamed("rsa", RsaKey())};
  EXPECT_EQ(Check(made, keys).verdict, SignatureVerdict::kUnsupported);
  EXPECT_EQ(Check(made, keys, WeakHash::kAcceptSha1).verdict, SignatureVerdict::kValid);
}

TEST(FileSignature, I11_RefusesSignaturesOfOtherKinds) {
  const std::vector<SigningKey> keys = {KeyNamed("ec", EcKey())};
  const Bytes signature = SignDigest(EcKey(), AlgorithmId::kSha256, Sha256("contents"));
  EXPECT_THAT(Check(WithSignature(Xattr(5, 2, 4, 0, signature)), keys).message, HasSubstr("EVM"));
  for (const auto& [type, version] : {std::pair<int, int>{3, 1}, {3, 4}, {4, 2}, {6, 2}, {1, 2}}) {
    EXPECT_EQ(Check(WithSignature(Xattr(static_cast<uint8_t>(type), static_cast<uint8_t>(version),
                                        4, 0, signature)),
                    keys)
                  .verdict,
              SignatureVerdict::kUnsupported);
  }
  EXPECT_EQ(Check(File("/f", "x"), keys).verdict, SignatureVerdict::kNone);
}

TEST(FileSignature, I11_DoesNotAcceptAModulesAppendedSignature) {
  const Made made =
      MakeEntry("ima-modsig", {DigestField("sha256", Sha256("m")),
                               NameField("/m.ko"),
                               {},
                               DigestField("sha256", Sha256("stripped")),
                               SignDigest(EcKey(), AlgorithmId::kSha256, Sha256("stripped"))});
  EXPECT_EQ(Check(made, {KeyNamed("ec", EcKey())}).verdict, SignatureVerdict::kNone);
}

// Version 3 signs what kind of digest it is as well.
TEST(FileSignature, I11_KeepsContentsAndVerityApart) {
  const std::vector<SigningKey> keys = {KeyNamed("ec", EcKey())};
  const Bytes digest = Sha256("x");
  const auto version3 = [&](uint8_t type) {
    const Bytes id = crypto::Digest(AlgorithmId::kSha256, {Bytes{type, 4}, digest});
    return Xattr(type, 3, 4, 0, SignDigest(EcKey(), AlgorithmId::kSha256, id));
  };
  const auto entry = [&](std::string_view kind, const Bytes& signature) {
    return MakeEntry("ima-sigv2", {DigestField(kind, digest), NameField("/f"), signature});
  };
  const Bytes version2 = Xattr(3, 2, 4, 0, SignDigest(EcKey(), AlgorithmId::kSha256, digest));
  EXPECT_EQ(Check(entry("verity:sha256", version3(6)), keys).verdict, SignatureVerdict::kValid);
  EXPECT_EQ(Check(entry("ima:sha256", version3(3)), keys).verdict, SignatureVerdict::kValid);
  EXPECT_EQ(Check(entry("ima:sha256", version2), keys).verdict, SignatureVerdict::kValid);
  EXPECT_EQ(Check(entry("ima:sha256", version3(6)), keys).verdict, SignatureVerdict::kInvalid);
  EXPECT_EQ(Check(entry("verity:sha256", version3(3)), keys).verdict, SignatureVerdict::kInvalid);
  EXPECT_EQ(Check(entry("verity:sha256", version2), keys).verdict, SignatureVerdict::kInvalid);
  Bytes retyped = version3(3);
  retyped[0] = 6;
  EXPECT_EQ(Check(entry("verity:sha256", retyped), keys).verdict, SignatureVerdict::kInvalid);
}

TEST(FileSignature, I11_IsNothingInAViolation) {
  const Bytes zeros(32);
  const Bytes signature = SignDigest(EcKey(), AlgorithmId::kSha256, zeros);
  const Made made = MakeEntry(
      "ima-sig", {DigestField("sha256", zeros), NameField("/f"), Xattr(3, 2, 4, 0, signature)}, 10,
      true);
  EXPECT_EQ(Check(made, {KeyNamed("ec", EcKey())}).verdict, SignatureVerdict::kNone);
}

TEST(FileSignature, I11_HoldsForARecordedOneAndNotWhenItIsChanged) {
  std::string text = fakes::ReadTestText("ima/signed-sha1.ascii");
  const auto key =
      crypto::DigestVerificationKey::FromPem(fakes::ReadTestText("ima/signed-sha1.rsa2048.pem"));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->key_id(), 0xf3452d23U);
  const std::vector<SigningKey> keys = {{"recorded", *key}};
  const auto list = List::FromAscii(text);
  ASSERT_TRUE(list);
  EXPECT_EQ(CheckSignature((*list)[0], keys, WeakHash::kAcceptSha1).verdict,
            SignatureVerdict::kValid);
  EXPECT_EQ(CheckSignature((*list)[0], keys).verdict, SignatureVerdict::kUnsupported);
  EXPECT_EQ(CheckSignature((*list)[1], keys, WeakHash::kAcceptSha1).verdict,
            SignatureVerdict::kInvalid);

  const size_t at = text.find("84e0\n");
  ASSERT_NE(at, std::string::npos);
  text[at] = '9';
  const auto bad = List::FromAscii(text);
  ASSERT_TRUE(bad);
  EXPECT_EQ(CheckSignature((*bad)[0], keys, WeakHash::kAcceptSha1).verdict,
            SignatureVerdict::kInvalid);
}

}  // namespace
}  // namespace plimsoll::ima
