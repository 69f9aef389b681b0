#include "ima/judgement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace plimsoll::ima {
namespace {

constexpr std::string_view kBufferPrefix = "buf:";
constexpr std::string_view kVerityPrefix = "verity:";

// After so many entries with a signature that does not hold, signatures are no longer tried: the
// list is rejected anyway, and its author does not get to say how long that takes.
constexpr size_t kMaxFailedSignatures = 32;

// Names of buffers (ima-buf) that the kernel measures on the way to the next one.
bool AnnouncesKexec(std::string_view buffer) {
  return buffer == "kexec-cmdline" || buffer == "kexec_load" || buffer == "kexec_execute";
}

class Judge {
 public:
  Judge(const Rules& rules, const QuotedPcr& quoted, Generation& generation)
      : rules_(rules), quoted_(quoted), generation_(generation) {}

  void Next(const Entry& entry, uint64_t index) {
    if (entry.pcr != rules_.pcr) {
      ++judgement_.other_pcrs;
      return;
    }
    ++judgement_.entries;
    index_ = index;
    const bool first = !generation_.begun;
    generation_.begun = true;
    if (first || (IsBootAggregate(entry) && !entry.violation)) {
      BootAggregateEntry(entry, first);
    } else if (entry.violation) {
      Violation(entry);
    } else if (entry.form == Template::kImaBuf) {
      Buffer(entry);
    } else {
      File(entry);
    }
  }

  Judgement Finish() {
    judgement_.accepted = judgement_.rejected == 0;
    return std::move(judgement_);
  }

 private:
  void BootAggregateEntry(const Entry& entry, bool first) {
    BootAggregate aggregate = CheckBootAggregate(entry, quoted_);
    if (!first && !generation_.kexec_pending) {
      Reject("I6", entry, "a second boot aggregate, and no kexec was measured before it");
    } else if (aggregate.verdict == BootAggregateVerdict::kWrong) {
      Reject("I6", entry, aggregate.message);
    } else if (!first && aggregate.verdict == BootAggregateVerdict::kNotJudged) {
      // Behind a kexec that was announced and never done this could be any file of that name.
      Reject("I6", entry, "a later boot aggregate that cannot be judged: " + aggregate.message);
    }
    generation_.kexec_pending = false;
    if (!judgement_.boot_aggregate) {
      judgement_.boot_aggregate = std::move(aggregate);
    }
  }

  void Violation(const Entry& entry) {
    ++judgement_.violations;
    if (rules_.violations == ViolationRule::kReject) {
      Reject("I4", entry,
             fmt::format("{} was written while it was measured or open; what was loaded is not "
                         "known, and neither is that this was its name",
                         Escape(entry.path)));
    }
  }

  void Buffer(const Entry& entry) {
    ++judgement_.buffers;
    const FileDigest& digest = entry.digest;
    if (digest.algorithm) {
      const Bytes computed = crypto::Digest(*digest.algorithm, {entry.buffer});
      if (!std::equal(computed.begin(), computed.end(), digest.value.begin(), digest.value.end())) {
        Reject("I12", entry,
               fmt::format("the digest of the buffer {} is not that of its contents",
                           Escape(entry.path)));
        return;
      }
    }
    generation_.kexec_pending = generation_.kexec_pending || AnnouncesKexec(entry.path);
    if (RejectRevoked("I12", Subject::kBuffer, entry)) {
      return;
    }
    if (Listed(Subject::kBuffer, entry)) {
      ++judgement_.listed;
    } else if (Excluded(std::string(kBufferPrefix).append(entry.path))) {
      ++judgement_.excluded;
    } else {
      Reject("I12", entry,
             fmt::format("the buffer {} ({} bytes) is in no allow-list", Escape(entry.path),
                         entry.buffer.size()),
             Subject::kBuffer);
    }
  }

