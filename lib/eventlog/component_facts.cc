#include <algorithm>
#include <array>
#include <cctype>

#include "crypto/digest.h"
#include "eventlog/device_path.h"
#include "eventlog/fact_context.h"
#include "eventlog/linux_tags.h"
#include "eventlog/placement.h"
#include "eventlog/text.h"

// What was loaded: PCR 0, 2, 4, 9 and 11.
namespace plimsoll::eventlog {
namespace {

constexpr size_t kMaxComponents = 96;
constexpr uint32_t kUkiPcr = 11;

bool IsImage(EventType type) {
  return type == EventType::kEfiBootServicesApplication ||
         type == EventType::kEfiBootServicesDriver || type == EventType::kEfiRuntimeServicesDriver;
}

// By the file's name alone, so it is no more than a hint.
Role RoleByName(std::string_view path) {
  std::string name(path.substr(path.find_last_of("/\\ ") + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
  if (has(".conf") || has(".cfg")) {
    return Role::kOther;
  }
  if (has("initrd") || has("initramfs")) {
    return Role::kInitRd;
  }
  return has("vmlinu") || has("bzimage") || has("kernel") ? Role::kKernel : Role::kOther;
}

class SectionNames {
 public:
  explicit SectionNames(tcg::AlgorithmId bank) {
    const uint8_t nul = 0;
    for (const std::string_view name : kNames) {
      digests_.push_back(crypto::Digest(bank, {AsBytes(name), ByteSpan(&nul, 1)}));
    }
  }

  // The section whose name has this digest; "" for none.
  std::string_view Find(ByteSpan digest) const {
    for (size_t i = 0; i < digests_.size(); ++i) {
      if (std::equal(digests_[i].begin(), digests_[i].end(), digest.begin(), digest.end())) {
        return kNames[i];
      }
    }
    return {};
  }

 private:
  static constexpr std::array<std::string_view, 14> kNames = {
      ".linux", ".osrel", ".cmdline", ".initrd",  ".ucode",   ".splash",  ".dtb",
      ".uname", ".sbat",  ".pcrsig",  ".pcrpkey", ".profile", ".dtbauto", ".hwids"};

  std::vector<Bytes> digests_;
};

class ComponentReader {
 public:
  explicit ComponentReader(FactContext& context) : context_(context) {}

  void Read() {
    for (const Event& event : context_.log.events()) {
      if (event.type != EventType::kNoAction) {
        ReadEvent(event);
      }
    }
  }

 private:
  void ReadEvent(const Event& event) {
    switch (event.pcr) {
      case 0:
        if (event.type == EventType::kSCrtmVersion && context_.CoverageOf(event).whole() &&
            context_.facts.firmware_version.empty()) {
          context_.facts.firmware_version = VersionText(event.data);
        }
        return ReadCode(event, Role::kFirmware);
      case 2:
        return ReadCode(event, Role::kOptionRom);
      case 4:
        return ReadCode(event,
                        IsImage(event.type) && event.type != EventType::kEfiBootServicesApplication
                            ? Role::kDriver
                            : Role::kBootLoader);
      case 9:
        return ReadFile(event);
      case kUkiPcr:
        return ReadUkiSection(event);
      default:
        return;
    }
  }

  // Everything in these PCRs but the separator and actions is code, whatever its type says.
  void ReadCode(const Event& event, Role role) {
    if (event.type == EventType::kSeparator || IsProvenAction(context_, event)) {
      return;
    }
    Add(event, role, true, IsImage(event.type) ? ImageName(event.data, kMaxFactTextBytes) : "",
        false);
  }

  void ReadFile(const Event& event) {
    if (IsLinuxTag(event, kLoadOptionsTag)) {
      return;
    }
    if (IsLinuxTag(event, kInitrdTag)) {
      return Add(event, Role::kInitRd, false, "Linux initrd", false);
    }
    std::string name;
    if (event.type == EventType::kIpl) {
      const auto nul = std::find(event.data.begin(), event.data.end(), uint8_t{0});
      name = EscapeText(ByteSpan(event.data.begin(), nul), kMaxFactTextBytes);
    }
    const Role role = RoleByName(name);
    Add(event, role, false, std::move(name), false);
  }

  // The stub extends the name of a section and then its contents.
  void ReadUkiSection(const Event& event) {
    if (!names_) {
      names_.emplace(context_.facts.bank);
    }
    const std::string_view name = names_->Find(context_.log.DigestOf(event, context_.facts.bank));
    if (section_.empty() && !name.empty()) {
      section_ = name;
      return;
    }
    if (!section_.empty()) {
      UkiSection section{
          .name = std::string(section_), .event = event.index, .digest = context_.DigestOf(event)};
      const size_t cost = JsonCost(section.name, section.digest.size());
      AddBounded(context_.facts.uki_sections, std::move(section), kMaxComponents, cost,
                 context_.rest);
    }
    Add(event, Role::kUki, true, std::string(section_), !section_.empty());
    section_ = {};
  }

  void Add(const Event& event, Role role, bool role_proven, std::string name, bool name_covered) {
    Component component{.role = role,
                        .role_proven = role_proven,
                        .pcr = event.pcr,
                        .event = event.index,
                        .type = event.type,
                        .digest = context_.DigestOf(event),
                        .name = std::move(name),
                        .name_covered = name_covered};
    const size_t cost = JsonCost(component.name, component.digest.size());
    AddBounded(context_.facts.components, std::move(component), kMaxComponents, cost,
               context_.rest);
  }

  // UTF-16 with most firmware, sometimes ASCII, sometimes no text at all.
  static std::string VersionText(ByteSpan data) {
    if (std::string text = TextOfUtf16(data); !text.empty()) {
      return EscapeText(AsBytes(text), kMaxFactTextBytes);
    }
    return IsPlainText(data, kMaxFactTextBytes) ? EscapeText(data, kMaxFactTextBytes) : "";
  }

  FactContext& context_;
  std::optional<SectionNames> names_;
  std::string_view section_;  // whose contents come next
};

}  // namespace

void ReadComponents(FactContext& context) { ComponentReader(context).Read(); }

}  // namespace plimsoll::eventlog
