#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ima/allow_list.h"
#include "ima/boot_aggregate.h"
#include "ima/exclude.h"
#include "ima/measurement_list.h"
#include "ima/signature.h"
#include "ima/text.h"

namespace plimsoll::ima {

inline constexpr size_t kMaxFindings = 32;  // that are kept; all are counted

enum class ViolationRule : uint8_t { kReject, kCount };

// What is accepted. Without a list and a key nothing is.
struct Rules {
  std::vector<std::shared_ptr<const AllowList>> allow_lists;  // a pair in any of them is accepted
  // A pair in any of these is rejected, whatever else accepts it.
  std::vector<std::shared_ptr<const AllowList>> revoked;
  std::vector<SigningKey> keys;
  ExcludePatterns exclude;
  ViolationRule violations = ViolationRule::kReject;
  uint32_t pcr = kDefaultPcr;  // entries of other PCRs are counted and not judged (I5)
};

// What the judgement of the next chunk of the same boot has to know of the ones before. The caller
// keeps it beside Position; default for a list from its start.
struct Generation {
  bool begun = false;          // the boot aggregate was seen
  bool kexec_pending = false;  // a kexec was announced and no boot aggregate has followed

  bool operator==(const Generation&) const = default;
};

struct Finding {
  std::string check;    // "I4" violation, "I6" boot aggregate, "I9" file, "I11" signed file, "I12"
                        // buffer
  uint64_t entry = 0;   // index in the whole list
  std::string form;     // "ima-ng"
  std::string path;     // escaped and cut for people
  std::string digest;   // "sha256:hex"; empty for a violation
  std::string message;  // a sentence for people
  std::string closest;  // what would have been accepted; may be empty
  bool revoked = false;
};

struct Judgement {
  bool accepted = false;          // no finding
  uint64_t rejected = 0;          // findings in all
  std::vector<Finding> findings;  // the first kMaxFindings

  uint64_t entries = 0;                         // of the PCR
  uint64_t other_pcrs = 0;                      // entries of other PCRs, not judged
  uint64_t violations = 0;                      // rejected or not
  uint64_t listed = 0;                          // accepted by an allow-list
  uint64_t signed_ = 0;                         // accepted by a signature
  uint64_t excluded = 0;                        // in no allow-list, and excluded
  uint64_t buffers = 0;                         // ima-buf entries, accepted or not
  std::optional<BootAggregate> boot_aggregate;  // of the first one in this chunk
};

// Judges the first `count` entries of `list`: those that RunningDigest::AdvanceTo consumed when it
// reached the quoted value. Entries behind them are covered by no quote and are not looked at (I7).
// `first_index` is the index of list[0] in the whole list; `generation` goes in and out.
//
// A file is accepted when a list has its digest with its name, when a key signed it, or when its
// name is excluded. A buffer is accepted when a list has its digest under "buf:" and its name, or
// "buf:name" is excluded, and never as a file (I12). A name that a file was measured by and that
// begins with "buf:" or "verity:" is never excluded. Violations are rejected or counted.
//
// The boot aggregate must be the first entry, be made from the quoted PCRs and stand once per
// kernel: a second one only behind a buffer that announces a kexec (kexec-cmdline, kexec_load,
// kexec_execute), with the same demands (I6). When the PCRs of the first were not quoted it is
// accepted with verdict kNotJudged, for the caller to report. Never throws.
Judgement Appraise(const List& list, size_t count, uint64_t first_index, const Rules& rules,
                   const QuotedPcr& quoted, Generation& generation);

}  // namespace plimsoll::ima
