#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "eventlog/coverage.h"
#include "eventlog/event_text.h"
#include "eventlog/facts.h"
#include "eventlog/replay.h"

// Boot event logs: parse, replay every bank, read facts and texts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plimsoll;
  const auto log = eventlog::EventLog::Parse({data, size});
  if (!log) {
    return 0;
  }
  for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256,
                                      tcg::AlgorithmId::kSha384, tcg::AlgorithmId::kSha512}) {
    const eventlog::Replay replay = eventlog::ReplayBank(*log, bank);
    if (replay.usable() != log->HasReplay(bank)) {
      std::abort();
    }
  }
  if (const auto bank = log->StrongestBank()) {
    const eventlog::BootFacts facts = eventlog::ReadFacts(*log, *bank);
    if (facts.event_count != log->events().size()) {
      std::abort();
    }
  }
  for (const eventlog::Event& event : log->events()) {
    if (eventlog::EventText(event).size() > eventlog::kMaxEventTextBytes) {
      std::abort();
    }
  }
  return 0;
}
