#include "crypto/tpm_vendor.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kIdBytes = 4;

constexpr std::array<std::pair<std::string_view, std::string_view>, 32> kNames = {{
    {"AMD", "AMD"},
    {"ANT", "Ant Group"},
    {"ATML", "Atmel"},
    {"BRCM", "Broadcom"},
    {"CSCO", "Cisco"},
    {"FLYS", "Flyslice Technologies"},
    {"GOOG", "Google"},
    {"HISI", "Huawei"},
    {"HPE", "HPE"},
    {"HPI", "HPI"},
    {"IBM", "IBM"},
    {"IFX", "Infineon"},
    {"INTC", "Intel"},
    {"LEN", "Lenovo"},
    {"MSFT", "Microsoft"},
    {"NSG", "NSING"},
    {"NSM", "National Semiconductor"},
    {"NTC", "Nuvoton Technology"},
    {"NTZ", "Nationz"},
    {"QCOM", "Qualcomm"},
    {"ROCC", "Fuzhou Rockchip"},
    {"SEAL", "Wisekey"},
    {"SECE", "SecEdge"},
    {"SIMP", "SimPlus"},
    {"SMSC", "SMSC"},
    {"SMSN", "Samsung"},
    {"SNPS", "Synopsys"},
    {"SNS", "Sinosun"},
    {"STM", "STMicroelectronics"},
    {"TXN", "Texas Instruments"},
    {"VMW", "VMware"},
    {"WEC", "Winbond"},
}};

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string Letters(std::string_view text) {
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > kIdBytes || !IsVisible(text)) {
    return "";
  }
  std::string letters(text);
  std::transform(letters.begin(), letters.end(), letters.begin(), Upper);
  return letters;
}

}  // namespace

std::string VendorIdOf(std::string_view manufacturer) {
  const bool prefixed = manufacturer.size() >= 3 && Lower(manufacturer[0]) == 'i' &&
                        Lower(manufacturer[1]) == 'd' && manufacturer[2] == ':';
  if (!prefixed && manufacturer.size() != 2 * kIdBytes) {
    return Letters(manufacturer);
  }
  std::string hex(manufacturer.substr(prefixed ? 3 : 0));
  if (hex.size() > 2 * kIdBytes) {
    return "";
  }
  std::transform(hex.begin(), hex.end(), hex.begin(), Lower);
  const auto bytes = FromHex(hex);
  if (!bytes) {
    return "";
  }
  const std::string letters = Letters(AsText(*bytes));
  return !letters.empty() ? letters : bytes->size() == kIdBytes ? hex : "";
}

std::string_view VendorName(std::string_view vendor_id) {
  const auto* const found = std::find_if(
      kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == vendor_id; });
  return found != kNames.end() ? found->second : std::string_view();
}

}  // namespace plimsoll::crypto
