#pragma once

#include "fakes/event_log_builder.h"
#include "mutation/mutator.h"

namespace plimsoll::fakes {

// Spoils boot logs event by event, as someone would who knows their form: drops, doubles, moves and
// retypes events, changes their data with or without new digests, adds events of its own.
class LogMutator {
 public:
  explicit LogMutator(uint64_t seed) : mutator_(seed) {}

  // Now and then the log itself; half of the time its bytes are changed blindly.
  Bytes Mutate(const Bytes& log, const EventLogBuilder& parts);

 private:
  void Change(std::vector<EventLogBuilder::Event>& events);
  void ChangeData(EventLogBuilder::Event& event);

  Mutator mutator_;
};

}  // namespace plimsoll::fakes
