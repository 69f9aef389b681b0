#include "crypto/attestation_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include "base/encoding.h"
#include "crypto/endorsement_key.h"
#include "crypto/roca.h"
#include "fakes/test_data.h"
#include "keys.h"
#include "roca_modulus.h"
#include "tcg/writer.h"

namespace plimsoll::crypto {
namespace {

using fakes::KeyTemplate;
using fakes::SoftwareKey;
using tcg::AlgorithmId;

Bytes WithModulus(const Bytes& public_area, const Bytes& modulus) {
  Bytes changed(public_area.begin(), public_area.end() - 256);
  Append(changed, modulus);
  return changed;
}

std::string_view CheckOf(const std::optional<KeyRejection>& rejection) {
  return rejection ? rejection->check : "";
}

std::string_view CheckOf(const SoftwareKey& key) {
  return CheckOf(CheckAttestationKey(key.Public()));
}

TEST(AttestationKey, AcceptsEveryKindThatIsFit) {
  EXPECT_EQ(CheckOf(P256()), "");
  EXPECT_EQ(CheckOf(P384()), "");
  EXPECT_EQ(CheckOf(P521()), "");
  EXPECT_EQ(CheckOf(Rsa2048()), "");
  EXPECT_EQ(CheckOf(Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss))), "");
  const auto recorded = tcg::PublicArea::Parse(fakes::ReadTestData("probes/ak.pub")).value();
  EXPECT_EQ(CheckOf(CheckAttestationKey(recorded)), "");
}

TEST(AttestationKey, K1_RefusesOneWrongAttribute) {
  const std::pair<unsigned, std::string_view> bits[] = {
      {1, "is not fixedTPM"},    {2, "is stClear"},
      {4, "is not fixedParent"}, {5, "was not made in the TPM"},
      {11, "may be duplicated"}, {16, "is not restricted"},
      {17, "decrypts"},          {18, "does not sign"},
      {0, "has attributes"},     {3, "has attributes"},
      {12, "has attributes"},    {19, "has attributes"},
      {31, "has attributes"},
  };
  for (const auto& [bit, words] : bits) {
    KeyTemplate ak = KeyTemplate::AkP256();
    ak.attributes ^= 1U << bit;
    const auto rejection = CheckAttestationKey(P256().With(ak).Public());
    ASSERT_TRUE(rejection) << bit;
    EXPECT_EQ(rejection->check, "K1") << bit;
    EXPECT_NE(rejection->message.find(words), std::string::npos) << rejection->message;
  }
}

TEST(AttestationKey, K1_LeavesOpenHowTheKeyIsAuthorised) {
  for (const unsigned bit : {6U, 7U, 8U, 9U, 10U}) {
    KeyTemplate ak = KeyTemplate::AkP256();
    ak.attributes ^= 1U << bit;
    EXPECT_EQ(CheckOf(P256().With(ak)), "") << bit;
  }
}

TEST(AttestationKey, K2_RefusesSchemesThatAreNotConcreteOrTooWeak) {
  const tcg::Scheme ecc[] = {
      {}, {AlgorithmId::kEcdh, AlgorithmId::kSha256}, {AlgorithmId::kEcdsa, AlgorithmId::kSha1}};
  for (const tcg::Scheme& scheme : ecc) {
    KeyTemplate ak = KeyTemplate::AkP256();
    ak.scheme = scheme;
    EXPECT_EQ(CheckOf(P256().With(ak)), "K2");
  }
  const tcg::Scheme rsa[] = {{},
                             {AlgorithmId::kRsaes, AlgorithmId::kNull},
                             {AlgorithmId::kOaep, AlgorithmId::kSha256},
                             {AlgorithmId::kRsassa, AlgorithmId::kSha1}};
  for (const tcg::Scheme& scheme : rsa) {
    KeyTemplate ak = KeyTemplate::AkRsa();
    ak.scheme = scheme;
    EXPECT_EQ(CheckOf(Rsa2048().With(ak)), "K2");
  }
}