  void File(const Entry& entry) {
    const Subject subject = entry.digest.verity ? Subject::kVerity : Subject::kFile;
    if (RejectRevoked("I9", subject, entry)) {
      return;
    }
    if (Listed(subject, entry)) {
      ++judgement_.listed;
      return;
    }
    // A name that reads like another subject's must not be excluded by a pattern for that one.
    const bool disguised =
        entry.path.starts_with(kBufferPrefix) || entry.path.starts_with(kVerityPrefix);
    if (!disguised && Excluded(entry.path)) {
      ++judgement_.excluded;
      return;
    }
    const SignatureResult signature = Signature(entry);
    switch (signature.verdict) {
      case SignatureVerdict::kValid:
        ++judgement_.signed_;
        return;
      case SignatureVerdict::kNone:
        Reject("I9", entry, fmt::format("{} is in no allow-list", Escape(entry.path)), subject);
        return;
      case SignatureVerdict::kInvalid:
      case SignatureVerdict::kUnsupported:
        Reject("I11", entry,
               fmt::format("{} is in no allow-list, and {}", Escape(entry.path), signature.message),
               subject);
        return;
    }
  }

  SignatureResult Signature(const Entry& entry) {
    if (entry.signature.empty() || rules_.keys.empty()) {
      return {};
    }
    if (failed_signatures_ == kMaxFailedSignatures) {
      return {SignatureVerdict::kInvalid,
              fmt::format("its signature was not tried: {} before it did not hold",
                          failed_signatures_)};
    }
    SignatureResult result = CheckSignature(entry, rules_.keys);
    failed_signatures_ += result.verdict == SignatureVerdict::kValid ? 0 : 1;
    return result;
  }

  bool Listed(Subject subject, const Entry& entry) const {
    return IsIn(rules_.allow_lists, subject, entry);
  }

  bool RejectRevoked(std::string_view check, Subject subject, const Entry& entry) {
    if (!IsIn(rules_.revoked, subject, entry)) {
      return false;
    }
    const size_t kept = judgement_.findings.size();
    Reject(check, entry, fmt::format("{} is in a list that is revoked", Escape(entry.path)));
    if (judgement_.findings.size() > kept) {
      judgement_.findings.back().revoked = true;
    }
    return true;
  }

  static bool IsIn(const std::vector<std::shared_ptr<const AllowList>>& lists, Subject subject,
                   const Entry& entry) {
    return entry.digest.algorithm &&
           std::any_of(lists.begin(), lists.end(),
                       [&](const std::shared_ptr<const AllowList>& list) {
                         return list->Contains(subject, *entry.digest.algorithm, entry.digest.value,
                                               entry.path);
                       });
  }

  bool Excluded(std::string_view name) const { return rules_.exclude.Matches(name); }

  void Reject(std::string_view check, const Entry& entry, std::string message,
              std::optional<Subject> subject = std::nullopt) {
    ++judgement_.rejected;
    if (judgement_.findings.size() == kMaxFindings) {
      return;
    }
    Finding finding;
    finding.check = check;
    finding.entry = index_;
    finding.form = ToString(entry.form);
    finding.path = Escape(entry.path);
    finding.message = std::move(message);
    if (!entry.violation) {
      finding.digest = fmt::format("{}:{}", entry.digest.name, ToHex(entry.digest.value));
    }
    if (subject && entry.digest.algorithm) {
      for (const std::shared_ptr<const AllowList>& list : rules_.allow_lists) {
        if (finding.closest.empty()) {
          finding.closest =
              list->Closest(*subject, *entry.digest.algorithm, entry.digest.value, entry.path);
        }
      }
    }
    judgement_.findings.push_back(std::move(finding));
  }

  const Rules& rules_;
  const QuotedPcr& quoted_;
  Generation& generation_;
  Judgement judgement_;
  uint64_t index_ = 0;
  size_t failed_signatures_ = 0;
};

}  // namespace

Judgement Appraise(const List& list, size_t count, uint64_t first_index, const Rules& rules,
                   const QuotedPcr& quoted, Generation& generation) {
  Judge judge(rules, quoted, generation);
  for (size_t i = 0; i < std::min(count, list.size()); ++i) {
    judge.Next(list[i], first_index + i);
  }
  return judge.Finish();
}

}  // namespace plimsoll::ima
