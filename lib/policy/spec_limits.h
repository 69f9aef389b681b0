#pragma once

#include <cstddef>
#include <cstdint>

// The bounds of the CRDs' schemas. The API server holds objects to them; files know no API server.
// Internal to lib/policy.
namespace plimsoll::policy {

inline constexpr size_t kMaxVendorIdBytes = 8;
inline constexpr size_t kMaxVersionBytes = 23;

inline constexpr size_t kMaxAuthorityRefs = 16;
inline constexpr size_t kMaxReferenceRefs = 64;
inline constexpr size_t kMaxKeyProfiles = 3;
inline constexpr size_t kMaxPcrRules = 96;
inline constexpr size_t kMaxDigestsPerRule = 64;
inline constexpr size_t kMaxFirmwareFloors = 32;
inline constexpr size_t kMaxSelectorItems = 64;
inline constexpr size_t kMaxLabelBytes = 317;  // prefix 253, slash, name 63
inline constexpr int64_t kMinSeconds = 10;
inline constexpr int64_t kMaxSeconds = 86'400;
inline constexpr int64_t kMaxPcr = 23;
inline constexpr int64_t kMaxQuorum = 1000;
inline constexpr int64_t kMaxUntrustedNodes = 1'000'000;

inline constexpr size_t kMaxRoles = 8;
inline constexpr size_t kMaxArguments = 64;
inline constexpr size_t kMaxArgumentBytes = 1024;
inline constexpr size_t kMaxPhasePaths = 16;
inline constexpr size_t kMaxPhasePathBytes = 256;
inline constexpr size_t kMaxExcludePatterns = 64;
inline constexpr size_t kMaxExcludePatternBytes = 512;

inline constexpr size_t kMaxDescriptionBytes = 1024;
inline constexpr size_t kMaxReferencePcrs = 192;
inline constexpr size_t kMaxDigestsPerPcr = 256;
inline constexpr size_t kMaxComponents = 1024;
inline constexpr size_t kMaxDigestsPerComponent = 64;
inline constexpr size_t kMaxSignersPerComponent = 32;
inline constexpr size_t kMaxComponentNameBytes = 256;
inline constexpr size_t kMaxCommandLines = 256;
inline constexpr size_t kMaxCommandLineBytes = 4096;
inline constexpr size_t kMaxDatabaseEntries = 4096;
inline constexpr size_t kMaxConfigMapKeys = 32;
inline constexpr size_t kMaxFileNameBytes = 255;
inline constexpr size_t kMaxKeys = 64;
inline constexpr size_t kMaxKeyNameBytes = 128;
inline constexpr size_t kMaxKeyPemBytes = 8192;

}  // namespace plimsoll::policy
