#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace plimsoll {

// Whether the bytes begin as a gzip file does (RFC 1952, 2.3.1).
bool IsGzip(ByteSpan bytes);

// The contents of a gzip file of one member. Fails with kTooLarge when they are more than
// `max_bytes`, before more is allocated, and with kMalformed on anything that is not exactly one
// sound member.
Result<std::string> Gunzip(ByteSpan bytes, size_t max_bytes);

}  // namespace plimsoll
