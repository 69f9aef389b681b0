#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "crypto/digest.h"
#include "eventlog/efi_variable.h"
#include "eventlog/fact_context.h"
#include "eventlog/placement.h"
#include "eventlog/text.h"

// What PCR 7 proves (B1-B6).
namespace plimsoll::eventlog {
namespace {

constexpr uint32_t kPcr = 7;
constexpr size_t kMaxAuthorities = 64;
constexpr size_t kOwnerBytes = 16;
constexpr std::string_view kDebugMode = "UEFI Debug Mode";
constexpr std::string_view kNoDmaProtection = "DMA Protection Disabled";

// How one entry of a database is stored: its kind and value in base64.
constexpr size_t EntryCost(const SignatureEntry& entry) {
  return 4 * (entry.value.size() + 3) / 3 + 4;
}

// Whether an event says this, by its digest or by its own word: an event may be given another type,
// and what speaks against a machine need not be proven.
class ActionText {
 public:
  ActionText(tcg::AlgorithmId bank, std::string_view text) : text_(text) {
    const uint8_t nul = 0;
    digests_[0] = crypto::Digest(bank, {AsBytes(text)});
    digests_[1] = crypto::Digest(bank, {AsBytes(text), ByteSpan(&nul, 1)});
  }

  bool IsSaidBy(const FactContext& context, const Event& event) const {
    const ByteSpan digest = context.log.DigestOf(event, context.facts.bank);
    return AsText(event.data).starts_with(text_) ||
           std::any_of(digests_.begin(), digests_.end(), [&](const Bytes& each) {
             return std::equal(each.begin(), each.end(), digest.begin(), digest.end());
           });
  }

 private:
  std::string_view text_;
  std::array<Bytes, 2> digests_;
};

class SecureBootReader {
 public:
  explicit SecureBootReader(FactContext& context)
      : context_(context),
        facts_(context.facts),
        fence_(FindSeparator(context.log, context.facts.bank, kPcr)),
        debug_mode_(context.facts.bank, kDebugMode),
        no_dma_protection_(context.facts.bank, kNoDmaProtection) {}

  void Read() {
    for (const Event& event : context_.log.events()) {
      if (event.pcr == kPcr && event.type != EventType::kNoAction) {
        ReadEvent(event);
      }
    }
    Judge();
    if (const auto event = facts_.secure_boot.event) {
      facts_.secure_boot.event_type = context_.log.events()[*event].type;
    }
  }

 private:
  bool BeforeFence(const Event& event) const { return fence_ && event.index < *fence_; }

  void ReadEvent(const Event& event) {
    if (debug_mode_.IsSaidBy(context_, event)) {
      facts_.secure_boot.debug_mode = true;
      context_.Report("B5", Severity::kDenies, event,
                      fmt::format("event {} says that firmware ran in debug mode", event.index));
    } else if (no_dma_protection_.IsSaidBy(context_, event)) {
      facts_.secure_boot.dma_protection_disabled = true;
      context_.Report("B5", Severity::kNotice, event,
                      fmt::format("event {} says that DMA protection is disabled", event.index));
    } else if (event.type == EventType::kEfiAction) {
      ReadAction(event);
    } else if (event.type == EventType::kEfiVariableDriverConfig) {
      ReadVariable(event);
    } else if (event.type != EventType::kSeparator) {
      // An authority may be given another type, such as that of a device's: it is listed all the
      // same, and counts as one only under its own.
      ReadAuthority(event);
    }
  }

  void ReadAction(const Event& event) {
    if (IsProvenAction(context_, event)) {
      context_.Report("B5", Severity::kNotice, event,
                      fmt::format("event {} of PCR 7 is the action \"{}\"", event.index,
                                  EscapeText(event.data, kMaxFactTextBytes)));
    } else {
      context_.Report("L3", Severity::kDenies, event,
                      fmt::format("the action in event {} of PCR 7 is not what its digest was made "
                                  "from",
                                  event.index));
    }
  }

