#pragma once

#include <string>
#include <string_view>

namespace plimsoll::evidence {

// Checks of identifiers from outside, made before one of them reaches a log line, a path, a label
// or a metric.

// A Node's name: a DNS-1123 subdomain of at most 253 characters (Kubernetes, "Object Names and
// IDs").
bool IsNodeName(std::string_view text);

// A UUID in lower case with hyphens (RFC 9562, section 4), as object UIDs and boot ids are written.
bool IsUuid(std::string_view text);

// A challenge or enrolment id: 1-64 characters of [A-Za-z0-9_-].
bool IsId(std::string_view text);

// A reason: a CamelCase word of 1-64 letters and digits.
bool IsReasonWord(std::string_view text);

// Text that people read: at most 256 bytes of UTF-8 without control characters (C0, DEL, C1) and
// without the characters that turn or break lines. May be empty.
bool IsFreeText(std::string_view text);

// `text` as free text: what IsFreeText refuses becomes "?", and the rest is cut off at 256 bytes.
// Encoders apply it, so that a strange host name or error message cannot make a document that the
// other end refuses.
std::string ToFreeText(std::string_view text);

}  // namespace plimsoll::evidence
