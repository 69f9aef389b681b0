#include "appraisal/runtime_evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace plimsoll::appraisal {
namespace {

using State = RuntimeEvidence::State;

constexpr std::string_view kCheck = "I7";

void Reject(Findings& findings, std::string_view check, std::string message,
            std::optional<uint64_t> entry = std::nullopt) {
  Finding finding{.check = check, .reason = Reason::kRuntimeListMismatch};
  if (entry) {
    finding.event = EventReference{static_cast<uint32_t>(*entry), {}};
  }
  finding.message = std::move(message);
  findings.push_back(std::move(finding));
}

// The strongest quoted bank of IMA's PCR.
const evidence::PcrValue* QuotedImaPcr(const evidence::Evidence& evidence) {
  const evidence::PcrValue* strongest = nullptr;
  for (const evidence::PcrValue& value : evidence.pcrs) {
    if (value.index == ima::kDefaultPcr &&
        (strongest == nullptr || value.digest.size() > strongest->digest.size())) {
      strongest = &value;
    }
  }
  return strongest;
}

// Whether the chunk is the one that the quote signs and follows on the last one (detail 5, I8).
bool IsTheStatementsChunk(const evidence::Evidence& evidence, const ima::List& list,
                          const std::optional<evidence::Statement>& statement, uint64_t expected,
                          Findings& findings) {
  if (!statement) {
    return true;  // recorded elsewhere: the whole list, judged by replay alone
  }
  if (!statement->ima) {
    Reject(findings, kCheck, "there is an IMA list that the quoted statement does not name");
    return false;
  }
  const evidence::ImaRange& range = *statement->ima;
  if (range.sha256 != crypto::Digest(tcg::AlgorithmId::kSha256, {*evidence.ima}) ||
      range.entries != list.size()) {
    Reject(findings, kCheck, "the IMA list is not the one that the quoted statement names");
    return false;
  }
  if (range.from != expected) {
    Reject(findings, "I8",
           fmt::format("the IMA list begins at entry {}, but {} were judged so far", range.from,
                       expected));
    return false;
  }
  if (range.total < range.from || range.total - range.from < range.entries) {
    Reject(findings, "I8", "the IMA list has more entries than the statement says there are");
    return false;
  }
  return true;
}

bool IsComplete(const std::optional<evidence::Statement>& statement) {
  return !statement || !statement->ima ||
         statement->ima->from + statement->ima->entries >= statement->ima->total;
}

}  // namespace

RuntimeEvidence JudgeRuntimeList(const evidence::Evidence& evidence,
                                 const std::optional<evidence::Statement>& statement,
                                 const std::optional<RuntimePosition>& position,
                                 bool knows_earlier_rounds, Findings& findings) {
  RuntimeEvidence runtime;
  if (!evidence.ima) {
    return runtime;
  }
  runtime.state = State::kRejected;
  auto list = ima::List::FromFile(*evidence.ima);
  if (!list) {
    Reject(findings, "I3",
           fmt::format("IMA list, entry {}: {}", list.error().entry, list.error().message),
           list.error().entry);
    return runtime;
  }
  const evidence::PcrValue* quoted = QuotedImaPcr(evidence);
  if (quoted == nullptr) {
    runtime.state = State::kNotQuoted;
    return runtime;
  }
  // A position in another bank is of no use: the list must then begin anew.
  if (position && position->bank == quoted->bank) {
    runtime.before = *position;
  }
  runtime.before.bank = quoted->bank;
  runtime.first = runtime.before.list.entries;
  const bool middle =
      !knows_earlier_rounds && statement && statement->ima && statement->ima->from != 0;
  if (!IsTheStatementsChunk(evidence, *list, statement,
                            middle ? statement->ima->from : runtime.first, findings)) {
    return runtime;
  }
  if (middle) {
    runtime.state = State::kMiddle;
    return runtime;
  }
  auto digest = ima::RunningDigest::Resume(quoted->bank, runtime.before.list);
  if (!digest) {
    Reject(findings, "I8", "the position in the IMA list is not usable: " + digest.error().message);
    return runtime;
  }
  const auto advance = digest->AdvanceTo(*list, quoted->digest);
  if (!advance) {
    Reject(findings, "I1",
           fmt::format("IMA list, entry {}: {}", runtime.first + advance.error().entry,
                       advance.error().message),
           runtime.first + advance.error().entry);
    return runtime;
  }
  if (advance->reach == ima::Reach::kNotReached && IsComplete(statement)) {
    Finding finding{.check = kCheck, .reason = Reason::kRuntimeListMismatch};
    finding.pcr = PcrReference{quoted->bank, ima::kDefaultPcr};
    finding.observed = ToHex(quoted->digest);
    finding.expected = ToHex(digest->position().digest);
    finding.message = fmt::format(
        "the {} entries of the IMA list do not lead to the quoted {} PCR "
        "{}: some are missing or were changed",
        list->size(), tcg::BankName(quoted->bank), ima::kDefaultPcr);
    findings.push_back(std::move(finding));
    return runtime;
  }
  runtime.state = advance->reach == ima::Reach::kNotReached ? State::kPending : State::kReached;
  runtime.count = advance->consumed;
  runtime.list = *std::move(list);
  runtime.after = RuntimePosition{quoted->bank, digest->position(), runtime.before.generation};
  return runtime;
}

}  // namespace plimsoll::appraisal
