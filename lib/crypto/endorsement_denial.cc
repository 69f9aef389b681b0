#include "crypto/endorsement_denial.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "crypto/tpm_vendor.h"

namespace plimsoll::crypto {
namespace {

// Vendors write "SLB9670" and "SLB 9670" for the same thing.
std::string Simplify(std::string_view model) {
  std::string simple;
  for (const char c : model) {
    if (c != ' ') {
      simple += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return simple;
}

tl::unexpected<Error> Malformed(std::string message) {
  return Fail(ErrorCode::kMalformed, std::move(message));
}

std::string Sentence(const NamedTpm& tpm, std::string_view reason) {
  std::string text = fmt::format("TPMs of {}", tpm.vendor_id.empty() ? "any maker" : tpm.vendor_id);
  if (!tpm.model.empty()) {
    text += fmt::format(", model {}", tpm.model);
  }
  if (!tpm.version.empty()) {
    text += fmt::format(", firmware {} ({})", DescribeVersion(tpm.version), tpm.version);
  }
  text += " are denied";
  return reason.empty() ? text : fmt::format("{}: {}", text, reason);
}

std::string Untold(std::string_view what, std::string_view about, std::string_view reason) {
  std::string text = fmt::format(
      "the certificate does not say {}, so that a rule that denies TPMs {} may be about it", what,
      about);
  return reason.empty() ? text : fmt::format("{}: {}", text, reason);
}

}  // namespace

Result<EndorsementDenial> EndorsementDenial::Create(Fields fields) {
  EndorsementDenial denial;
  const bool ranged = !fields.firmware_from.empty() || !fields.firmware_to.empty();
  if (fields.manufacturer.empty() && (fields.model.empty() || ranged)) {
    return Malformed(ranged ? "a firmware range needs a manufacturer"
                            : "neither a manufacturer nor a model");
  }
  if (!fields.manufacturer.empty()) {
    const std::string id = VendorIdOf(fields.manufacturer);
    if (id.empty()) {
      return Malformed("manufacturer is no TCG vendor id");
    }
    fields.manufacturer = id;
  }
  if (!fields.model.empty()) {
    fields.model = Simplify(fields.model);
    if (fields.model.empty()) {
      return Malformed("model is blank");
    }
  }
  if (ranged) {
    VersionInterval range;
    if (!fields.firmware_from.empty()) {
      const auto from = ReadVersionBound(fields.firmware_from);
      if (!from) {
        return Wrap("firmwareFrom", from.error());
      }
      range.lowest = from->lowest;
    }
    if (!fields.firmware_to.empty()) {
      const auto to = ReadVersionBound(fields.firmware_to);
      if (!to) {
        return Wrap("firmwareTo", to.error());
      }
      range.highest = to->highest;
    }
    if (range.lowest > range.highest) {
      return Malformed("firmwareFrom is above firmwareTo");
    }
    denial.firmware_ = range;
  }
  denial.fields_ = std::move(fields);
  return denial;
}

std::optional<std::string> EndorsementDenial::Denies(const NamedTpm& tpm) const {
  if (!fields_.manufacturer.empty() && !tpm.vendor_id.empty() &&
      fields_.manufacturer != tpm.vendor_id) {
    return std::nullopt;
  }
  if (!fields_.model.empty() && !tpm.model.empty() &&
      !Simplify(tpm.model).starts_with(fields_.model)) {
    return std::nullopt;
  }
  const auto version = ReadCertificateVersion(tpm.version);
  if (firmware_ && version && !firmware_->Overlaps(*version)) {
    return std::nullopt;
  }
  if (!fields_.manufacturer.empty() && tpm.vendor_id.empty()) {
    return Untold("who made the TPM", "of " + fields_.manufacturer, fields_.reason);
  }
  if (!fields_.model.empty() && tpm.model.empty()) {
    return Untold("which model the TPM is", "of model " + fields_.model, fields_.reason);
  }
  if (firmware_ && !version) {
    return Untold(
        fmt::format("in a form that can be read (\"{}\") which firmware the TPM has", tpm.version),
        "of " + fields_.manufacturer + " by their firmware", fields_.reason);
  }
  return Sentence(tpm, fields_.reason);
}

std::vector<EndorsementDenial> RocaDenials() {
  constexpr std::array<std::array<const char*, 2>, 6> kRanges = {{{"4.0", "4.33"},
                                                                  {"4.40", "4.42"},
                                                                  {"5.0", "5.61"},
                                                                  {"6.0", "6.42"},
                                                                  {"7.0", "7.61"},
                                                                  {"133.0", "133.32"}}};
  std::vector<EndorsementDenial> denials;
  for (const auto& [from, to] : kRanges) {
    auto denial = EndorsementDenial::Create(
        {.manufacturer = "IFX",
         .model = {},
         .firmware_from = from,
         .firmware_to = to,
         .reason = "RSA keys of this firmware are weak (CVE-2017-15361)"});
    if (!denial) {
      std::abort();
    }
    denials.push_back(*std::move(denial));
  }
  return denials;
}

}  // namespace plimsoll::crypto