TEST(AttestationKey, K2_RefusesASymmetricAlgorithmOrAKeyDerivation) {
  KeyTemplate ak = KeyTemplate::AkP256();
  ak.symmetric = {AlgorithmId::kAes, 128, AlgorithmId::kCfb};
  EXPECT_EQ(CheckOf(P256().With(ak)), "K2");
  ak = KeyTemplate::AkP256();
  ak.kdf = {AlgorithmId::kKdf1Sp800_56a, AlgorithmId::kSha256};
  EXPECT_EQ(CheckOf(P256().With(ak)), "K2");
}

TEST(AttestationKey, K4_RefusesASha1Name) {
  KeyTemplate ak = KeyTemplate::AkP256();
  ak.name_algorithm = AlgorithmId::kSha1;
  EXPECT_EQ(CheckOf(P256().With(ak)), "K4");
}

TEST(AttestationKey, K6_RefusesAPolicy) {
  KeyTemplate ak = KeyTemplate::AkP256();
  ak.auth_policy = Bytes(32, 1);
  EXPECT_EQ(CheckOf(P256().With(ak)), "K6");
}

TEST(AttestationKey, S3_RefusesWeakRsaKeys) {
  EXPECT_EQ(CheckOf(Rsa1024()), "S3");
  KeyTemplate ak = KeyTemplate::AkRsa();
  ak.exponent = 3;
  EXPECT_EQ(CheckOf(Rsa2048().With(ak)), "S3");
  ak = KeyTemplate::AkRsa();
  ak.key_bits = 3072;
  EXPECT_EQ(CheckOf(Rsa2048().With(ak)), "S3");
}

TEST(AttestationKey, S5_RefusesAPointThatIsOffItsCurve) {
  Bytes off = P256().MarshalPublic();
  off.back() ^= 0x01;
  EXPECT_EQ(CheckOf(CheckAttestationKey(tcg::PublicArea::Parse(off).value())), "S5");
}

TEST(AttestationKey, K7_RefusesTheRocaFingerprint) {
  const Bytes modulus = RocaModulus();
  EXPECT_TRUE(HasRocaFingerprint(modulus));
  EXPECT_FALSE(HasRocaFingerprint(Rsa2048().Modulus()));
  const auto ak = tcg::PublicArea::Parse(WithModulus(Rsa2048().MarshalPublic(), modulus)).value();
  EXPECT_EQ(CheckOf(CheckAttestationKey(ak)), "K7");
  const auto ek =
      tcg::PublicArea::Parse(
          WithModulus(Rsa2048().With(KeyTemplate::EkRsa2048()).MarshalPublic(), modulus))
          .value();
  EXPECT_EQ(CheckOf(CheckEndorsementKey(ek)), "K7");
}

TEST(KeyProfile, IsWhatThePublicAreaSays) {
  EXPECT_EQ(ProfileOf(P384().Public()), KeyProfile::kP384);
  EXPECT_EQ(ProfileOf(P256().Public()), KeyProfile::kP256);
  EXPECT_EQ(ProfileOf(Rsa2048().Public()), KeyProfile::kRsa2048);
  EXPECT_EQ(ProfileOf(P521().Public()), KeyProfile::kOther);
  EXPECT_EQ(ProfileOf(Rsa2048().With(KeyTemplate::AkRsa(AlgorithmId::kRsapss)).Public()),
            KeyProfile::kOther);
  KeyTemplate mixed = KeyTemplate::AkP384();
  mixed.scheme.hash = AlgorithmId::kSha256;
  EXPECT_EQ(ProfileOf(P384().With(mixed).Public()), KeyProfile::kOther);
}

TEST(KeyProfile, HasOneWord) {
  for (const char* name : {"p384", "p256", "rsa2048"}) {
    EXPECT_EQ(ToString(KeyProfileFromName(name).value()), name);
  }
  EXPECT_FALSE(KeyProfileFromName("other"));
  EXPECT_FALSE(KeyProfileFromName("P384"));
}

TEST(EndorsementKey, C12_AcceptsTheTemplatesOfTheProfile) {
  EXPECT_EQ(CheckOf(CheckEndorsementKey(Rsa2048().With(KeyTemplate::EkRsa2048()).Public())), "");
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P256().With(KeyTemplate::EkP256()).Public())), "");
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P384().With(KeyTemplate::EkP384()).Public())), "");
  KeyTemplate high = KeyTemplate::EkP256();
  high.attributes = KeyTemplate::kEkHighAttributes;
  high.auth_policy =
      FromHex("ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0").value();
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P256().With(high).Public())), "");
  high.type = AlgorithmId::kRsa;
  EXPECT_EQ(CheckOf(CheckEndorsementKey(Rsa2048().With(high).Public())), "");
  const auto recorded = tcg::PublicArea::ParseSized(fakes::ReadTestData("probes/ek.pub")).value();
  EXPECT_EQ(CheckOf(CheckEndorsementKey(recorded)), "");
}

