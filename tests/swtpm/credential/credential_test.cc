// MakeCredential against a TPM that is not ours: tpm2_activatecredential must recover the secret.

#include "crypto/credential.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "crypto/endorsement_chain.h"
#include "crypto/endorsement_key.h"
#include "crypto/names.h"
#include "crypto/random.h"
#include "swtpm/machine.h"
#include "tcg/writer.h"

namespace plimsoll::testing {
namespace {

Bytes ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, ByteSpan bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class CredentialOnATpm : public ::testing::Test {
 protected:
  void SetUp() override {
    auto machine = SwtpmMachine::Start();
    ASSERT_TRUE(machine) << machine.error().message;
    machine_ = *std::move(machine);
    Tpm("tpm2_createprimary",
        {"-C", "e", "-g", "sha384", "-G", "ecc384:ecdsa-sha384:null", "-a",
         "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign", "-c",
         Path("ak.ctx")});
    Tpm("tpm2_readpublic", {"-c", Path("ak.ctx"), "-o", Path("ak.pub"), "-n", Path("ak.name")});
    Tpm("tpm2_flushcontext", {"-t"});
  }

  std::string Path(const std::string& name) const { return machine_->directory() + "/" + name; }

  void Tpm(const std::string& program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {program, "-T", machine_->tcti()});
    const auto output = RunProgram(arguments);
    ASSERT_TRUE(output) << program << ": " << output.error().message;
  }

  tcg::PublicArea Public(const std::string& file) const {
    auto area = tcg::PublicArea::ParseSized(ReadFile(Path(file)));
    EXPECT_TRUE(area) << (area ? "" : area.error().message);
    return *std::move(area);
  }

  // What the TPM makes of a credential for `ek`, authorised by `session` (or the empty password).
  Bytes Activate(const std::string& ek, const crypto::Credential& credential, bool session) const {
    // The file that tpm2_makecredential writes: magic, version, then the two TPM2Bs.
    WriteFile(Path("credential"), tcg::Writer()
                                      .U32(0xBADCC0DE)
                                      .U32(1)
                                      .Raw(credential.credential_blob)
                                      .Raw(credential.encrypted_secret)
                                      .bytes());
    std::vector<std::string> arguments = {"-c", Path("ak.ctx"),     "-C", ek,
                                          "-i", Path("credential"), "-o", Path("secret")};
    if (session) {
      Tpm("tpm2_startauthsession", {"--policy-session", "-S", Path("session")});
      Tpm("tpm2_policysecret", {"-S", Path("session"), "-c", "e"});
      arguments.insert(arguments.end(), {"-P", "session:" + Path("session")});
    }
    Tpm("tpm2_activatecredential", arguments);
    return ReadFile(Path("secret"));
  }

  void ExpectRecovered(const std::string& ek, const tcg::PublicArea& ek_public, bool session) {
    const auto rejection = crypto::CheckEndorsementKey(ek_public);
    EXPECT_FALSE(rejection) << rejection->message;
    const tcg::Name ak = crypto::ComputeName(Public("ak.pub"));
    EXPECT_EQ(ToHex(ak.bytes()), ToHex(ReadFile(Path("ak.name"))));
    crypto::SystemRandom random;
    Bytes secret(32);
    random.Fill(secret);
    const auto credential = crypto::MakeCredential(ek_public, ak, secret, random);
    ASSERT_TRUE(credential) << credential.error().message;
    EXPECT_EQ(ToHex(Activate(ek, *credential, session)), ToHex(secret));
  }

  std::unique_ptr<SwtpmMachine> machine_;
};

TEST_F(CredentialOnATpm, M3_IsRecoveredByAnRsa2048EndorsementKey) {
  Tpm("tpm2_readpublic", {"-c", "0x81010001", "-o", Path("ek.pub")});
  ExpectRecovered("0x81010001", Public("ek.pub"), true);
}

TEST_F(CredentialOnATpm, M3_IsRecoveredByAP384EndorsementKey) {
  Tpm("tpm2_readpublic", {"-c", "0x81010016", "-o", Path("ek.pub")});
  ExpectRecovered("0x81010016", Public("ek.pub"), false);
}

TEST_F(CredentialOnATpm, M3_IsRecoveredByAP256EndorsementKey) {
  Tpm("tpm2_createek", {"-G", "ecc", "-c", Path("ek.ctx"), "-u", Path("ek.pub")});
  Tpm("tpm2_flushcontext", {"-t"});
  ExpectRecovered(Path("ek.ctx"), Public("ek.pub"), true);
}

TEST_F(CredentialOnATpm, C3_ItsCertificatesChainToTheirCaAndAreForItsKeys) {
  const auto roots = crypto::EndorsementRoots::FromPem(machine_->ca_pem());
  ASSERT_TRUE(roots) << roots.error().message;
  const std::pair<const char*, const char*> keys[] = {{"0x01c00002", "0x81010001"},
                                                      {"0x01c00016", "0x81010016"}};
  for (const auto& [index, handle] : keys) {
    Tpm("tpm2_nvread", {"-C", "o", "-o", Path("certificate"), index});
    Tpm("tpm2_readpublic", {"-c", handle, "-o", Path("ek.pub")});
    const auto certificate = crypto::EndorsementCertificate::Parse(ReadFile(Path("certificate")));
    ASSERT_TRUE(certificate) << certificate.error().message;
    EXPECT_TRUE(certificate->IsFor(Public("ek.pub")));
    const auto rejection = crypto::VerifyEndorsementChain(*certificate, {}, *roots,
                                                          std::chrono::system_clock::now(), {});
    ASSERT_TRUE(rejection) << rejection.error().message;
    EXPECT_FALSE(*rejection) << (*rejection)->message;
  }
}

}  // namespace
}  // namespace plimsoll::testing
