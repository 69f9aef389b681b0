#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tcg/attest.h"
#include "tcg/name.h"
#include "tcg/pcr_selection.h"
#include "tcg/public_area.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

// A TPM in software, as far as attestation goes, that can be made to lie in every field. It
// marshals with code of its own where that matters, so that it does not agree with lib/tcg by
// construction. Whatever fails in here ends the test program.
namespace plimsoll::fakes {

// Everything in a TPMT_PUBLIC but the key itself. The defaults are those of Plimsoll's own AKs.
struct KeyTemplate {
  static constexpr uint32_t kAkAttributes = 0x00050472;      // what the agent asks for, with noDA
  static constexpr uint32_t kEkLowAttributes = 0x000300B2;   // TCG templates L-1, L-2
  static constexpr uint32_t kEkHighAttributes = 0x000300F2;  // TCG templates H-1 to H-3

  tcg::AlgorithmId type = tcg::AlgorithmId::kEcc;
  tcg::AlgorithmId name_algorithm = tcg::AlgorithmId::kSha384;
  uint32_t attributes = kAkAttributes;
  Bytes auth_policy;
  tcg::SymmetricDefinition symmetric;
  tcg::Scheme scheme{tcg::AlgorithmId::kEcdsa, tcg::AlgorithmId::kSha384};
  tcg::CurveId curve = tcg::CurveId::kNistP384;  // ECC
  tcg::Scheme kdf;                               // ECC
  uint16_t key_bits = 2048;                      // RSA
  uint32_t exponent = 0;                         // RSA: what the public area says

  // The key profiles, and what else can be verified.
  static KeyTemplate AkP384() { return {}; }
  static KeyTemplate AkP256();
  static KeyTemplate AkP521();
  static KeyTemplate AkRsa(tcg::AlgorithmId scheme = tcg::AlgorithmId::kRsassa,
                           uint16_t key_bits = 2048);

  // Endorsement keys by the TCG templates L-1, L-2, H-3.
  static KeyTemplate EkRsa2048();
  static KeyTemplate EkP256();
  static KeyTemplate EkP384();
};

// The numbers of a signature, before they are marshalled.
struct RawSignature {
  Bytes rsa;   // RSA
  Bytes r, s;  // ECDSA, padded to the size of the field
};

Bytes MarshalRsaSignature(uint16_t algorithm, uint16_t hash, ByteSpan value);
Bytes MarshalEcdsaSignature(uint16_t algorithm, uint16_t hash, ByteSpan r, ByteSpan s);

// An asymmetric key and the public area that it claims. Copies share the key.
class SoftwareKey {
 public:
  explicit SoftwareKey(KeyTemplate key_template);

  // The same key under another public area: for what a TPM would never say of it.
  SoftwareKey With(KeyTemplate key_template) const;

  const KeyTemplate& key_template() const { return template_; }
  Bytes MarshalPublic() const;     // TPMT_PUBLIC
  tcg::PublicArea Public() const;  // decoded; only for templates that decode
  tcg::Name Name() const;
  std::string Pem() const;                // SubjectPublicKeyInfo
  Bytes Modulus() const;                  // RSA
  std::pair<Bytes, Bytes> Point() const;  // ECC, padded to the size of the field

  // TPMT_SIGNATURE by the template's scheme.
  Bytes Sign(ByteSpan message) const;

  // By any scheme that the key can do. `pss_salt` as in OpenSSL: bytes, -1 for the digest's length,
  // -3 for the largest.
  RawSignature SignRaw(ByteSpan message, tcg::Scheme scheme, int pss_salt = -1) const;

  evp_pkey_st* pkey() const { return key_.get(); }

 private:
  SoftwareKey(KeyTemplate key_template, std::shared_ptr<evp_pkey_st> key)
      : template_(std::move(key_template)), key_(std::move(key)) {}

  KeyTemplate template_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Every field of a TPMS_ATTEST of type quote, as it is to be marshalled.
struct AttestFields {
  struct Bank {
    uint16_t hash;
    Bytes bits;  // pcrSelect: sizeofSelect bytes
  };

  uint32_t magic = tcg::kTpmGeneratedValue;
  uint16_t type = tcg::kAttestQuote;
  Bytes signer;
  Bytes extra_data;
  uint64_t clock = 0;
  uint32_t reset_count = 0;
  uint32_t restart_count = 0;
  uint8_t safe = 1;
  uint64_t firmware_version = 0;
  std::vector<Bank> selection;
  Bytes pcr_digest;

  Bytes Marshal() const;
};

// The PCR values of a message, by bank and index.
using PcrValues = std::map<tcg::AlgorithmId, std::map<uint32_t, Bytes>>;

struct Quote {
  Bytes attest;     // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE over `attest`
  PcrValues pcrs;   // what was selected
};

// A machine's TPM with one attestation key, a primary of the endorsement hierarchy. PCRs of the
// banks SHA-1, SHA-256 and SHA-384 begin as a real one's: 17 to 22 all ones, the others zero.
class SoftwareTpm {
 public:
  explicit SoftwareTpm(KeyTemplate ak = KeyTemplate::AkP384());
  explicit SoftwareTpm(SoftwareKey ak);

  const SoftwareKey& ak() const { return ak_; }

  void SetPcr(tcg::AlgorithmId bank, uint32_t pcr, Bytes value) {
    pcrs_[bank][pcr] = std::move(value);
  }
  const Bytes& Pcr(tcg::AlgorithmId bank, uint32_t pcr) const { return pcrs_.at(bank).at(pcr); }
  void Extend(tcg::AlgorithmId bank, uint32_t pcr, ByteSpan digest);

  // What the next quotes say.
  tcg::ClockInfo clock{.clock = 1'000'000, .reset_count = 7, .restart_count = 0, .safe = true};
  uint64_t firmware_version = 0x0001000200030004;

  // The fields that TPM2_Quote would sign, for changing them before SignAttest.
  AttestFields PrepareQuote(const tcg::PcrSelection& selection, ByteSpan qualifying_data) const;
  Quote SignAttest(const AttestFields& fields, const tcg::PcrSelection& values) const;

  Quote MakeQuote(const tcg::PcrSelection& selection, ByteSpan qualifying_data) const {
    return SignAttest(PrepareQuote(selection, qualifying_data), selection);
  }

 private:
  SoftwareKey ak_;
  PcrValues pcrs_;
};

// TPM2_ActivateCredential by the private half of `ek`, written on its own from the specification; takes
// TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET. nullopt where a TPM would answer with an error.
std::optional<Bytes> ActivateCredential(const SoftwareKey& ek, const tcg::Name& ak,
                                        ByteSpan credential_blob, ByteSpan encrypted_secret);

}  // namespace plimsoll::fakes
