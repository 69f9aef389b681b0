#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "eventlog/event_type.h"
#include "tcg/algorithm.h"

// lib/eventlog reads the boot event log of the TCG (PC Client Platform Firmware Profile 1.06,
// section 10): what firmware, boot loader and kernel say they extended into the PCRs. It knows the
// bytes of the log and nothing of quotes, policies or nodes. Nothing in a log is authentic by
// itself: digests are proven by a replay that reaches the quoted PCRs, data only where such a
// digest covers it, types and the order of events of different PCRs never.
namespace plimsoll::eventlog {

inline constexpr size_t kMaxLogBytes = 1024 * 1024;
inline constexpr size_t kMaxEvents = 10'000;
inline constexpr size_t kMaxBanks = 8;
inline constexpr uint32_t kPcrCount = 24;
inline constexpr uint32_t kNoPcr = 0xFFFFFFFF;  // index of EV_NO_ACTION events about no PCR

// Why a log cannot be used at all.
struct Refusal {
  enum class Kind : uint8_t {
    kEmpty,             // no bytes, or nothing behind the header
    kTruncated,         // an event runs over the end of the log
    kMalformed,         // anything else that a log must not hold, or must not exceed
    kRuntimeRegisters,  // a log about the registers of a confidential guest (CCEL), not about PCRs
  };

  Kind kind = Kind::kMalformed;
  std::string message;            // a sentence for people
  std::optional<uint32_t> event;  // index of the event where it showed
};

// "Empty", "Truncated", "Malformed", "RuntimeRegisterLog": the details that the API names.
std::string_view ToString(Refusal::Kind kind);

enum class Format : uint8_t {
  kCryptoAgile,  // "Spec ID Event03": several banks (TCG_PCR_EVENT2)
  kTpm12,        // SHA-1 alone, without a Spec ID or with "Spec ID Event00" or "...02"
};

// "CryptoAgile", "TPM12Log".
std::string_view ToString(Format format);

// One digest size that the header of a log declares.
struct Bank {
  uint16_t number;                            // TPM_ALG_ID
  uint16_t size;                              // bytes of a digest
  std::optional<tcg::AlgorithmId> algorithm;  // none for one that Plimsoll does not compute
  bool is_void = false;                       // some event has no digest in it: it has no replay
};

// One event, as the log has it. `data` points into the log.
struct Event {
  uint32_t index;  // position in the log; the header is event 0
  uint32_t pcr;    // 0 to 23, or kNoPcr for an EV_NO_ACTION
  EventType type;
  ByteSpan data;
  size_t offset;  // of its first byte in the log
};

// A log whose structure is sound (L4-L6, L8-L10, L12, L15, L16 of the verification checks). Owns
// its bytes; views into it live as long as it does and survive a move. Immutable, safe to share.
class EventLog {
 public:
  // Copies `bytes` once. Never reads past them, never allocates by a number found in them.
  static tl::expected<EventLog, Refusal> Parse(ByteSpan bytes);

  EventLog(EventLog&&) noexcept = default;
  EventLog& operator=(EventLog&&) noexcept = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  Format format() const { return format_; }
  std::span<const Bank> banks() const { return banks_; }  // as declared, in that order
  std::span<const Event> events() const { return events_; }

  // The locality of TPM2_Startup that the log names (0, 3 or 4), if it does.
  std::optional<uint8_t> startup_locality() const { return startup_locality_; }

  // The bank of that algorithm; null when the log does not declare it.
  const Bank* FindBank(tcg::AlgorithmId algorithm) const;

  // Whether the bank is declared and every event has a digest in it.
  bool HasReplay(tcg::AlgorithmId algorithm) const;

  // The digest of an event in a bank; empty when there is none.
  ByteSpan DigestOf(const Event& event, tcg::AlgorithmId algorithm) const;

  // The strongest bank that can be replayed; none when there is none.
  std::optional<tcg::AlgorithmId> StrongestBank() const;

  ByteSpan bytes() const { return bytes_; }              // padding included
  size_t content_size() const { return content_size_; }  // without padding

 private:
  friend class LogReader;
  EventLog() = default;

  Bytes bytes_;
  size_t content_size_ = 0;
  Format format_ = Format::kTpm12;
  std::vector<Bank> banks_;
  std::vector<Event> events_;
  std::vector<uint32_t> digest_offsets_;  // events_ x banks_; 0: no digest
  std::optional<uint8_t> startup_locality_;
};

}  // namespace plimsoll::eventlog
