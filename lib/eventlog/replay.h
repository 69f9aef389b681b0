#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "eventlog/event_log.h"

namespace plimsoll::eventlog {

// What the PCRs of one bank would hold if a TPM had extended exactly the digests of a log.
struct Replay {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  bool declared = false;  // the log has this bank
  bool is_void = false;   // an event has no digest in it; `pcrs` is then empty throughout

  // The value of each PCR; none for a PCR that no event extends (it says nothing about its value).
  std::array<std::optional<Bytes>, kPcrCount> pcrs;

  bool usable() const { return declared && !is_void; }
};

// Replays one bank (L1). Only digests count: neither type nor data of an event changes the result,
// with three exceptions. EV_NO_ACTION is never extended (L4). PCR 0 begins with the locality of
// StartupLocality in its last byte, or with 4 when an EV_EFI_HCRTM_EVENT is its first extend and no
// StartupLocality is given (L5; PFP 1.06, 10.4.5.3; TPM 2.0 Part 1, 34.3).
// `bank` must be a hash.
Replay ReplayBank(const EventLog& log, tcg::AlgorithmId bank);

// PCR 11 after systemd-pcrphase extended the words of `phases`, which are separated by colons
// ("enter-initrd:leave-initrd:sysinit:ready"), each as the hash of its bytes. `start` is what the
// log's replay of PCR 11 gives. An empty list gives `start` back.
Bytes ExtendPhases(tcg::AlgorithmId bank, ByteSpan start, std::string_view phases);

}  // namespace plimsoll::eventlog
