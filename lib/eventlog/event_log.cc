#include "eventlog/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "eventlog/efi_variable.h"
#include "eventlog/little_endian.h"
#include "eventlog/spec_id.h"

namespace plimsoll::eventlog {

namespace {

constexpr uint16_t kSha1Number = 0x0004;
constexpr uint16_t kSha1Bytes = 20;
constexpr std::string_view kStartupSignature = "StartupLocality";
constexpr size_t kStartupBytes = 17;  // the signature, its NUL and the locality

// Whether what begins here is what firmware left unwritten: an event starts with a PCR and a type,
// and none is all zeros or all ones in its first bytes.
bool BeginsPadding(ByteSpan rest) {
  const uint8_t first = rest.front();
  constexpr size_t kLook = 12;
  const ByteSpan start = rest.first(std::min(rest.size(), kLook));
  return (first == 0x00 || first == 0xFF) &&
         std::all_of(start.begin(), start.end(), [first](uint8_t byte) { return byte == first; });
}

}  // namespace

// Fills an EventLog from its bytes, front to back, once.
class LogReader {
 public:
  LogReader(EventLog& log, ByteSpan bytes) : log_(log), reader_(bytes) {}

  std::optional<Refusal> Read() {
    if (auto refusal = ReadFirst()) {
      return refusal;
    }
    while (reader_.remaining() != 0) {
      if (BeginsPadding(reader_.rest())) {
        if (auto refusal = CheckPadding()) {
          return refusal;
        }
        break;
      }
      if (auto refusal = ReadEvent()) {
        return refusal;
      }
      log_.content_size_ = reader_.offset();
    }
    if (log_.events_.size() <= (has_header_ ? 1U : 0U)) {
      return Refuse(Refusal::Kind::kEmpty, "the log holds no event");
    }
    return std::nullopt;
  }

 private:
  struct Fields {
    uint32_t pcr;
    EventType type;
  };

  std::optional<Refusal> ReadFirst() {
    if (BeginsPadding(reader_.rest())) {
      return std::nullopt;
    }
    // The first event is of the old form in both formats.
    log_.banks_ = {Bank{.number = kSha1Number,
                        .size = kSha1Bytes,
                        .algorithm = tcg::AlgorithmId::kSha1,
                        .is_void = false}};
    if (auto refusal = ReadEvent()) {
      return refusal;
    }
    log_.content_size_ = reader_.offset();
    const Event& first = log_.events_.front();
    if (first.type != EventType::kNoAction || !IsSpecId(first.data)) {
      return std::nullopt;
    }
    has_header_ = true;
    // The firmware of confidential guests numbers its registers from 1.
    if (first.pcr == 1) {
      return RuntimeRegisters("its header names register 1");
    }
    if (first.pcr != 0) {
      return Malformed(fmt::format("the header names PCR {} instead of 0", first.pcr));
    }
    if (IsTpm12SpecId(first.data)) {
      return std::nullopt;
    }
    if (!IsCryptoAgileSpecId(first.data)) {
      return Malformed("the header is of a version that is not known");
    }
    auto banks = ReadSpecId(first.data);
    if (!banks) {
      return Malformed(std::move(banks).error());
    }
    const uint32_t sha1 = log_.digest_offsets_.front();
    log_.format_ = Format::kCryptoAgile;
    log_.banks_ = *std::move(banks);
    log_.digest_offsets_.assign(log_.banks_.size(), 0);
    for (size_t i = 0; i < log_.banks_.size(); ++i) {
      if (log_.banks_[i].number == kSha1Number) {
        log_.digest_offsets_[i] = sha1;
      }
    }
    return std::nullopt;
  }

  std::optional<Refusal> ReadEvent() {
    current_ = static_cast<uint32_t>(log_.events_.size());
    if (current_ == kMaxEvents) {
      return Malformed(fmt::format("the log has more than {} events", kMaxEvents));
    }
    const auto pcr = reader_.U32();
    const auto type = reader_.U32();
    if (!pcr || !type) {
      return Truncated();
    }
    const Fields fields{*pcr, EventType{*type}};
    if (auto refusal = CheckPcr(fields)) {
      return refusal;
    }
    log_.digest_offsets_.resize(log_.digest_offsets_.size() + log_.banks_.size(), 0);
    if (auto refusal = log_.format_ == Format::kTpm12 ? ReadSha1() : ReadDigests(fields)) {
      return refusal;
    }
    const auto size = reader_.U32();
    if (!size) {
      return Truncated();
    }
    const size_t offset = reader_.offset();
    const auto data = reader_.Take(*size);
    if (!data) {
      return Refuse(Refusal::Kind::kTruncated,
                    fmt::format("event {} of {} bytes runs over the end of the log, where {} are "
                                "left",
                                current_, *size, reader_.remaining()));
    }
    log_.events_.push_back(Event{.index = current_,
                                 .pcr = fields.pcr,
                                 .type = fields.type,
                                 .data = *data,
                                 .offset = offset});
    return CheckMeaning(log_.events_.back());
  }

