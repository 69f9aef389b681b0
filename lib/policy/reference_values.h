#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "eventlog/facts.h"
#include "policy/object_meta.h"
#include "tcg/algorithm.h"

namespace plimsoll::policy {

enum class ReferenceState : uint8_t {
  kActive,
  kDeprecated,  // matches, and a remark says so
  kRevoked,     // what it lists fails, even where another set matches
};

std::string_view ToString(ReferenceState state);

struct ReferenceDigest {
  tcg::AlgorithmId algorithm = tcg::AlgorithmId::kSha256;
  Bytes value;  // of the algorithm's digest size

  friend bool operator==(const ReferenceDigest&, const ReferenceDigest&) = default;
};

struct ReferencePcr {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  uint32_t index = 0;          // 0-23
  std::vector<Bytes> digests;  // of the bank's size
};

// A boot component: by its digests (Authenticode digests of images), or by who signed it.
struct ReferenceComponent {
  eventlog::Role role = eventlog::Role::kOther;
  std::string name;  // for people
  std::vector<ReferenceDigest> digests;
  std::vector<Bytes> signers;  // SHA-256 of certificates' DER
};

enum class DatabaseMatch : uint8_t {
  kExact,     // these entries and no other
  kSubset,    // no entry but these
  kSuperset,  // these entries at least: a minimum dbx
};

std::string_view ToString(DatabaseMatch match);

struct ReferenceDatabase {
  DatabaseMatch match = DatabaseMatch::kExact;
  std::vector<Bytes> entries;  // SHA-256 of a certificate's DER, or the hash itself
};

enum class SecureBootDatabase : uint8_t { kPk, kKek, kDb, kDbx };
inline constexpr std::array kSecureBootDatabases = {
    SecureBootDatabase::kPk, SecureBootDatabase::kKek, SecureBootDatabase::kDb,
    SecureBootDatabase::kDbx};

std::string_view ToString(SecureBootDatabase database);  // "PK", "KEK", "db", "dbx"

struct ReferenceKey {
  std::string name;
  std::string pem;  // a public key or a certificate
};

struct ConfigMapKey {
  std::string namespace_name;
  std::string name;
  std::string key;
};

// A ReferenceValues object: a named set of what may be measured.
//
// `problem` as in AttestationPolicy: policies that name a set with a problem are not ready.
struct ReferenceValues {
  ObjectMeta meta;
  ReferenceState state = ReferenceState::kActive;
  std::optional<std::chrono::sys_seconds> not_before;
  std::optional<std::chrono::sys_seconds> not_after;
  std::string description;
  bool tuple = false;  // consistency: Tuple; a node must match all PCRs within this one object
  std::vector<ReferencePcr> pcrs;
  std::vector<ReferenceComponent> components;
  std::vector<std::string> command_lines;
  std::map<SecureBootDatabase, ReferenceDatabase> databases;
  std::vector<ConfigMapKey> allow_list_config_maps;  // IMA allow-lists
  std::string allow_list_file;                       // one path element; empty: none
  std::vector<ReferenceKey> keys;                    // of IMA signatures
  std::string problem;                               // empty when the whole spec was understood
  std::string unknown_field;  // the first, when the problem is one of a field that is not known

  // From the object's JSON. Fails only when it is no ReferenceValues object with a name.
  static Result<ReferenceValues> Parse(std::string_view json);

  // Whether the set counts at that time.
  bool IsValidAt(std::chrono::sys_seconds time) const;
};

// By name. Objects are immutable once shared.
using ReferenceSets = std::map<std::string, std::shared_ptr<const ReferenceValues>, std::less<>>;

}  // namespace plimsoll::policy
