#include "mutation/log_mutator.h"

#include <algorithm>
#include <array>

namespace plimsoll::fakes {
namespace {

// Types that decide what the data of an event is taken for.
constexpr std::array kTypes = {EventType::kNoAction,
                               EventType::kSeparator,
                               EventType::kAction,
                               EventType::kEventTag,
                               EventType::kIpl,
                               EventType::kUnused,
                               EventType::kEfiVariableDriverConfig,
                               EventType::kEfiVariableAuthority,
                               EventType::kEfiVariableBoot,
                               EventType::kEfiBootServicesApplication,
                               EventType::kEfiBootServicesDriver,
                               EventType::kEfiGptEvent,
                               EventType::kEfiAction,
                               static_cast<EventType>(0x7FFFFFFF)};

constexpr std::array<std::string_view, 6> kLabels = {
    "grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ", "grub_cmd ", "kernel_cmdline ", "GRUB: "};

}  // namespace

Bytes LogMutator::Mutate(const Bytes& log, const EventLogBuilder& parts) {
  if (mutator_.Below(2) == 0) {
    return mutator_.Mutate(log);
  }
  EventLogBuilder mutant = parts;
  for (size_t changes = 1 + mutator_.Below(3); changes > 0 && !mutant.events.empty(); --changes) {
    Change(mutant.events);
  }
  return mutant.Build();
}

void LogMutator::Change(std::vector<EventLogBuilder::Event>& events) {
  const size_t at = mutator_.Below(events.size());
  const auto here = events.begin() + static_cast<std::ptrdiff_t>(at);
  EventLogBuilder::Event copy = *here;
  switch (mutator_.Below(10)) {
    case 0:
      events.erase(here);
      break;
    case 1:
      events.insert(events.begin() + static_cast<std::ptrdiff_t>(mutator_.Below(events.size() + 1)),
                    std::move(copy));
      break;
    case 2:
      std::swap(*here, events[mutator_.Below(events.size())]);
      break;
    case 3:
    case 4:
      here->type = kTypes[mutator_.Below(kTypes.size())];
      break;
    case 5:
      here->pcr = static_cast<uint32_t>(mutator_.Below(16));
      break;
    case 6:
      ChangeData(*here);
      break;
    case 7:  // with digests to match
      ChangeData(*here);
      for (auto& [algorithm, digest] : here->digests) {
        digest = crypto::Digest(static_cast<tcg::AlgorithmId>(algorithm), {here->data});
      }
      break;
    case 8:  // without a trace in any PCR
      copy.type = EventType::kNoAction;
      for (auto& [algorithm, digest] : copy.digests) {
        digest.assign(digest.size(), 0);
      }
      events.insert(here, std::move(copy));
      break;
    default:  // the events of all PCRs but this one's in another order: no replay can tell
      std::stable_partition(events.begin(), events.end(),
                            [pcr = copy.pcr](const auto& event) { return event.pcr == pcr; });
  }
}

void LogMutator::ChangeData(EventLogBuilder::Event& event) {
  const std::string_view text = AsText(event.data);
  for (const std::string_view label : kLabels) {
    if (text.starts_with(label)) {
      const std::string_view other = kLabels[mutator_.Below(kLabels.size())];
      Bytes data = ToBytes(AsBytes(other));
      Append(data, AsBytes(text.substr(label.size())));
      event.data = std::move(data);
      return;
    }
  }
  event.data = mutator_.Mutate(event.data);
}

}  // namespace plimsoll::fakes
