#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/digest.h"
#include "eventlog/event_log.h"

namespace plimsoll::eventlog {

// Which bytes of an event's data its digest in one bank was made from.
struct Coverage {
  enum class Kind : uint8_t { kNothing, kPart, kWhole };

  Kind kind = Kind::kNothing;
  size_t offset = 0;  // of the covered bytes in the data; for kNothing both are 0
  size_t length = 0;

  bool whole() const { return kind == Kind::kWhole; }
  bool any() const { return kind != Kind::kNothing; }

  // The covered bytes.
  ByteSpan Of(const Event& event) const { return event.data.subspan(offset, length); }

  friend bool operator==(const Coverage&, const Coverage&) = default;
};

// Finds it by hashing (L3). Firmware and loaders hash different parts of what they log; for each
// type the rules that occur in real logs are tried, the first match counts:
//   EV_IPL               what follows a label of GRUB ("grub_cmd: ", "kernel_cmdline: ",
//                        "module_cmdline: " and their older forms), with or without the NUL; all;
//                        all and one more NUL (UTF-16); all but the last NUL
//   EV_EFI_VARIABLE_BOOT all; the contents of the variable alone (its name is then not covered)
//   EV_EFI_VARIABLE_AUTHORITY  all; all but the last byte
//   EV_EVENT_TAG         all; the payload behind tag and size
//   EV_EFI_GPT_EVENT, EV_EFI_VARIABLE_DRIVER_CONFIG, EV_SEPARATOR, the rest   all
//   images, EV_NO_ACTION nothing: no rule is tried
// A digest proves nothing by itself: the caller must know that the replay reached the quoted PCR.
// Empty data is covered as a whole when the digest is that of no bytes.
Coverage CoverageOf(const EventLog& log, const Event& event, tcg::AlgorithmId bank);

// The same for many events of one log, with one hash context. Not thread-safe; the log must outlive
// it.
class CoverageReader {
 public:
  CoverageReader(const EventLog& log, tcg::AlgorithmId bank);

  Coverage Of(const Event& event);

 private:
  const EventLog& log_;
  tcg::AlgorithmId bank_;
  crypto::Hasher hasher_;
};

}  // namespace plimsoll::eventlog