  void ReadVariable(const Event& event) {
    const auto variable = ReadEfiVariable(event.data);
    if (!variable || !context_.CoverageOf(event).whole()) {
      context_.Report("L3", Severity::kDenies, event,
                      fmt::format("the variable in event {} of PCR 7 is not what its digest was "
                                  "made from",
                                  event.index));
    }
    if (!variable) {
      return;
    }
    const std::string name = EscapeUtf16(variable->name, kMaxFactTextBytes);
    const bool repeated = !seen_.emplace(variable->guid, AsText(variable->name)).second;
    if (repeated) {
      context_.Report(
          "B2", Severity::kDenies, event,
          fmt::format("the variable {} is measured a second time (event {})", name, event.index));
    } else if (!BeforeFence(event)) {
      context_.Report("B2", Severity::kDenies, event,
                      fmt::format("the variable {} is measured after the separator (event {})",
                                  name, event.index));
    }
    if (variable->guid == kGlobalVariableGuid && variable->IsNamed("SecureBoot")) {
      secure_boot_spoilt_ = secure_boot_spoilt_ || repeated || !BeforeFence(event);
      if (!repeated) {
        secure_boot_ = event;
        secure_boot_contents_ = variable->contents;
      }
    } else if (SignatureDatabase* database = DatabaseOf(*variable)) {
      ReadDatabase(event, *variable, repeated, name, *database);
    }
  }

  SignatureDatabase* DatabaseOf(const EfiVariable& variable) {
    if (variable.guid == kGlobalVariableGuid) {
      return variable.IsNamed("PK") ? &facts_.pk : variable.IsNamed("KEK") ? &facts_.kek : nullptr;
    }
    if (variable.guid == kSecurityDatabaseGuid) {
      return variable.IsNamed("db") ? &facts_.db : variable.IsNamed("dbx") ? &facts_.dbx : nullptr;
    }
    return nullptr;
  }

  void ReadDatabase(const Event& event, const EfiVariable& variable, bool repeated,
                    const std::string& name, SignatureDatabase& database) {
    if (repeated || !BeforeFence(event)) {
      // Which of them counted is not known.
      database.readable = false;
      return;
    }
    database.event = event.index;
    database.covered = context_.CoverageOf(event).whole();
    if (!database.covered) {
      return;
    }
    auto entries = ParseSignatureLists(variable.contents);
    if (!entries) {
      context_.Report("B4", Severity::kDenies, event,
                      fmt::format("the variable {} (event {}) cannot be read: {}", name,
                                  event.index, entries.error().message));
      return;
    }
    database.readable = true;
    for (SignatureEntry& entry : *entries) {
      const size_t cost = EntryCost(entry);
      AddBounded(database.entries, std::move(entry), kMaxSignatureEntries, cost,
                 context_.databases);
    }
  }

  void ReadAuthority(const Event& event) {
    Authority authority{.event = event.index,
                        .variable = {},
                        .variable_guid = {},
                        .covered = context_.CoverageOf(event).any(),
                        .before_separator = BeforeFence(event),
                        .entry = std::nullopt,
                        .digest = context_.DigestOf(event)};
    bool lets_images_pass = true;
    if (const auto variable = ReadEfiVariable(event.data, true)) {
      authority.variable = EscapeUtf16(variable->name, kMaxFactTextBytes);
      authority.variable_guid = variable->guid;
      if (authority.covered) {
        const ByteSpan contents = CoveredContents(event, *variable);
        authority.entry = ReadAuthorityEntry(contents);
        lets_images_pass = !ReadShimVariable(event, *variable, contents);
      }
    }
    authorities_ += lets_images_pass && event.type == EventType::kEfiVariableAuthority ? 1 : 0;
    const size_t cost =
        JsonCost(authority.variable, authority.digest.size() + 2 * kOwnerBytes + 64);
    AddBounded(facts_.authorities, std::move(authority), kMaxAuthorities, cost, context_.rest);
  }

  // Some loaders hash all bytes but the last.
  ByteSpan CoveredContents(const Event& event, const EfiVariable& variable) const {
    const size_t end = context_.CoverageOf(event).length;
    return variable.contents_offset > end
               ? ByteSpan{}
               : variable.contents.first(
                     std::min(variable.contents.size(), end - variable.contents_offset));
  }

  // Whether it is one of the variables that shim logs like an authority without their being one.
  bool ReadShimVariable(const Event& event, const EfiVariable& variable, ByteSpan contents) {
    if (variable.guid != kShimLockGuid) {
      return false;
    }
    if (variable.IsNamed("SbatLevel")) {
      if (!facts_.sbat_level) {
        facts_.sbat_level = BootText{.event = event.index,
                                     .pcr = kPcr,
                                     .covered = true,
                                     .name = "SbatLevel",
                                     .text = EscapeText(contents, kMaxFactTextBytes)};
        context_.rest.TakeAtMost(JsonCost(facts_.sbat_level->text, 0));
      }
      return true;
    }
    return variable.IsNamed("MokListTrusted");
  }

