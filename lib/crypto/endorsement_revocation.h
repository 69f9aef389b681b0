#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace plimsoll::crypto {

// Certificate revocation lists (RFC 5280, 5) that somebody configured for the CAs of endorsement
// certificates (C10). Parsed once; whether a list counts is judged when it is used. Immutable, safe
// to share; copies share the lists.
class RevocationLists {
 public:
  static constexpr size_t kMaxBytes = 4U << 20U;
  static constexpr size_t kMaxLists = 256;

  // Each part is PEM ("X509 CRL" blocks, text around them is ignored) or DER, one list behind the
  // other. kTooLarge above the limits, which are for all parts together; kMalformed for another
  // kind of block, a damaged list, or bytes that are no list; kNotFound for a part without any
  // list.
  static Result<RevocationLists> Parse(const std::vector<ByteSpan>& parts);
  static Result<RevocationLists> Parse(ByteSpan part) { return Parse(std::vector{part}); }

  size_t count() const;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit RevocationLists(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace plimsoll::crypto
