#include "eventlog/coverage.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "crypto/digest.h"
#include "eventlog/efi_variable.h"
#include "eventlog/grub_text.h"
#include "eventlog/little_endian.h"

namespace plimsoll::eventlog {
namespace {

class DataMatcher {
 public:
  DataMatcher(ByteSpan data, ByteSpan digest, crypto::Hasher& hasher)
      : data_(data), digest_(digest), hasher_(hasher) {}

  bool Matches(size_t offset, size_t length) {
    hasher_.Update(data_.subspan(offset, length));
    return FinishMatches();
  }

  bool MatchesWithNul() {
    constexpr uint8_t kNul = 0;
    hasher_.Update(data_).Update(ByteSpan(&kNul, 1));
    return FinishMatches();
  }

  Coverage Whole() {
    return Matches(0, data_.size())
               ? Coverage{.kind = Coverage::Kind::kWhole, .offset = 0, .length = data_.size()}
               : Coverage{};
  }

  Coverage Part(size_t offset, size_t length) {
    return Matches(offset, length)
               ? Coverage{.kind = Coverage::Kind::kPart, .offset = offset, .length = length}
               : Coverage{};
  }

 private:
  bool FinishMatches() {
    std::array<uint8_t, 64> computed;
    const std::span<uint8_t> result = std::span(computed).first(digest_.size());
    hasher_.FinishInto(result);
    return std::equal(result.begin(), result.end(), digest_.begin());
  }

  ByteSpan data_;
  ByteSpan digest_;
  crypto::Hasher& hasher_;
};

// Parts of no byte never count: every event whose digest is that of nothing would have one.

// The text behind a label of GRUB: without the NUL that ends the data, or, by the patches of Red
// Hat, with it.
Coverage GrubCoverage(DataMatcher& matcher, ByteSpan data, size_t prefix) {
  const bool nul = data.back() == 0;
  const size_t length = data.size() - prefix - (nul ? 1 : 0);
  const Coverage text = length == 0 ? Coverage{} : matcher.Part(prefix, length);
  return text.any() || !nul || length == 0 ? text : matcher.Part(prefix, length + 1);
}

Coverage IplCoverage(DataMatcher& matcher, ByteSpan data) {
  if (const size_t prefix = GrubPrefix(data).size(); prefix != 0) {
    if (const Coverage text = GrubCoverage(matcher, data, prefix); text.any()) {
      return text;
    }
  }
  if (const Coverage whole = matcher.Whole(); whole.any() || data.size() < 2 || data.back() != 0) {
    return whole;
  }
  // UTF-16 of which the last byte was hashed and not logged, by old systemd-boot.
  if (data.size() % 2 == 1 && data[1] == 0 && matcher.MatchesWithNul()) {
    return Coverage{.kind = Coverage::Kind::kWhole, .offset = 0, .length = data.size()};
  }
  return matcher.Part(0, data.size() - 1);
}

Coverage BootVariableCoverage(DataMatcher& matcher, ByteSpan data) {
  const auto variable = ReadEfiVariable(data);
  if (variable && !variable->contents.empty()) {
    if (const Coverage contents =
            matcher.Part(variable->contents_offset, variable->contents.size());
        contents.any()) {
      return contents;
    }
  }
  return matcher.Whole();
}

Coverage AuthorityCoverage(DataMatcher& matcher, ByteSpan data) {
  const Coverage whole = matcher.Whole();
  return whole.any() || data.size() < 2 ? whole : matcher.Part(0, data.size() - 1);
}

Coverage TagCoverage(DataMatcher& matcher, ByteSpan data) {
  constexpr size_t kTagAndSize = 8;
  const Coverage whole = matcher.Whole();
  return whole.any() || data.size() <= kTagAndSize
             ? whole
             : matcher.Part(kTagAndSize, data.size() - kTagAndSize);
}

}  // namespace

CoverageReader::CoverageReader(const EventLog& log, tcg::AlgorithmId bank)
    : log_(log), bank_(bank), hasher_(bank) {}

Coverage CoverageReader::Of(const Event& event) {
  const ByteSpan digest = log_.DigestOf(event, bank_);
  if (digest.empty()) {
    return {};
  }
  DataMatcher matcher(event.data, digest, hasher_);
  switch (event.type) {
    case EventType::kNoAction:
    case EventType::kEfiBootServicesApplication:
    case EventType::kEfiBootServicesDriver:
    case EventType::kEfiRuntimeServicesDriver:
      return {};
    case EventType::kIpl:
      return IplCoverage(matcher, event.data);
    case EventType::kEfiVariableBoot:
    case EventType::kEfiVariableBoot2:
      return BootVariableCoverage(matcher, event.data);
    case EventType::kEfiVariableAuthority:
      return AuthorityCoverage(matcher, event.data);
    case EventType::kEventTag:
      return TagCoverage(matcher, event.data);
    default:
      return matcher.Whole();
  }
}

Coverage CoverageOf(const EventLog& log, const Event& event, tcg::AlgorithmId bank) {
  return CoverageReader(log, bank).Of(event);
}

}  // namespace plimsoll::eventlog
