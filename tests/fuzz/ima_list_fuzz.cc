#include <cstdint>
#include <cstdlib>
#include <optional>

#include "ima/judgement.h"
#include "ima/replay.h"

// Measurement lists in both forms. The first byte chooses: even a binary list, odd an ASCII one.
// What is taken is replayed, judged and shown; an ASCII list holds as many entries as lines.
namespace {

using namespace plimsoll;  // NOLINT: a program of one file

void Use(const ima::List& list) {
  const ima::Summary summary = ima::Summarize(list);
  size_t by_pcr = 0;
  for (const size_t count : summary.by_pcr) {
    by_pcr += count;
  }
  if (summary.entries != list.size() || by_pcr != list.size()) {
    std::abort();
  }
  const auto all = ima::ReplayAll(list, tcg::AlgorithmId::kSha256);
  ima::RunningDigest digest(tcg::AlgorithmId::kSha256);
  const auto advance = digest.AdvanceTo(list, {});
  // Both check the template hash of every entry.
  if (all.has_value() != advance.has_value()) {
    std::abort();
  }
  const Bytes pcr(32);
  const ima::QuotedPcr quoted = [&pcr](tcg::AlgorithmId, uint32_t) {
    return std::optional<ByteSpan>(pcr);
  };
  ima::Generation generation;
  ima::Rules rules;
  const ima::Judgement judgement = ima::Appraise(list, list.size(), 0, rules, quoted, generation);
  // Without rules nothing passes but a boot aggregate and entries of other PCRs.
  if (judgement.accepted && judgement.entries > 1) {
    std::abort();
  }
  for (const ima::Finding& finding : judgement.findings) {
    for (const char c : finding.path + finding.message + finding.closest) {
      if (static_cast<unsigned char>(c) < 0x20) {
        std::abort();
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const ByteSpan bytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (const auto list = ima::List::FromBinary(bytes)) {
      Use(*list);
    }
    return 0;
  }
  if (const auto list = ima::List::FromAscii(AsText(bytes))) {
    size_t lines = 0;
    for (const uint8_t byte : bytes) {
      lines += byte == '\n' ? 1 : 0;
    }
    if (lines != list->size()) {
      std::abort();
    }
    Use(*list);
  }
  return 0;
}
