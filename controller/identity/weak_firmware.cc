#include "controller/identity/weak_firmware.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "controller/identity/conditions.h"
#include "crypto/endorsement_version.h"

namespace plimsoll::controller::identity {
namespace {

using Range = FirmwareWeakness::Range;

constexpr std::array<Range, 6> kRoca = {{{"4.0", "4.33"},
                                         {"4.40", "4.42"},
                                         {"5.0", "5.61"},
                                         {"6.0", "6.42"},
                                         {"7.0", "7.61"},
                                         {"133.0", "133.32"}}};

// The maker lists single versions; what it does not list is not affected.
constexpr std::array<Range, 14> kTpmFailOfSt = {{{"71.0", "71.0"},
                                                 {"71.4", "71.4"},
                                                 {"71.12", "71.12"},
                                                 {"73.0", "73.0"},
                                                 {"73.4", "73.4"},
                                                 {"73.5", "73.5"},
                                                 {"73.8", "73.8"},
                                                 {"73.9", "73.9"},
                                                 {"74.0", "74.0"},
                                                 {"74.4", "74.4"},
                                                 {"74.5", "74.5"},
                                                 {"74.8", "74.8"},
                                                 {"74.9", "74.9"},
                                                 {"74.16", "74.16"}}};

constexpr std::array<Range, 3> kOutOfBoundsWriteOfNuvoton = {
    {{"1.3.0.1", "1.3.0.1"}, {"1.3.1.0", "1.3.1.0"}, {"1.3.2.8", "1.3.2.8"}}};

// NPCT7xx counts 7.2.C.D; 7.2.4.1 is the first release that is said to have the repair.
constexpr std::array<Range, 1> kOutOfBoundsReadOfNuvoton = {{{"7.2.0.0", "7.2.4.0"}}};

constexpr std::array<FirmwareWeakness, 4> kWeaknesses = {{
    {.id = "CVE-2017-15361",
     .title = "ROCA: RSA keys that the TPM makes can be factored",
     .manufacturer = "IFX",
     .source = "https://portal.msrc.microsoft.com/en-us/security-guidance/advisory/ADV170012",
     .ranges = kRoca},
    {.id = "CVE-2019-16863",
     .title = "TPM-FAIL: the time of ECDSA signatures tells the private key",
     .manufacturer = "STM",
     .source = "https://www.st.com/content/st_com/en/campaigns/tpm-update.html",
     .ranges = kTpmFailOfSt},
    {.id = "CVE-2023-1017",
     .title = "out-of-bounds write in the reference code: the TPM can be put out of action",
     .manufacturer = "NTC",
     .source = "https://www.nuvoton.com/support/security/security-advisories/sa-003/",
     .ranges = kOutOfBoundsWriteOfNuvoton},
    {.id = "CVE-2025-2884",
     .title = "out-of-bounds read in the reference code: the TPM can be put out of action",
     .manufacturer = "NTC",
     .source = "https://www.dell.com/support/kbdoc/en-my/000331010/"
               "dsa-2025-232-security-update-for-dell-poweredge-server-for-a-trusted-platform-"
               "module-tpm-2-0-firmware-vulnerability",
     .ranges = kOutOfBoundsReadOfNuvoton},
}};

bool Contains(const Range& range, const crypto::VersionInterval& version) {
  const auto from = crypto::ReadVersionBound(range.from);
  const auto to = crypto::ReadVersionBound(range.to);
  return from && to && from->lowest <= version.lowest && version.highest <= to->highest;
}

std::optional<policy::FirmwareVersion> Read(std::string_view text) {
  const auto version = policy::FirmwareVersion::Parse(text);
  return version ? std::optional(*version) : std::nullopt;
}

}  // namespace

std::span<const FirmwareWeakness> KnownFirmwareWeaknesses() { return kWeaknesses; }

std::vector<const FirmwareWeakness*> WeaknessesOf(
    std::string_view manufacturer, const std::optional<policy::FirmwareVersion>& present,
    std::string_view certificate_version) {
  const auto version = present
                           ? std::optional(crypto::VersionInterval{present->value, present->value})
                           : crypto::ReadCertificateVersion(certificate_version);
  std::vector<const FirmwareWeakness*> found;
  if (!version) {
    return found;
  }
  for (const FirmwareWeakness& weakness : kWeaknesses) {
    if (weakness.manufacturer == manufacturer &&
        std::any_of(weakness.ranges.begin(), weakness.ranges.end(),
                    [&](const Range& range) { return Contains(range, *version); })) {
      found.push_back(&weakness);
    }
  }
  return found;
}

bool SetFirmwareWeak(TpmIdentity& identity, std::string_view quoted, WallTime now) {
  const TpmIdentityStatus& status = identity.status;
  const std::string& manufacturer = status.endorsement.manufacturer.empty()
                                        ? status.tpm.manufacturer
                                        : status.endorsement.manufacturer;
  const auto present =
      Read(quoted.empty() ? std::string_view(status.tpm.firmware_version) : quoted);
  const bool known = present || crypto::ReadCertificateVersion(status.endorsement.version);
  if (manufacturer.empty() || !known) {
    std::erase_if(identity.status.conditions,
                  [](const Condition& c) { return c.type == kFirmwareWeak; });
    return false;
  }
  const Condition* before = Find(status.conditions, kFirmwareWeak);
  const bool was_weak = before != nullptr && before->status == ConditionStatus::kTrue;
  const auto weaknesses = WeaknessesOf(manufacturer, present, status.endorsement.version);
  const std::string version =
      present ? present->ToText()
              : crypto::DescribeVersion(status.endorsement.version) + " (at manufacture)";
  Condition condition{
      .type = kFirmwareWeak,
      .status = ConditionStatus::kFalse,
      .reason = "NoneKnown",
      .message = fmt::format("no weakness of {} firmware {} is known here", manufacturer, version)};
  if (!weaknesses.empty()) {
    condition.status = ConditionStatus::kTrue;
    condition.reason = "KnownWeakness";
    condition.message = fmt::format("{} firmware {}", manufacturer, version);
    for (const FirmwareWeakness* weakness : weaknesses) {
      condition.message +=
          fmt::format("; {} ({}), see {}", weakness->id, weakness->title, weakness->source);
    }
  }
  Set(identity.status.conditions, std::move(condition), now);
  return !weaknesses.empty() && !was_weak;
}

size_t CountWeakFirmware(const Lookup<Node>& nodes, const Lookup<TpmIdentity>& identities) {
  std::set<std::string, std::less<>> weak;
  for (const auto& identity : identities.List()) {
    const Condition* condition = Find(identity->status.conditions, kFirmwareWeak);
    const auto node = nodes.Get(identity->node_name);
    if (condition != nullptr && condition->status == ConditionStatus::kTrue && node &&
        node->meta.uid == identity->status.node_uid) {
      weak.insert(identity->node_name);
    }
  }
  return weak.size();
}

}  // namespace plimsoll::controller::identity
