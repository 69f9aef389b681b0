#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "tcg/algorithm.h"

// lib/crypto is everything that needs OpenSSL: digests, signatures by TPM keys, what makes an AK or
// EK acceptable, credentials, certificates, randomness. It knows no evidence, no policy and no
// network. No OpenSSL type appears in a header that another module includes.

namespace plimsoll::crypto {

// The digest of all parts, one after another. `hash` must be a hash (tcg::IsHash): anything else is
// a broken invariant and ends the process, as an OpenSSL without that hash does. Thread-safe.
Bytes Digest(tcg::AlgorithmId hash, std::initializer_list<ByteSpan> parts);

// SHA-256 in lower-case hex.
std::string Sha256Hex(ByteSpan bytes);

// A digest in pieces. The same demands as Digest. Not thread-safe.
class Hasher {
 public:
  explicit Hasher(tcg::AlgorithmId hash);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  Hasher& Update(ByteSpan bytes);

  // The digest of everything since the start or the last Finish; the Hasher can then begin anew.
  Bytes Finish();

  // The same into memory of the caller, which must be exactly as long as a digest. It may be what
  // was hashed: a PCR is extended in place.
  void FinishInto(std::span<uint8_t> digest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plimsoll::crypto
