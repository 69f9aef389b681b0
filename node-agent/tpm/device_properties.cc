// What a Device reads: properties and NV indices.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "node-agent/tpm/device.h"
#include "node-agent/tpm/esys.h"

namespace plimsoll::tpm {
namespace {

// The largest piece that TPM2_NV_Read is asked for, whatever the TPM claims to give.
constexpr uint16_t kMaxNvPiece = 1024;
constexpr uint16_t kDefaultNvPiece = 512;

// The value of one property; nullopt when this TPM does not have it.
Result<std::optional<uint32_t>> Property(Esys& esys, uint32_t property) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto data,
                            esys.Capability(TPM2_CAP_TPM_PROPERTIES, property, 1, nullptr));
  const TPML_TAGGED_TPM_PROPERTY& list = data->data.tpmProperties;
  // A TPM answers with the next property where it does not have the one asked for.
  if (list.count < 1 || list.tpmProperty[0].property != property) {
    return std::optional<uint32_t>();
  }
  return std::optional<uint32_t>(list.tpmProperty[0].value);
}

Result<uint32_t> PropertyOr(Esys& esys, uint32_t property, uint32_t absent) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto value, Property(esys, property));
  return value.value_or(absent);
}

// Four characters, high byte first; zeros end it, blanks around it and what is not printable go.
std::string FourCharacters(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char c = static_cast<char>((value >> shift) & 0xFF);
    if (c > 0x20 && c < 0x7F) {
      text.push_back(c);
    }
  }
  return text;
}

Result<tcg::PcrSelection> AllocatedBanks(Esys& esys) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto data, esys.Capability(TPM2_CAP_PCRS, 0, 1, nullptr));
  const TPML_PCR_SELECTION& list = data->data.assignedPCR;
  std::vector<tcg::PcrBank> banks;
  for (uint32_t i = 0; i < std::min<uint32_t>(list.count, TPM2_NUM_PCR_BANKS); ++i) {
    const TPMS_PCR_SELECTION& bank = list.pcrSelections[i];
    const auto hash = tcg::AlgorithmFromNumber(bank.hash);
    uint32_t mask = 0;
    for (uint32_t byte = 0; byte < std::min<uint32_t>(bank.sizeofSelect, TPM2_PCR_SELECT_MAX);
         ++byte) {
      mask |= uint32_t{bank.pcrSelect[byte]} << (8 * byte);
    }
    if (hash && tcg::IsHash(*hash) && mask != 0) {
      banks.push_back({*hash, mask});
    }
  }
  return tcg::PcrSelection::Create(std::move(banks));
}

}  // namespace

Result<Properties> Device::ReadProperties() {
  Properties properties;
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t manufacturer,
                            PropertyOr(*esys_, TPM2_PT_MANUFACTURER, 0));
  properties.manufacturer = FourCharacters(manufacturer);
  for (const uint32_t part : {TPM2_PT_VENDOR_STRING_1, TPM2_PT_VENDOR_STRING_2,
                              TPM2_PT_VENDOR_STRING_3, TPM2_PT_VENDOR_STRING_4}) {
    PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t value, PropertyOr(*esys_, part, 0));
    properties.vendor += FourCharacters(value);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t high, PropertyOr(*esys_, TPM2_PT_FIRMWARE_VERSION_1, 0));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t low, PropertyOr(*esys_, TPM2_PT_FIRMWARE_VERSION_2, 0));
  properties.firmware_version =
      fmt::format("{}.{}.{}.{}", high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF);
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t revision, PropertyOr(*esys_, TPM2_PT_REVISION, 0));
  properties.spec_revision = fmt::format("{}.{:02}", revision / 100, revision % 100);
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t permanent, PropertyOr(*esys_, TPM2_PT_PERMANENT, 0));
  properties.endorsement_auth_set = (permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0;
  properties.in_lockout = (permanent & TPMA_PERMANENT_INLOCKOUT) != 0;
  // A TPM that does not tell is asked to make a key, and then tells.
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t startup,
                            PropertyOr(*esys_, TPM2_PT_STARTUP_CLEAR, TPMA_STARTUP_CLEAR_EHENABLE));
  properties.endorsement_enabled = (startup & TPMA_STARTUP_CLEAR_EHENABLE) != 0;
  PLIMSOLL_ASSIGN_OR_RETURN(properties.banks, AllocatedBanks(*esys_));
  return properties;
}

Result<Bytes> Device::ReadNv(uint32_t index, size_t max) {
  ESYS_TR nv = ESYS_TR_NONE;
  PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_NV_ReadPublic", [&] {
    return Esys_TR_FromTPMPublic(esys_->get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 &nv);
  }));
  const auto close = [&](ESYS_TR* handle) { Esys_TR_Close(esys_->get(), handle); };
  const std::unique_ptr<ESYS_TR, decltype(close)> closer(&nv, close);

  TPM2B_NV_PUBLIC* out = nullptr;
  PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_NV_ReadPublic", [&] {
    return Esys_NV_ReadPublic(esys_->get(), nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &out,
                              nullptr);
  }));
  const EsysPtr<TPM2B_NV_PUBLIC> owned(out);
  const size_t size = owned->nvPublic.dataSize;
  const TPMA_NV attributes = owned->nvPublic.attributes;
  if (size > max) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("NV index 0x{:08x} holds {} bytes, over {}", index, size, max));
  }
  if ((attributes & TPMA_NV_WRITTEN) == 0) {
    return Fail(ErrorCode::kNotFound, fmt::format("NV index 0x{:08x} was never written", index));
  }
  // Only with an empty password that cannot count against the dictionary attack protection.
  ESYS_TR authority = ESYS_TR_NONE;
  if ((attributes & TPMA_NV_AUTHREAD) != 0 && (attributes & TPMA_NV_NO_DA) != 0) {
    authority = nv;
  } else if ((attributes & TPMA_NV_OWNERREAD) != 0) {
    authority = ESYS_TR_RH_OWNER;
  } else {
    return Fail(ErrorCode::kDenied,
                fmt::format("NV index 0x{:08x} cannot be read without a password", index));
  }

  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t claimed,
                            PropertyOr(*esys_, TPM2_PT_NV_BUFFER_MAX, kDefaultNvPiece));
  const size_t piece = std::clamp<size_t>(claimed, 1, kMaxNvPiece);
  Bytes contents;
  contents.reserve(size);
  while (contents.size() < size) {
    const auto wanted = static_cast<uint16_t>(std::min(piece, size - contents.size()));
    TPM2B_MAX_NV_BUFFER* data = nullptr;
    PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_NV_Read", [&] {
      return Esys_NV_Read(esys_->get(), authority, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                          wanted, static_cast<uint16_t>(contents.size()), &data);
    }));
    const EsysPtr<TPM2B_MAX_NV_BUFFER> buffer(data);
    if (buffer->size != wanted) {
      return Fail(ErrorCode::kMalformed, "TPM2_NV_Read: the TPM sent another number of bytes",
                  Retry::kReconnect);
    }
    contents.insert(contents.end(), buffer->buffer, buffer->buffer + wanted);
  }
  return contents;
}

}  // namespace plimsoll::tpm
