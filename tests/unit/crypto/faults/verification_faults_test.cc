// S7: whichever OpenSSL call of a signature check fails, and however it says so, the answer is
// never "valid". The functions below stand in for OpenSSL's: the program's own symbols come before
// those of the shared library, and hand the call on unless it is their turn to fail.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <optional>
#include <set>
#include <string>

#include "crypto/verification_key.h"
#include "fakes/software_tpm.h"

namespace {

// Which call fails, counted over all functions from the moment the fault is armed, and with what.
struct Fault {
  int at = -1;
  int answer = 0;
};

Fault fault;
int calls = 0;
std::set<std::string>* names = nullptr;

bool Fails(const char* name) {
  if (names != nullptr) {
    names->insert(name);
  }
  return calls++ == fault.at;
}

template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

EVP_MD_CTX* EVP_MD_CTX_new() {
  static auto* real = Real<EVP_MD_CTX*()>("EVP_MD_CTX_new");
  return Fails("EVP_MD_CTX_new") ? nullptr : real();
}

int EVP_DigestVerifyInit(EVP_MD_CTX* context, EVP_PKEY_CTX** key_context, const EVP_MD* type,
                         ENGINE* engine, EVP_PKEY* key) {
  static auto* real = Real<decltype(EVP_DigestVerifyInit)>("EVP_DigestVerifyInit");
  return Fails("EVP_DigestVerifyInit") ? fault.answer
                                       : real(context, key_context, type, engine, key);
}

int EVP_DigestVerify(EVP_MD_CTX* context, const unsigned char* signature, size_t signature_size,
                     const unsigned char* message, size_t message_size) {
  static auto* real = Real<decltype(EVP_DigestVerify)>("EVP_DigestVerify");
  return Fails("EVP_DigestVerify")
             ? fault.answer
             : real(context, signature, signature_size, message, message_size);
}

int EVP_PKEY_CTX_set_rsa_padding(EVP_PKEY_CTX* context, int padding) {
  static auto* real = Real<decltype(EVP_PKEY_CTX_set_rsa_padding)>("EVP_PKEY_CTX_set_rsa_padding");
  return Fails("EVP_PKEY_CTX_set_rsa_padding") ? fault.answer : real(context, padding);
}

int EVP_PKEY_CTX_set_rsa_mgf1_md(EVP_PKEY_CTX* context, const EVP_MD* type) {
  static auto* real = Real<decltype(EVP_PKEY_CTX_set_rsa_mgf1_md)>("EVP_PKEY_CTX_set_rsa_mgf1_md");
  return Fails("EVP_PKEY_CTX_set_rsa_mgf1_md") ? fault.answer : real(context, type);
}

int EVP_PKEY_CTX_set_rsa_pss_saltlen(EVP_PKEY_CTX* context, int size) {
  static auto* real =
      Real<decltype(EVP_PKEY_CTX_set_rsa_pss_saltlen)>("EVP_PKEY_CTX_set_rsa_pss_saltlen");
  return Fails("EVP_PKEY_CTX_set_rsa_pss_saltlen") ? fault.answer : real(context, size);
}

ECDSA_SIG* ECDSA_SIG_new() {
  static auto* real = Real<ECDSA_SIG*()>("ECDSA_SIG_new");
  return Fails("ECDSA_SIG_new") ? nullptr : real();
}

BIGNUM* BN_bin2bn(const unsigned char* bytes, int size, BIGNUM* number) {
  static auto* real = Real<decltype(BN_bin2bn)>("BN_bin2bn");
  return Fails("BN_bin2bn") ? nullptr : real(bytes, size, number);
}

int ECDSA_SIG_set0(ECDSA_SIG* signature, BIGNUM* r, BIGNUM* s) {
  static auto* real = Real<decltype(ECDSA_SIG_set0)>("ECDSA_SIG_set0");
  return Fails("ECDSA_SIG_set0") ? fault.answer : real(signature, r, s);
}

int i2d_ECDSA_SIG(const ECDSA_SIG* signature, unsigned char** out) {
  static auto* real = Real<decltype(i2d_ECDSA_SIG)>("i2d_ECDSA_SIG");
  return Fails("i2d_ECDSA_SIG") ? fault.answer : real(signature, out);
}

}  // extern "C"

namespace plimsoll::crypto {
namespace {

using fakes::KeyTemplate;
using fakes::SoftwareKey;

class VerificationFaults : public testing::TestWithParam<KeyTemplate> {
 protected:
  void TearDown() override {
    fault = {};
    names = nullptr;
  }
};

TEST_P(VerificationFaults, S7_NoFailureInsideIsReadAsSuccess) {
  const SoftwareKey software(GetParam());
  const auto key = VerificationKey::FromPublicArea(software.Public()).value();
  const Bytes message(100, 7);
  const auto signature = tcg::Signature::Parse(software.Sign(message)).value();

  std::set<std::string> seen;
  names = &seen;
  calls = 0;
  ASSERT_EQ(key.Verify(signature, message).value(), SignatureCheck::kValid);
  const int total = calls;
  ASSERT_GE(seen.size(), 3U);
  ASSERT_TRUE(seen.contains("EVP_DigestVerify"));

  for (const int answer : {0, -1, -2}) {
    for (int at = 0; at < total; ++at) {
      fault = {.at = at, .answer = answer};
      calls = 0;
      const auto check = key.Verify(signature, message);
      EXPECT_FALSE(check && *check == SignatureCheck::kValid) << "call " << at << ", " << answer;
    }
  }
  fault = {};
  EXPECT_EQ(key.Verify(signature, message).value(), SignatureCheck::kValid);
}

INSTANTIATE_TEST_SUITE_P(EveryScheme, VerificationFaults,
                         testing::Values(KeyTemplate::AkP256(), KeyTemplate::AkRsa(),
                                         KeyTemplate::AkRsa(tcg::AlgorithmId::kRsapss)));

}  // namespace
}  // namespace plimsoll::crypto
