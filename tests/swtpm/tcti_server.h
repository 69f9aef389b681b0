#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "base/result.h"

namespace plimsoll::testing {

// The command code of a TPM command (TPM 2.0 Part 1, 18.2); 0 when it is too short to have one.
uint32_t CommandCode(ByteSpan command);

// A TPM response that is a response code alone.
Bytes ResponseCode(uint32_t code);

// A server with the protocol of swtpm, so that the agent's TPM can be slow, wrong or hostile.
// Answers one connection after another on a thread of its own, until destroyed.
class TctiServer {
 public:
  // The bytes to send for a command, whole TPM responses or not; nullopt to stay silent. Called on
  // the server's thread.
  using Handler = std::function<std::optional<Bytes>(ByteSpan command)>;

  static Result<std::unique_ptr<TctiServer>> Start(Handler handler);
  ~TctiServer();

  std::string tcti() const;

  // A handler that passes commands on to a real machine, by its TCTI, and gives its answers.
  static Handler Forward(const std::string& tcti);

 private:
  TctiServer(int data, int control, uint16_t port, Handler handler);
  void Serve(std::stop_token stop);

  const int data_;
  const int control_;
  const uint16_t port_;
  const Handler handler_;
  std::jthread thread_;
};

}  // namespace plimsoll::testing
