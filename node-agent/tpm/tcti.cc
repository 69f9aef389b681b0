#include "node-agent/tpm/tcti.h"

#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <utility>

namespace plimsoll::tpm {
namespace {

constexpr uint64_t kMagic = 0x506c696d736f6c6c;  // nobody but us looks at it
constexpr size_t kHeaderBytes = 10;              // tag, responseSize, responseCode

}  // namespace

Result<std::unique_ptr<GuardedTcti>> GuardedTcti::Open(const std::string& conf,
                                                       std::chrono::milliseconds timeout,
                                                       std::stop_token stop) {
  PLIMSOLL_ASSIGN_OR_RETURN(auto channel,
                            conf.starts_with("swtpm:") ? OpenSocket(conf) : OpenModule(conf));
  return std::unique_ptr<GuardedTcti>(
      new GuardedTcti(std::move(channel), timeout, std::move(stop)));
}

GuardedTcti::GuardedTcti(std::unique_ptr<Channel> channel, std::chrono::milliseconds timeout,
                         std::stop_token stop)
    : channel_(std::move(channel)), timeout_(timeout), stop_(std::move(stop)), table_{} {
  static_assert(sizeof(buffer_) == TPM2_MAX_RESPONSE_SIZE);
  table_.common.v1.magic = kMagic;
  table_.common.v1.version = 2;
  table_.common.v1.transmit = &OnTransmit;
  table_.common.v1.receive = &OnReceive;
  table_.owner = this;
}

TSS2_RC GuardedTcti::OnTransmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
  return reinterpret_cast<Table*>(context)->owner->Transmit({command, size});
}

TSS2_RC GuardedTcti::OnReceive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response,
                               int32_t /*timeout*/) {
  return reinterpret_cast<Table*>(context)->owner->Receive(size, response);
}

TSS2_RC GuardedTcti::Transmit(ByteSpan command) {
  if (broken_) {
    return TSS2_TCTI_RC_IO_ERROR;
  }
  response_size_ = 0;
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  const TSS2_RC rc = channel_->Send(command, {deadline_, stop_});
  broken_ = rc != TSS2_RC_SUCCESS;
  return rc;
}

TSS2_RC GuardedTcti::FetchResponse() {
  size_t size = 0;
  if (const TSS2_RC rc = channel_->Receive(buffer_, &size, {deadline_, stop_});
      rc != TSS2_RC_SUCCESS) {
    return rc;
  }
  const size_t told = (size_t{buffer_[2]} << 24) | (size_t{buffer_[3]} << 16) |
                      (size_t{buffer_[4]} << 8) | size_t{buffer_[5]};
  if (size < kHeaderBytes || size > buffer_.size() || told != size) {
    return TSS2_TCTI_RC_MALFORMED_RESPONSE;
  }
  response_size_ = size;
  return TSS2_RC_SUCCESS;
}

TSS2_RC GuardedTcti::Receive(size_t* size, uint8_t* response) {
  if (broken_ || size == nullptr) {
    return TSS2_TCTI_RC_IO_ERROR;
  }
  if (response_size_ == 0) {
    if (const TSS2_RC rc = FetchResponse(); rc != TSS2_RC_SUCCESS) {
      broken_ = true;
      return rc;
    }
  }
  const size_t capacity = std::exchange(*size, response_size_);
  if (response == nullptr) {
    return TSS2_RC_SUCCESS;  // the question was how long the answer is
  }
  if (response_size_ > capacity) {
    return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  }
  std::copy_n(buffer_.begin(), response_size_, response);
  response_size_ = 0;
  return TSS2_RC_SUCCESS;
}

}  // namespace plimsoll::tpm