  // EFI_SIGNATURE_DATA, or a bare certificate, which older shims log.
  static std::optional<SignatureEntry> ReadAuthorityEntry(ByteSpan contents) {
    SignatureEntry entry;
    if (!IsDerSequence(contents)) {
      if (contents.size() <= kOwnerBytes) {
        return std::nullopt;
      }
      entry.owner = ReadGuid(contents);
      contents = contents.subspan(kOwnerBytes);
    }
    if (IsDerSequence(contents)) {
      entry.kind = SignatureKind::kCertificate;
      entry.value = crypto::Digest(tcg::AlgorithmId::kSha256, {contents});
    } else if (contents.size() == 32) {
      entry.kind = SignatureKind::kSha256;
      entry.value = ToBytes(contents);
    } else {
      return std::nullopt;
    }
    return entry;
  }

  // One SEQUENCE with a length of two bytes that takes all bytes, as certificates are.
  static bool IsDerSequence(ByteSpan bytes) {
    return bytes.size() > 4 && bytes[0] == 0x30 && bytes[1] == 0x82 &&
           (static_cast<size_t>(bytes[2]) << 8U | bytes[3]) == bytes.size() - 4;
  }

  void Judge() {
    SecureBoot& result = facts_.secure_boot;
    const auto unknown = [&](std::string_view check, std::optional<uint32_t> event,
                             std::string why) {
      result.state = SecureBootState::kUnknown;
      result.check = check;
      result.event = event;
      result.why = std::move(why);
    };
    if (!context_.log.HasReplay(facts_.bank)) {
      return unknown(
          "L1", std::nullopt,
          fmt::format("the log has no replay in the bank {}", tcg::BankName(facts_.bank)));
    }
    if (const Problem* problem = facts_.FirstProblem(kPcr, Severity::kMalformed)) {
      return unknown(problem->check, problem->event, problem->message);
    }
    if (!secure_boot_) {
      return unknown("B1", std::nullopt, "the log has no SecureBoot variable");
    }
    const uint32_t event = secure_boot_->index;
    if (!context_.CoverageOf(*secure_boot_).whole()) {
      return unknown("B1", event, "the SecureBoot variable is not what its digest was made from");
    }
    if (secure_boot_contents_.size() != 1) {
      return unknown("B1", event,
                     fmt::format("the SecureBoot variable has {} bytes instead of one",
                                 secure_boot_contents_.size()));
    }
    if (secure_boot_contents_[0] == 0 && !secure_boot_spoilt_) {
      result.state = SecureBootState::kDisabled;
      result.check = "B1";
      result.event = event;
      result.why = "the SecureBoot variable is 0";
      return;
    }
    if (const Problem* problem = facts_.FirstProblem(kPcr, Severity::kDenies)) {
      return unknown(problem->check, problem->event, problem->message);
    }
    if (secure_boot_contents_[0] != 1) {
      return unknown("B1", event,
                     fmt::format("the SecureBoot variable is {}", secure_boot_contents_[0]));
    }
    for (const auto& [name, database] : {std::pair("PK", &facts_.pk), std::pair("KEK", &facts_.kek),
                                         std::pair("db", &facts_.db)}) {
      if (!database->readable || database->entries.items.empty()) {
        return unknown("B3", database->event,
                       fmt::format("SecureBoot is 1, but {} is {}", name,
                                   database->event ? "empty or not proven" : "not in the log"));
      }
    }
    if (authorities_ == 0) {
      return unknown("B3", event, "SecureBoot is 1, but nothing was let pass by it");
    }
    result.state = SecureBootState::kEnabled;
    result.event = event;
    result.why = "the SecureBoot variable is 1";
  }

  FactContext& context_;
  BootFacts& facts_;
  std::optional<uint32_t> fence_;
  ActionText debug_mode_;
  ActionText no_dma_protection_;
  std::set<std::pair<Guid, std::string_view>> seen_;  // GUID and name of every variable
  std::optional<Event> secure_boot_;
  ByteSpan secure_boot_contents_;
  bool secure_boot_spoilt_ = false;  // there are two, or it comes after the separator
  size_t authorities_ = 0;
};

}  // namespace

void ReadSecureBoot(FactContext& context) { SecureBootReader(context).Read(); }

}  // namespace plimsoll::eventlog
