#pragma once

#include <tss2/tss2_tcti.h>

#include <array>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "node-agent/tpm/channel.h"

// Part of node-agent/tpm only: includes tss2.

namespace plimsoll::tpm {

// What ESAPI sends its commands through: a TCTI with a guard in front of whatever channel the TCTI
// string names.
//   - an answer that does not come within `timeout`, or soon once `stop` is requested, is an I/O
//     error
//   - so is an answer whose header does not tell its true length, or that is longer than any TPM
//     answer (E61)
//   - after a failure nothing goes through any more: what arrives later would be taken for the
//     answer to another command
// For one thread at a time.
class GuardedTcti {
 public:
  // `conf` as for Tss2_TctiLdr_Initialize: "device:/dev/tpmrm0", "swtpm:host=127.0.0.1,port=2321".
  // kNotFound when it names a device node that does not exist, kUnavailable when it cannot be
  // opened, kMalformed when it cannot be a swtpm.
  static Result<std::unique_ptr<GuardedTcti>> Open(const std::string& conf,
                                                   std::chrono::milliseconds timeout,
                                                   std::stop_token stop);
  GuardedTcti(const GuardedTcti&) = delete;
  GuardedTcti& operator=(const GuardedTcti&) = delete;

  // For Esys_Initialize; lives as long as this.
  TSS2_TCTI_CONTEXT* context() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&table_); }

 private:
  struct Table {
    TSS2_TCTI_CONTEXT_COMMON_V2 common;
    GuardedTcti* owner;
  };

  GuardedTcti(std::unique_ptr<Channel> channel, std::chrono::milliseconds timeout,
              std::stop_token stop);

  static TSS2_RC OnTransmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command);
  static TSS2_RC OnReceive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response,
                           int32_t timeout);
  TSS2_RC Transmit(ByteSpan command);
  TSS2_RC Receive(size_t* size, uint8_t* response);
  TSS2_RC FetchResponse();

  const std::unique_ptr<Channel> channel_;
  const std::chrono::milliseconds timeout_;
  const std::stop_token stop_;
  Table table_;
  std::chrono::steady_clock::time_point deadline_;  // of the command that was sent last
  std::array<uint8_t, 4096> buffer_{};              // TPM2_MAX_RESPONSE_SIZE
  size_t response_size_ = 0;  // of the response in buffer_ that was not handed over; 0: none
  bool broken_ = false;
};

}  // namespace plimsoll::tpm
