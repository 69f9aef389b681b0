#pragma once

#include <tss2/tss2_esys.h>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "node-agent/tpm/device.h"
#include "node-agent/tpm/tcti.h"

// Part of node-agent/tpm only: includes tss2.

namespace plimsoll::tpm {

// What ESAPI allocates for us.
struct EsysFree {
  void operator()(void* memory) const { Esys_Free(memory); }
};
template <class T>
using EsysPtr = std::unique_ptr<T, EsysFree>;

// An ESAPI context and the TCTI below it. For one thread at a time.
class Esys {
 public:
  static Result<std::shared_ptr<Esys>> Open(const std::string& tcti,
                                            const Device::Options& options);
  Esys(const Esys&) = delete;
  Esys& operator=(const Esys&) = delete;
  ~Esys();

  ESYS_CONTEXT* get() { return context_; }

  // Runs `command`, which returns a TSS2_RC, again for as long as the TPM says that it is busy, a
  // few times. Failures are counted by class and come back as ToError says.
  template <std::invocable Command>
  Status Call(std::string_view name, Command&& command) {
    for (int attempt = 0;; ++attempt) {
      const TSS2_RC rc = command();
      if (rc == TSS2_RC_SUCCESS) {
        return {};
      }
      if (!Again(rc, attempt)) {
        return tl::unexpected(ToError(name, rc));
      }
    }
  }

  // TPM2_GetCapability, one page.
  Result<EsysPtr<TPMS_CAPABILITY_DATA>> Capability(TPM2_CAP capability, uint32_t property,
                                                   uint32_t count, bool* more);

  // All handles of one TPM_HT range, at most `max` of them.
  Result<std::vector<uint32_t>> Handles(uint32_t first, uint32_t last, size_t max);

  // TPM2_FlushContext of an object or session; a failure is counted, nothing more can be done.
  void Flush(ESYS_TR handle);

 private:
  Esys(std::unique_ptr<GuardedTcti> tcti, Device::Options options)
      : tcti_(std::move(tcti)), options_(std::move(options)) {}

  // Counts the failure; whether to try again, after a pause.
  bool Again(TSS2_RC rc, int attempt);

  std::unique_ptr<GuardedTcti> tcti_;
  Device::Options options_;
  ESYS_CONTEXT* context_ = nullptr;
};

// A session that is flushed at the end of its scope.
class Session {
 public:
  Session(Esys& esys, ESYS_TR handle) : esys_(esys), handle_(handle) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (handle_ != ESYS_TR_NONE) {
      esys_.Flush(handle_);
    }
  }

  ESYS_TR handle() const { return handle_; }

 private:
  Esys& esys_;
  ESYS_TR handle_;
};

// The contents of a TPM2B that a TPM sent, whose size field is not believed beyond its buffer.
template <class Array>
Result<Bytes> Checked(std::string_view what, uint16_t size, const Array& buffer) {
  if (size > sizeof(buffer)) {
    return Fail(ErrorCode::kMalformed, std::string(what) + ": the TPM sent an impossible size",
                Retry::kReconnect);
  }
  return Bytes(std::begin(buffer), std::begin(buffer) + size);
}

// A structure from its canonical bytes, all of them, by the matching Tss2_MU_…_Unmarshal.
template <class T, class Unmarshal>
Result<T> FromBytes(std::string_view what, ByteSpan bytes, Unmarshal&& unmarshal) {
  T value{};
  size_t offset = 0;
  if (unmarshal(bytes.data(), bytes.size(), &offset, &value) != TSS2_RC_SUCCESS ||
      offset != bytes.size()) {
    return Fail(ErrorCode::kMalformed, std::string(what) + " is malformed");
  }
  return value;
}

// The canonical bytes of a structure, by the matching Tss2_MU_…_Marshal.
template <class T, class Marshal>
Result<Bytes> ToBytes(std::string_view what, const T& value, Marshal&& marshal) {
  Bytes bytes(sizeof(T));
  size_t offset = 0;
  if (marshal(&value, bytes.data(), bytes.size(), &offset) != TSS2_RC_SUCCESS) {
    return Fail(ErrorCode::kMalformed, std::string(what) + " of the TPM is malformed",
                Retry::kReconnect);
  }
  bytes.resize(offset);
  return bytes;
}

}  // namespace plimsoll::tpm
