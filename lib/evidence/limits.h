#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// The limits of evidence protocol version 1 (docs/architecture: "The evidence protocol"), in one
// place for both ends of the wire.
//
// A sender keeps to them, a receiver checks them before it allocates.
namespace plimsoll::evidence {

inline constexpr size_t kMaxHeaderBytes = 8 * 1024;  // request line and headers
inline constexpr size_t kMaxSmallBodyBytes =
    64 * 1024;  // enrolment, activation, challenge, report; every response
inline constexpr size_t kMaxEvidenceBodyBytes = 16 * 1024 * 1024;
inline constexpr size_t kMaxJsonDepth = 16;

inline constexpr size_t kMaxAttestBytes = 1024;
inline constexpr size_t kMaxSignatureBytes = 1024;
inline constexpr size_t kMaxPublicAreaBytes = 1024;
inline constexpr size_t kMaxCredentialBytes =
    1024;  // TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, each
inline constexpr size_t kMaxCertificateBytes = 8 * 1024;  // each of the chain, too
inline constexpr size_t kMaxChainCertificates = 8;
inline constexpr size_t kMaxBootEventLogBytes = 1024 * 1024;
inline constexpr size_t kMaxImaBytes = 8 * 1024 * 1024;
inline constexpr size_t kMaxImaEntries = 100'000;  // in one chunk
inline constexpr size_t kMaxStatementBytes = 16 * 1024;
inline constexpr size_t kMaxFreeTextBytes = 256;

inline constexpr size_t kMaxBanks = 16;  // TPML_PCR_SELECTION of the TPM 2.0 library specification
inline constexpr uint8_t kMaxPcrIndex = 31;  // sizeofSelect 4
inline constexpr size_t kMaxPcrValues = kMaxBanks * (kMaxPcrIndex + 1);
inline constexpr size_t kMaxNameBytes = 66;  // nameAlg and a SHA-512 digest
inline constexpr size_t kMaxIdBytes = 64;    // challenge and enrolment ids

inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kMinActivationSecretBytes = 16;
inline constexpr size_t kMaxActivationSecretBytes = 64;

inline constexpr std::chrono::seconds kTlsHandshakeTimeout{10};
inline constexpr std::chrono::seconds kHeaderTimeout{10};
inline constexpr std::chrono::seconds kBodyTimeout{30};
inline constexpr std::chrono::seconds kIdleTimeout{10};
inline constexpr size_t kMaxConnections = 4096;  // of one replica
inline constexpr size_t kMaxUnauthenticatedPerSource =
    32;  // holds above half of kMaxConnections only

inline constexpr unsigned kRequestsPerMinute = 30;  // per node
inline constexpr unsigned kRequestBurst = 20;
inline constexpr unsigned kEnrollmentsPerMinute = 6;
inline constexpr unsigned kEnrollmentBurst = 3;

inline constexpr std::chrono::seconds kChallengeLifetime{60};
inline constexpr std::chrono::seconds kEnrollmentLifetime{60};
inline constexpr size_t kMaxOutstandingPerNode = 3;  // challenges, and enrolments

}  // namespace plimsoll::evidence
