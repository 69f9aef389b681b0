#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"

// Private to lib/eventlog: texts of unknown origin, made fit for terminals, JSON and logs.
namespace plimsoll::eventlog {

// At most `max` bytes of valid UTF-8. Control characters, those that reorder a line, and bytes that
// are no UTF-8 become "\xNN" or "\uNNNN"; a text that is cut ends in "...". `max` is at least 8.
std::string EscapeText(ByteSpan bytes, size_t max);

// The same for UTF-16LE, up to the first NUL; an odd last byte is ignored.
std::string EscapeUtf16(ByteSpan bytes, size_t max);

// Whether every byte is printable ASCII, and there are 1 to `max` of them.
bool IsPlainText(ByteSpan bytes, size_t max);

// UTF-16LE that ends in one NUL and has none before it, as UTF-8 without it; "" for anything else.
// Half a NUL counts as one: a loader logged one byte less than it hashed.
std::string TextOfUtf16(ByteSpan bytes);

}  // namespace plimsoll::eventlog