  std::optional<Refusal> CheckPcr(const Fields& fields) const {
    if (fields.pcr < kPcrCount || (fields.pcr == kNoPcr && fields.type == EventType::kNoAction)) {
      return std::nullopt;
    }
    return Malformed(fmt::format("event {} ({}) names PCR {}, which does not exist", current_,
                                 EventTypeName(fields.type), fields.pcr));
  }

  std::optional<Refusal> ReadSha1() {
    digests()[0] = static_cast<uint32_t>(reader_.offset());
    return reader_.Take(kSha1Bytes) ? std::nullopt : std::optional(Truncated());
  }

  // TPML_DIGEST_VALUES: at least one, each of a declared algorithm, none twice (L6).
  std::optional<Refusal> ReadDigests(const Fields& fields) {
    const auto count = reader_.U32();
    if (!count) {
      return Truncated();
    }
    const bool extends = fields.type != EventType::kNoAction;
    if (*count > log_.banks_.size() || (*count == 0 && extends)) {
      return Malformed(fmt::format("event {} has {} digests, the header declares {} algorithms",
                                   current_, *count, log_.banks_.size()));
    }
    for (uint32_t i = 0; i < *count; ++i) {
      const auto number = reader_.U16();
      if (!number) {
        return Truncated();
      }
      const auto bank = std::find_if(log_.banks_.begin(), log_.banks_.end(),
                                     [&](const Bank& each) { return each.number == *number; });
      if (bank == log_.banks_.end()) {
        return Malformed(fmt::format(
            "event {} has a digest of algorithm {:#06x}, which the header does not declare",
            current_, *number));
      }
      uint32_t& offset = digests()[static_cast<size_t>(bank - log_.banks_.begin())];
      if (offset != 0) {
        return Malformed(
            fmt::format("event {} has two digests of algorithm {:#06x}", current_, *number));
      }
      offset = static_cast<uint32_t>(reader_.offset());
      if (!reader_.Take(bank->size)) {
        return Truncated();
      }
    }
    for (size_t i = 0; extends && *count < log_.banks_.size() && i < log_.banks_.size(); ++i) {
      log_.banks_[i].is_void = log_.banks_[i].is_void || digests()[i] == 0;
    }
    return std::nullopt;
  }

  Refusal RuntimeRegisters(std::string_view sign) {
    return Refuse(Refusal::Kind::kRuntimeRegisters,
                  fmt::format("the log is about the runtime measurement registers of a "
                              "confidential guest ({}), not about PCRs of a TPM",
                              sign));
  }

  // What no log about PCRs holds, whatever a policy reads.
  std::optional<Refusal> CheckMeaning(const Event& event) {
    if (event.type == EventType::kNoAction) {
      return CheckStartupLocality(event);
    }
    extends_pcr_0_ = extends_pcr_0_ || event.pcr == 0;
    if (event.type == EventType::kEfiVariableDriverConfig && event.pcr == 1) {
      const auto variable = ReadEfiVariable(event.data, true);
      if (variable && variable->guid == kGlobalVariableGuid &&
          (variable->IsNamed("SecureBoot") || variable->IsNamed("PK") ||
           variable->IsNamed("KEK"))) {
        return RuntimeRegisters("Secure Boot is measured into register 1");
      }
    }
    return std::nullopt;
  }

  // The locality chooses where PCR 0 begins, and no digest vouches for it (L4).
  std::optional<Refusal> CheckStartupLocality(const Event& event) {
    if (event.data.size() < kStartupSignature.size() ||
        AsText(event.data.first(kStartupSignature.size())) != kStartupSignature) {
      return std::nullopt;
    }
    const auto refuse = [&](std::string_view what) {
      return Malformed(fmt::format("StartupLocality in event {} {}", event.index, what));
    };
    if (event.data.size() != kStartupBytes || event.data[kStartupBytes - 2] != 0) {
      return refuse(fmt::format("is not of {} bytes as it must be", kStartupBytes));
    }
    if (event.pcr != 0) {
      return refuse("is not about PCR 0");
    }
    if (log_.startup_locality_) {
      return refuse("is the second one");
    }
    if (extends_pcr_0_) {
      return refuse("comes after PCR 0 was extended");
    }
    const uint8_t locality = event.data.back();
    if (locality != 0 && locality != 3 && locality != 4) {
      return refuse(fmt::format("is {}, only 0, 3 and 4 exist", locality));
    }
    log_.startup_locality_ = locality;
    return std::nullopt;
  }

