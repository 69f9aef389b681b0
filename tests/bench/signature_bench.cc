#include <benchmark/benchmark.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

#include "fakes/attested_node.h"

// The limit: OpenSSL's verification of one quote, with the key ready and the signature in the form
// that OpenSSL wants. No appraisal can be faster.
namespace plimsoll {
namespace {

using fakes::AttestedNode;
using fakes::KeyTemplate;

// A TPM's (r, s) in DER, as EVP takes it.
Bytes ToDer(const fakes::RawSignature& raw) {
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(ECDSA_SIG_new(),
                                                                        &ECDSA_SIG_free);
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw.r.data(), static_cast<int>(raw.r.size()), nullptr),
                 BN_bin2bn(raw.s.data(), static_cast<int>(raw.s.size()), nullptr));
  Bytes der(static_cast<size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
  unsigned char* out = der.data();
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

void SignatureCheckBare(benchmark::State& state, const KeyTemplate& ak) {
  const AttestedNode node(ak);
  const evidence::Evidence evidence = node.Evidence();
  const auto raw = node.tpm.ak().SignRaw(evidence.attest, ak.scheme);
  const Bytes signature = raw.rsa.empty() ? ToDer(raw) : raw.rsa;
  const EVP_MD* digest = ak.scheme.hash == tcg::AlgorithmId::kSha384 ? EVP_sha384() : EVP_sha256();
  for (auto _ : state) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const int result =
        EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, node.tpm.ak().pkey()) == 1
            ? EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                               evidence.attest.data(), evidence.attest.size())
            : 0;
    if (result != 1) {
      std::abort();
    }
  }
}

BENCHMARK_CAPTURE(SignatureCheckBare, P256, KeyTemplate::AkP256())
    ->Name("SignatureCheck/Bare/P256");
BENCHMARK_CAPTURE(SignatureCheckBare, P384, KeyTemplate::AkP384())
    ->Name("SignatureCheck/Bare/P384");
BENCHMARK_CAPTURE(SignatureCheckBare, RSA2048, KeyTemplate::AkRsa())
    ->Name("SignatureCheck/Bare/RSA2048");

}  // namespace
}  // namespace plimsoll
