#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/attestation_exception.h"
#include "base/clock.h"
#include "controller/objects.h"

namespace plimsoll::controller::enforce {

// Which AttestationExceptions are in force, by this leader's monotonic clock: the end of each is
// looked at once, when it is first seen, and no wall clock that is set back prolongs it. One that
// would last for more than 30 days after its creation is never in force. Thread-safe.
class Exceptions {
 public:
  using Exception = api::AttestationException;

  enum class State : uint8_t { kInForce, kExpired, kTooLong };

  // The lookup must outlive this.
  Exceptions(const Lookup<Exception>& exceptions, const Clock& clock)
      : exceptions_(exceptions), clock_(clock) {}

  // Those in force that cover the node, by name.
  std::vector<std::shared_ptr<const Exception>> Covering(const Node& node);

  // When the first of those ends; nullopt where none is in force.
  std::optional<MonotonicTime> FirstEnd(const Node& node);

  State StateOf(const Exception& exception);

  // All, in force or not, by name.
  std::vector<std::shared_ptr<const Exception>> List() const { return exceptions_.List(); }

  int64_t CountInForce();

  // Drops what is remembered of exceptions that are gone.
  void Prune();

 private:
  struct Seen {
    WallTime end{};
    MonotonicTime deadline{};
  };

  MonotonicTime DeadlineOf(const Exception& exception);

  const Lookup<Exception>& exceptions_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by uid
};

}  // namespace plimsoll::controller::enforce
