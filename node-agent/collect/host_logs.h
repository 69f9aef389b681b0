#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace plimsoll::collect {

// Where the kernel shows what was measured (securityfs). An empty path: that log is not sent.
struct LogFiles {
  std::string boot_event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
  std::string ima = "/sys/kernel/security/ima/binary_runtime_measurements";
};

// The boot event log, at most evidence::kMaxBootEventLogBytes. nullopt when the host has none (old
// firmware, no securityfs); kTooLarge or kUnavailable when there is one that cannot be sent.
Result<std::optional<Bytes>> CollectBootEventLog(const LogFiles& files);

// A piece of the IMA list: whole entries, as many as one evidence may hold.
struct ImaChunk {
  Bytes bytes;
  uint64_t from = 0;     // entries before it
  uint64_t entries = 0;  // in it
};

// The IMA measurement list as it was when it was read. It only grows, and with every entry PCR 10
// moves: read it before the quote, and count again afterwards.
class ImaList {
 public:
  static constexpr size_t kMaxBytes = size_t{64} << 20U;

  // nullopt when the host has none; kMalformed when it is not a binary list.
  static Result<std::optional<ImaList>> Collect(const LogFiles& files);

  // From the bytes of a list.
  static Result<ImaList> Parse(Bytes bytes);

  uint64_t entries() const { return offsets_.size(); }

  // From entry `from` on; empty when there are no more.
  ImaChunk ChunkFrom(uint64_t from) const;

 private:
  Bytes bytes_;
  std::vector<size_t> offsets_;  // of each entry
};

}  // namespace plimsoll::collect
