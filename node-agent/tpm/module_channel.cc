#include <fmt/format.h>
#include <sys/stat.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

#include <array>
#include <cerrno>

#include "node-agent/tpm/channel.h"
#include "node-agent/tpm/return_code.h"

namespace plimsoll::tpm {
namespace {

// The functions of a TCTI module. Not by tss2's macros: they are C casts.
const TSS2_TCTI_CONTEXT_COMMON_V1& FunctionsOf(TSS2_TCTI_CONTEXT* context) {
  return *reinterpret_cast<const TSS2_TCTI_CONTEXT_COMMON_V1*>(context);
}

class ModuleChannel final : public Channel {
 public:
  explicit ModuleChannel(TSS2_TCTI_CONTEXT* module) : module_(module) {}
  ModuleChannel(const ModuleChannel&) = delete;
  ModuleChannel& operator=(const ModuleChannel&) = delete;
  ~ModuleChannel() override { Tss2_TctiLdr_Finalize(&module_); }

  TSS2_RC Send(ByteSpan command, const Patience& /*patience*/) override {
    return FunctionsOf(module_).transmit(module_, command.size(), command.data());
  }

  TSS2_RC Receive(std::span<uint8_t> buffer, size_t* size, const Patience& patience) override {
    if (!WaitForAnswer(patience)) {
      return TSS2_TCTI_RC_IO_ERROR;
    }
    *size = buffer.size();
    const TSS2_RC rc =
        FunctionsOf(module_).receive(module_, size, buffer.data(), TSS2_TCTI_TIMEOUT_BLOCK);
    // TRY_AGAIN would make ESAPI ask for ever.
    return rc == TSS2_TCTI_RC_TRY_AGAIN ? TSS2_TCTI_RC_IO_ERROR : rc;
  }

 private:
  bool WaitForAnswer(const Patience& patience) {
    std::array<TSS2_TCTI_POLL_HANDLE, 4> handles{};
    size_t count = handles.size();
    const auto get_poll_handles = FunctionsOf(module_).getPollHandles;
    if (get_poll_handles == nullptr ||
        get_poll_handles(module_, handles.data(), &count) != TSS2_RC_SUCCESS || count == 0 ||
        count > handles.size()) {
      return true;  // the module cannot tell; its receive blocks for as long as the driver allows
    }
    const std::span<pollfd> polled = std::span(handles).first(count);
    for (pollfd& handle : polled) {
      handle.events = POLLIN;
    }
    return WaitFor(polled, patience);
  }

  TSS2_TCTI_CONTEXT* module_;
};

}  // namespace

Result<std::unique_ptr<Channel>> OpenModule(const std::string& conf) {
  constexpr std::string_view kDevice = "device:";
  if (conf.starts_with(kDevice)) {
    struct stat status {};
    const std::string path = conf.substr(kDevice.size());
    if (stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
      return Fail(ErrorCode::kNotFound, fmt::format("there is no {}", path), Retry::kReconnect);
    }
  }
  TSS2_TCTI_CONTEXT* module = nullptr;
  if (const TSS2_RC rc = Tss2_TctiLdr_Initialize(conf.c_str(), &module); rc != TSS2_RC_SUCCESS) {
    // Whatever the layer says, the TPM could not be reached, and that may pass.
    Error error = ToError(fmt::format("open {}", conf), rc);
    error.code = ErrorCode::kUnavailable;
    error.retry = Retry::kReconnect;
    return tl::unexpected(std::move(error));
  }
  return std::make_unique<ModuleChannel>(module);
}

}  // namespace plimsoll::tpm
