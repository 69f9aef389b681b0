#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "evidence/challenge.h"

namespace plimsoll::evidence {

// The part of an IMA list that the evidence holds.
struct ImaRange {
  uint64_t from = 0;     // entries before this chunk
  uint64_t entries = 0;  // in this chunk
  uint64_t total = 0;    // that the list had when it was read
  Bytes sha256;          // of the chunk
};

// What the agent says about its host. The quote signs its bytes, so an agent can lie in it, but
// nobody else can.
struct Statement {
  std::string boot_id;
  std::string kernel;
  std::string os_image;
  std::string agent_version;
  std::optional<LogName> boot_event_log;
  std::optional<ImaRange> ima;
};

// From the bytes that the quote signs, at most 16 KiB.
Result<Statement> DecodeStatement(ByteSpan bytes);
std::string Encode(const Statement& statement);

}  // namespace plimsoll::evidence
