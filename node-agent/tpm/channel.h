#pragma once

#include <poll.h>
#include <tss2/tss2_common.h>

#include <chrono>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

// Part of node-agent/tpm only: includes tss2.

namespace plimsoll::tpm {

// Until when an answer is waited for: the deadline, or a moment after `stop` was requested.
struct Patience {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
};

// How command and response bytes get to a TPM and back. For one thread at a time; a channel that
// failed is not used again. Returns are TSS2_RC of the TCTI layer.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual TSS2_RC Send(ByteSpan command, const Patience& patience) = 0;

  // One response into `buffer`, which has room for any. `size` is how long it is; no more was
  // written, whatever the response says about itself.
  virtual TSS2_RC Receive(std::span<uint8_t> buffer, size_t* size, const Patience& patience) = 0;
};

// By the TCTI module of tpm2-tss that `conf` names, through its loader: device nodes and all that
// is not a swtpm. kNotFound for a device node that does not exist. The patience holds where the
// module says what to wait for; a kernel driver has deadlines of its own.
Result<std::unique_ptr<Channel>> OpenModule(const std::string& conf);

// To a swtpm at "swtpm:host=ADDRESS,port=PORT" (an IPv4 address) or "swtpm:path=SOCKET", one
// connection for each command as in tpm2-tss. Its own module, since that of tpm2-tss 3.2 waits for
// ever for a swtpm that does not answer.
Result<std::unique_ptr<Channel>> OpenSocket(const std::string& conf);

// Whether something can be read or written, as `polled` asks, before the patience ends.
bool WaitFor(std::span<pollfd> polled, const Patience& patience);

}  // namespace plimsoll::tpm
