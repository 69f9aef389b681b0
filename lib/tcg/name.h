#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "tcg/algorithm.h"

namespace plimsoll::tcg {

// The longest Name or Qualified Name: an algorithm and a SHA-512 digest.
inline constexpr size_t kMaxNameBytes = 2 + 64;

// The Name of a TPM object: nameAlg ‖ H_nameAlg(TPMT_PUBLIC) (TPM 2.0 Part 1, 16). Names of handles
// and empty Names do not exist here. A value; crypto::ComputeName makes it from a public area.
class Name {
 public:
  // kMalformed unless the algorithm is a hash and exactly its digest follows.
  static Result<Name> FromBytes(ByteSpan bytes);

  // From lower-case hex, as in the protocol and the API.
  static Result<Name> FromHex(std::string_view text);

  AlgorithmId algorithm() const { return algorithm_; }
  ByteSpan bytes() const { return bytes_; }
  std::string ToHex() const;

  friend bool operator==(const Name& a, const Name& b) { return a.bytes_ == b.bytes_; }
  friend auto operator<=>(const Name& a, const Name& b) { return a.bytes_ <=> b.bytes_; }

 private:
  Name(AlgorithmId algorithm, Bytes bytes) : algorithm_(algorithm), bytes_(std::move(bytes)) {}

  AlgorithmId algorithm_;
  Bytes bytes_;
};

// A Qualified Name (TPM 2.0 Part 1, 16): like a Name, but over all ancestors, so that it tells in
// which hierarchy a key lives. An own type, so that the two are not taken for one another.
//
// In an attestation it is a claim: any 66 bytes or fewer. Compare it with a computed one
// (crypto/names.h); nothing else can be done with it.
class QualifiedName {
 public:
  // kTooLarge above kMaxNameBytes.
  static Result<QualifiedName> FromBytes(ByteSpan bytes);

  ByteSpan bytes() const { return bytes_; }
  std::string ToHex() const;

  friend bool operator==(const QualifiedName& a, const QualifiedName& b) = default;

 private:
  explicit QualifiedName(Bytes bytes) : bytes_(std::move(bytes)) {}

  Bytes bytes_;
};

}  // namespace plimsoll::tcg
