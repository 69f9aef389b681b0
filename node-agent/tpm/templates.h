#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/attestation_key.h"
#include "tcg/algorithm.h"

namespace plimsoll::tpm {

// The endorsement keys that a platform may have, TCG EK Credential Profile 2.5, annex B.
enum class EndorsementKind : uint8_t {
  kHighP384,     // H-3
  kHighP256,     // H-2
  kLowP256,      // L-2
  kHighRsa2048,  // H-1
  kLowRsa2048,   // L-1
};

// In the order in which the agent prefers them.
inline constexpr std::array kEndorsementKinds = {
    EndorsementKind::kHighP384, EndorsementKind::kHighP256, EndorsementKind::kLowP256,
    EndorsementKind::kHighRsa2048, EndorsementKind::kLowRsa2048};

// Where the profile (2.2.1.4, 2.2.1.5) puts what belongs to such a key. 0: there is none.
struct EndorsementIndices {
  uint32_t certificate;
  uint32_t nonce;            // what the maker put into `unique` (low range only)
  uint32_t public_template;  // TPMT_PUBLIC that replaces the profile's
};

EndorsementIndices IndicesOf(EndorsementKind kind);

// All NV indices of the profile: certificates, nonces, templates, chains.
inline constexpr uint32_t kEndorsementNvFirst = 0x01C00000;
inline constexpr uint32_t kEndorsementNvLast = 0x01C07FFF;
inline constexpr uint32_t kChainNvFirst = 0x01C00100;
inline constexpr uint32_t kChainNvLast = 0x01C001FF;

// Persistent handles of endorsement keys (TCG Registry of Reserved TPM 2.0 Handles, 2.3).
inline constexpr uint32_t kPersistentEndorsementFirst = 0x81010000;
inline constexpr uint32_t kPersistentEndorsementLast = 0x8101FFFF;

// The profile's template as TPMT_PUBLIC.
Bytes EndorsementTemplate(EndorsementKind kind);

// A template with another `unique`: `nonce`, and zeros up to the size of the key. kMalformed when
// `public_template` is no RSA or ECC public area or the nonce is longer than the key.
Result<Bytes> WithNonce(ByteSpan public_template, ByteSpan nonce);

// The policies of the EK templates for SHA-256 or SHA-384; empty for other hashes.
Bytes EndorsementPolicyA(tcg::AlgorithmId hash);  // PolicySecret(TPM_RH_ENDORSEMENT)
Bytes EndorsementPolicyB(tcg::AlgorithmId hash);  // PolicyOR(A, C)
Bytes EndorsementPolicyC(tcg::AlgorithmId hash);  // PolicyAuthorizeNV of the profile's index

// The template of the attestation key, a primary of the endorsement hierarchy: a restricted signing
// key with fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth and noDA, empty authPolicy.
//
//   kP384     nameAlg SHA-384, ECC P-384, ECDSA with SHA-384
//   kP256     nameAlg SHA-256, ECC P-256, ECDSA with SHA-256
//   kRsa2048  nameAlg SHA-256, RSA 2048, exponent 65537 (0), RSASSA with SHA-256
//
// A TPM derives a primary key from its hierarchy's seed and the whole template (TPM 2.0 Part
// 1, 27.5), so the same TPM and cluster give the same key after every restart, with nothing stored,
// and another cluster gives another key. What tells clusters apart is `unique`:
//
//   D      = H_nameAlg("plimsoll.dev/attestation-key/v1" 0x00 cluster_uid)
//   ECC    unique.x = D, unique.y = as many zero bytes
//   RSA    unique = D, followed by zero bytes up to 256
//
// `profile` is not kOther.
Bytes AttestationTemplate(crypto::KeyProfile profile, std::string_view cluster_uid);

}  // namespace plimsoll::tpm
