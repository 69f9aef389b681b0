#include "node-agent/tpm/esys.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "node-agent/tpm/return_code.h"

namespace plimsoll::tpm {
namespace {

// ESAPI itself repeats a command five times at once; this comes on top, with pauses.
constexpr int kAttempts = 6;
constexpr std::chrono::milliseconds kFirstPause{20};

}  // namespace

Result<std::shared_ptr<Esys>> Esys::Open(const std::string& tcti, const Device::Options& options) {
  auto guarded = GuardedTcti::Open(tcti, options.command_timeout, options.stop);
  if (!guarded) {
    if (options.on_error && guarded.error().code != ErrorCode::kNotFound) {
      options.on_error(ErrorClass::kIo);
    }
    return tl::unexpected(std::move(guarded).error());
  }
  std::shared_ptr<Esys> esys(new Esys(*std::move(guarded), options));
  PLIMSOLL_RETURN_IF_ERROR(esys->Call("Esys_Initialize", [&] {
    return Esys_Initialize(&esys->context_, esys->tcti_->context(), nullptr);
  }));
  return esys;
}

Esys::~Esys() {
  if (context_ != nullptr) {
    Esys_Finalize(&context_);
  }
}

bool Esys::Again(TSS2_RC rc, int attempt) {
  const Meaning meaning = MeaningOf(rc);
  if (options_.on_error) {
    options_.on_error(meaning.error_class);
  }
  if (meaning.retry != Retry::kNow || attempt + 1 >= kAttempts || options_.stop.stop_requested()) {
    return false;
  }
  std::this_thread::sleep_for(kFirstPause * (1 << attempt));
  return true;
}

Result<EsysPtr<TPMS_CAPABILITY_DATA>> Esys::Capability(TPM2_CAP capability, uint32_t property,
                                                       uint32_t count, bool* more) {
  TPMI_YES_NO more_data = TPM2_NO;
  TPMS_CAPABILITY_DATA* data = nullptr;
  PLIMSOLL_RETURN_IF_ERROR(Call("TPM2_GetCapability", [&] {
    return Esys_GetCapability(context_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, capability,
                              property, count, &more_data, &data);
  }));
  EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
  if (owned->capability != capability) {
    return Fail(ErrorCode::kMalformed, "TPM2_GetCapability: the TPM answered another question",
                Retry::kReconnect);
  }
  if (more != nullptr) {
    *more = more_data == TPM2_YES;
  }
  return owned;
}

Result<std::vector<uint32_t>> Esys::Handles(uint32_t first, uint32_t last, size_t max) {
  std::vector<uint32_t> handles;
  bool more = true;
  for (uint32_t next = first; more && next <= last && handles.size() < max;) {
    PLIMSOLL_ASSIGN_OR_RETURN(const auto page,
                              Capability(TPM2_CAP_HANDLES, next, TPM2_MAX_CAP_HANDLES, &more));
    const TPML_HANDLE& list = page->data.handles;
    const uint32_t count = std::min<uint32_t>(list.count, TPM2_MAX_CAP_HANDLES);
    if (count == 0) {
      break;
    }
    for (uint32_t i = 0; i < count && handles.size() < max; ++i) {
      // Ascending, or the TPM could keep us here for ever. By number: the type octet of a session
      // is its own, not that of the range.
      const uint32_t number = list.handle[i] & TPM2_HR_HANDLE_MASK;
      if (number < (next & TPM2_HR_HANDLE_MASK) || number > (last & TPM2_HR_HANDLE_MASK)) {
        return handles;
      }
      handles.push_back(list.handle[i]);
      next = (first & TPM2_HR_RANGE_MASK) + number + 1;
    }
  }
  return handles;
}

void Esys::Flush(ESYS_TR handle) {
  const Status flushed =
      Call("TPM2_FlushContext", [&] { return Esys_FlushContext(context_, handle); });
  static_cast<void>(flushed);
}

}  // namespace plimsoll::tpm
