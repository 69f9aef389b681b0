#pragma once

#include <functional>

#include "base/clock.h"
#include "controller/enforce/exceptions.h"
#include "controller/objects.h"
#include "kube/client.h"
#include "telemetry/log.h"

namespace plimsoll::controller::enforce {

// Keeps the status of AttestationException objects: how many nodes each covers, and the condition
// Active. For the leader alone. Not thread-safe: one thread calls it, every few seconds.
class ExceptionStatus {
 public:
  // All must outlive this. `may_write` is asked before each write.
  ExceptionStatus(kube::Client& client, Exceptions& exceptions, const Lookup<Node>& nodes,
                  const Clock& clock, telemetry::Logger& logger, std::function<bool()> may_write);

  // Writes every status that differs from what the objects hold, by compare-and-swap. What fails is
  // logged and left to the next call.
  void WriteChanged();

 private:
  Condition Active(const Exceptions::Exception& exception);

  kube::Client& client_;
  Exceptions& exceptions_;
  const Lookup<Node>& nodes_;
  const Clock& clock_;
  telemetry::Logger& logger_;
  const std::function<bool()> may_write_;
};

}  // namespace plimsoll::controller::enforce
