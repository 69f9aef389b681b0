#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace plimsoll {

// Lower-case hex.
std::string ToHex(ByteSpan bytes);

// The bytes of a lower-case hex text of even length; upper case is kMalformed, so that every value
// has one spelling.
Result<Bytes> FromHex(std::string_view text);

// RFC 4648, section 4: the standard alphabet, padded.
std::string ToBase64(ByteSpan bytes);

// The bytes of a canonical base64 text. Missing or misplaced padding, foreign characters (white
// space too) and non-zero bits behind the last byte are kMalformed (RFC 4648, 3.5), so that every
// value has one spelling. `max_bytes` is checked before anything is allocated (kTooLarge).
Result<Bytes> FromBase64(std::string_view text, size_t max_bytes);

// The same in the URL-safe alphabet without padding (RFC 4648, section 5), as in JSON web tokens.
Result<Bytes> FromBase64Url(std::string_view text, size_t max_bytes);

}  // namespace plimsoll