TEST(EndorsementKey, C12_RefusesEveryDeviation) {
  struct Deviation {
    const char* what;
    void (*apply)(KeyTemplate&);
  };
  const Deviation deviations[] = {
      {"userWithAuth under the low policy", [](KeyTemplate& t) { t.attributes |= 1U << 6U; }},
      {"sign", [](KeyTemplate& t) { t.attributes |= 1U << 18U; }},
      {"noDA", [](KeyTemplate& t) { t.attributes |= 1U << 10U; }},
      {"not restricted", [](KeyTemplate& t) { t.attributes &= ~(1U << 16U); }},
      {"not fixedTPM", [](KeyTemplate& t) { t.attributes &= ~(1U << 1U); }},
      {"no adminWithPolicy", [](KeyTemplate& t) { t.attributes &= ~(1U << 7U); }},
      {"other policy", [](KeyTemplate& t) { t.auth_policy[0] ^= 1; }},
      {"no policy", [](KeyTemplate& t) { t.auth_policy.clear(); }},
      {"SHA-1 Name", [](KeyTemplate& t) { t.name_algorithm = AlgorithmId::kSha1; }},
      {"SHA-512 Name", [](KeyTemplate& t) { t.name_algorithm = AlgorithmId::kSha512; }},
      {"no cipher", [](KeyTemplate& t) { t.symmetric = {}; }},
      {"AES-192", [](KeyTemplate& t) { t.symmetric.key_bits = 192; }},
      {"AES in CBC mode", [](KeyTemplate& t) { t.symmetric.mode = AlgorithmId::kCbc; }},
  };
  for (const auto& [what, apply] : deviations) {
    for (const SoftwareKey& key :
         {Rsa2048().With(KeyTemplate::EkRsa2048()), P256().With(KeyTemplate::EkP256()),
          P384().With(KeyTemplate::EkP384())}) {
      KeyTemplate changed = key.key_template();
      apply(changed);
      if (changed.attributes == key.key_template().attributes &&
          changed.symmetric == key.key_template().symmetric &&
          changed.name_algorithm == key.key_template().name_algorithm &&
          changed.auth_policy == key.key_template().auth_policy) {
        continue;  // what is a deviation for one template is another's own
      }
      EXPECT_EQ(CheckOf(CheckEndorsementKey(key.With(changed).Public())), "C12") << what;
    }
  }
  KeyTemplate signing = KeyTemplate::EkP256();
  signing.scheme = {AlgorithmId::kEcdsa, AlgorithmId::kSha256};
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P256().With(signing).Public())), "C12");
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P256().Public())), "C12");
  EXPECT_EQ(CheckOf(CheckEndorsementKey(P521().Public())), "C12");
  EXPECT_EQ(CheckOf(CheckEndorsementKey(Rsa1024().Public())), "C12");
}

TEST(EndorsementKey, C12_RefusesNumbersThatAreNoKey) {
  Bytes even = Rsa2048().With(KeyTemplate::EkRsa2048()).MarshalPublic();
  even.back() &= 0xFE;
  EXPECT_EQ(CheckOf(CheckEndorsementKey(tcg::PublicArea::Parse(even).value())), "S3");
  KeyTemplate exponent = KeyTemplate::EkRsa2048();
  exponent.exponent = 3;
  EXPECT_EQ(CheckOf(CheckEndorsementKey(Rsa2048().With(exponent).Public())), "S3");
  Bytes off = P384().With(KeyTemplate::EkP384()).MarshalPublic();
  off.back() ^= 1;
  EXPECT_EQ(CheckOf(CheckEndorsementKey(tcg::PublicArea::Parse(off).value())), "S5");
  EXPECT_FALSE(EndorsementKeySha256(tcg::PublicArea::Parse(off).value()));
}

}  // namespace
}  // namespace plimsoll::crypto
