#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace plimsoll::controller::ingest {

// What can be read from a token without asking anybody. Nothing of it is proven.
struct BearerToken {
  std::string_view text;  // refers to the header
  WallTime expires{};     // its exp claim
};

// Reads the value of an Authorization header (RFC 6750, 2.1; the token a JWT as in RFC 7519).
//
// Strict, because the API server accepts endless spellings of one token, and each would be a review
// and a cache entry of its own: 8 KiB at most, only [A-Za-z0-9_.-], exactly three parts, each of
// them canonical base64url, and a payload with an exp claim. Anything else is kMalformed.
Result<BearerToken> ParseBearerToken(std::string_view authorization);

}  // namespace plimsoll::controller::ingest
