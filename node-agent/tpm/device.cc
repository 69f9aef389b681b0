#include "node-agent/tpm/device.h"

#include <stdlib.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "node-agent/tpm/esys.h"

namespace plimsoll::tpm {
namespace {

constexpr char kResourceManager[] = "device:/dev/tpmrm0";
constexpr char kBareDevice[] = "device:/dev/tpm0";
constexpr size_t kMaxHandles = 256;

struct HandleRange {
  uint32_t first, last;
};

HandleRange RangeOf(HandleKind kind) {
  switch (kind) {
    case HandleKind::kTransient:
      return {TPM2_TRANSIENT_FIRST, TPM2_TRANSIENT_LAST};
    case HandleKind::kLoadedSession:
      return {TPM2_LOADED_SESSION_FIRST, TPM2_LOADED_SESSION_LAST};
    case HandleKind::kSavedSession:
      return {TPM2_ACTIVE_SESSION_FIRST, TPM2_ACTIVE_SESSION_LAST};
    case HandleKind::kPersistent:
      break;
  }
  return {TPM2_PERSISTENT_FIRST, TPM2_PERSISTENT_LAST};
}

// Whether TPM2_CreatePrimary complained about its second parameter, the template, or about
// something that only a template has: this TPM does not do such keys.
bool IsAboutTemplate(TSS2_RC rc) {
  if ((rc & TSS2_RC_LAYER_MASK) != 0 || (rc & TPM2_RC_FMT1) == 0) {
    return false;
  }
  switch (rc & (TPM2_RC_FMT1 | 0x3FU)) {
    case TPM2_RC_ASYMMETRIC:
    case TPM2_RC_CURVE:
    case TPM2_RC_HASH:
    case TPM2_RC_KEY_SIZE:
    case TPM2_RC_SCHEME:
    case TPM2_RC_SYMMETRIC:
      return true;
    default:
      return (rc & TPM2_RC_P) != 0 && (rc & TPM2_RC_N_MASK) == TPM2_RC_2;
  }
}

// A primary key is wanted, and transient objects of nobody take all slots: behind a bare TCTI we
// are the only client, so that they are what a killed process left.
void FlushStaleObjects(Esys& esys) {
  const auto stale = esys.Handles(TPM2_TRANSIENT_FIRST, TPM2_TRANSIENT_LAST, kMaxHandles);
  if (!stale) {
    return;
  }
  for (const uint32_t handle : *stale) {
    ESYS_TR object = ESYS_TR_NONE;
    const Status opened = esys.Call("TPM2_ReadPublic", [&] {
      return Esys_TR_FromTPMPublic(esys.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   &object);
    });
    if (opened) {
      esys.Flush(object);
    }
  }
}

}  // namespace

void SilenceLibrary() { setenv("TSS2_LOG", "all+none", 0); }

Key& Key::operator=(Key&& other) noexcept {
  if (this != &other) {
    Release();
    esys_ = std::move(other.esys_);
    handle_ = other.handle_;
    persistent_ = other.persistent_;
    public_area_ = std::move(other.public_area_);
  }
  return *this;
}

Key::~Key() { Release(); }

void Key::Release() {
  if (esys_ == nullptr) {
    return;
  }
  if (persistent_) {
    Esys_TR_Close(esys_->get(), &handle_);
  } else {
    esys_->Flush(handle_);
  }
  esys_ = nullptr;
}

Device::Device(std::string tcti, bool shareable, std::shared_ptr<Esys> esys)
    : tcti_(std::move(tcti)), shareable_(shareable), esys_(std::move(esys)) {}

Device::~Device() = default;

Result<std::unique_ptr<Device>> Device::Open(const std::string& tcti, Options options) {
  std::string resolved = tcti;
  if (tcti == "auto") {
    const bool managed = access(kResourceManager + sizeof("device:") - 1, F_OK) == 0;
    const bool bare = access(kBareDevice + sizeof("device:") - 1, F_OK) == 0;
    if (!managed && !bare) {
      return Fail(ErrorCode::kNotFound, "there is no /dev/tpmrm0 and no /dev/tpm0",
                  Retry::kReconnect);
    }
    resolved = managed ? kResourceManager : kBareDevice;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(auto esys, Esys::Open(resolved, options));
  const bool shareable = resolved.starts_with("device:/dev/tpmrm");
  return std::unique_ptr<Device>(new Device(std::move(resolved), shareable, std::move(esys)));
}

Result<std::vector<uint32_t>> Device::Handles(HandleKind kind) {
  const HandleRange range = RangeOf(kind);
  return esys_->Handles(range.first, range.last, kMaxHandles);
}

Result<std::vector<uint32_t>> Device::NvIndices(uint32_t first, uint32_t last) {
  return esys_->Handles(first, last, kMaxHandles);
}

Result<Key> Device::OpenPersistent(uint32_t handle) {
  ESYS_TR object = ESYS_TR_NONE;
  PLIMSOLL_RETURN_IF_ERROR(esys_->Call("TPM2_ReadPublic", [&] {
    return Esys_TR_FromTPMPublic(esys_->get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 &object);
  }));
  TPM2B_PUBLIC* out = nullptr;
  const Status read = esys_->Call("TPM2_ReadPublic", [&] {
    return Esys_ReadPublic(esys_->get(), object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &out,
                           nullptr, nullptr);
  });
  const EsysPtr<TPM2B_PUBLIC> owned(out);
  auto area = read.and_then([&]() -> Result<tcg::PublicArea> {
    PLIMSOLL_ASSIGN_OR_RETURN(
        const Bytes bytes, ToBytes("public area", owned->publicArea, &Tss2_MU_TPMT_PUBLIC_Marshal));
    return tcg::PublicArea::Parse(bytes);
  });
  if (!area) {
    Esys_TR_Close(esys_->get(), &object);
    return tl::unexpected(std::move(area).error());
  }
  return Key(esys_, object, true, *std::move(area));
}

Result<Key> Device::CreatePrimary(ByteSpan public_template) {
  TPM2B_PUBLIC in_public{};
  PLIMSOLL_ASSIGN_OR_RETURN(
      in_public.publicArea,
      FromBytes<TPMT_PUBLIC>("key template", public_template, &Tss2_MU_TPMT_PUBLIC_Unmarshal));
  const TPM2B_SENSITIVE_CREATE in_sensitive{};
  const TPM2B_DATA outside_info{};
  const TPML_PCR_SELECTION creation_pcr{};
  ESYS_TR object = ESYS_TR_NONE;
  TPM2B_PUBLIC* out = nullptr;
  TSS2_RC last = TSS2_RC_SUCCESS;
  const auto create = [&] {
    return esys_->Call("TPM2_CreatePrimary", [&] {
      last =
          Esys_CreatePrimary(esys_->get(), ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, &in_sensitive, &in_public, &outside_info, &creation_pcr,
                             &object, &out, nullptr, nullptr, nullptr);
      return last;
    });
  };
  Status created = create();
  if (!created && last == TPM2_RC_OBJECT_MEMORY && !shareable_) {
    FlushStaleObjects(*esys_);
    created = create();
  }
  if (!created) {
    Error error = std::move(created).error();
    if (IsAboutTemplate(last)) {
      error.code = ErrorCode::kUnsupported;
    }
    return tl::unexpected(std::move(error));
  }
  const EsysPtr<TPM2B_PUBLIC> owned(out);
  auto area = ToBytes("public area", owned->publicArea, &Tss2_MU_TPMT_PUBLIC_Marshal)
                  .and_then([](const Bytes& bytes) { return tcg::PublicArea::Parse(bytes); });
  if (!area) {
    esys_->Flush(object);
    return tl::unexpected(std::move(area).error());
  }
  return Key(esys_, object, false, *std::move(area));
}

}  // namespace plimsoll::tpm