  // Firmware hands out its whole buffer; behind the last event nothing but one filler may stand.
  std::optional<Refusal> CheckPadding() const {
    const ByteSpan rest = reader_.rest();
    const auto stray =
        std::find_if(rest.begin(), rest.end(), [&](uint8_t byte) { return byte != rest.front(); });
    if (stray == rest.end()) {
      return std::nullopt;
    }
    return Malformed(fmt::format(
        "the padding that begins at byte {} is followed by something else at byte {}",
        reader_.offset(), reader_.offset() + static_cast<size_t>(stray - rest.begin())));
  }

  uint32_t* digests() {
    return log_.digest_offsets_.data() + log_.events_.size() * log_.banks_.size();
  }

  Refusal Refuse(Refusal::Kind kind, std::string message) const {
    return Refusal{.kind = kind, .message = std::move(message), .event = current_};
  }
  Refusal Malformed(std::string message) const {
    return Refuse(Refusal::Kind::kMalformed, std::move(message));
  }
  Refusal Truncated() const {
    return Refuse(Refusal::Kind::kTruncated, fmt::format("the log ends within event {}", current_));
  }

  EventLog& log_;
  LittleEndianReader reader_;
  uint32_t current_ = 0;  // index of the event that is being read
  bool has_header_ = false;
  bool extends_pcr_0_ = false;
};

tl::expected<EventLog, Refusal> EventLog::Parse(ByteSpan bytes) {
  if (bytes.empty()) {
    return tl::unexpected(Refusal{Refusal::Kind::kEmpty, "the log has no bytes", std::nullopt});
  }
  if (bytes.size() > kMaxLogBytes) {
    return tl::unexpected(Refusal{
        Refusal::Kind::kMalformed,
        fmt::format("the log has {} bytes, at most {} are allowed", bytes.size(), kMaxLogBytes),
        std::nullopt});
  }
  EventLog log;
  log.bytes_ = ToBytes(bytes);
  if (auto refusal = LogReader(log, log.bytes_).Read()) {
    return tl::unexpected(*std::move(refusal));
  }
  return log;
}

const Bank* EventLog::FindBank(tcg::AlgorithmId algorithm) const {
  const auto bank = std::find_if(banks_.begin(), banks_.end(), [algorithm](const Bank& each) {
    return each.algorithm == algorithm;
  });
  return bank == banks_.end() ? nullptr : &*bank;
}

bool EventLog::HasReplay(tcg::AlgorithmId algorithm) const {
  const Bank* bank = FindBank(algorithm);
  return bank != nullptr && !bank->is_void;
}

ByteSpan EventLog::DigestOf(const Event& event, tcg::AlgorithmId algorithm) const {
  const Bank* bank = FindBank(algorithm);
  if (bank == nullptr) {
    return {};
  }
  const size_t column = static_cast<size_t>(bank - banks_.data());
  const uint32_t offset = digest_offsets_[event.index * banks_.size() + column];
  return offset == 0 ? ByteSpan{} : ByteSpan(bytes_).subspan(offset, bank->size);
}

std::optional<tcg::AlgorithmId> EventLog::StrongestBank() const {
  std::optional<tcg::AlgorithmId> strongest;
  for (const Bank& bank : banks_) {
    if (bank.algorithm && !bank.is_void &&
        (!strongest || bank.size > tcg::DigestSize(*strongest))) {
      strongest = bank.algorithm;
    }
  }
  return strongest;
}

std::string_view ToString(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::kEmpty:
      return "Empty";
    case Refusal::Kind::kTruncated:
      return "Truncated";
    case Refusal::Kind::kMalformed:
      return "Malformed";
    case Refusal::Kind::kRuntimeRegisters:
      return "RuntimeRegisterLog";
  }
  return "";
}

std::string_view ToString(Format format) {
  switch (format) {
    case Format::kCryptoAgile:
      return "CryptoAgile";
    case Format::kTpm12:
      return "TPM12Log";
  }
  return "";
}

}  // namespace plimsoll::eventlog
