#include <algorithm>

#include "eventlog/fact_context.h"
#include "eventlog/little_endian.h"
#include "eventlog/text.h"

// What shim and systemd-stub add, and the partition table: PCR 14, 12 and 13, 5.
namespace plimsoll::eventlog {
namespace {

constexpr size_t kMaxListed = 32;
constexpr size_t kMaxPartitions = 128;
constexpr size_t kGuidBytes = 16;

std::string TextUpToNul(ByteSpan data) {
  const auto nul = std::find(data.begin(), data.end(), uint8_t{0});
  return EscapeText(ByteSpan(data.begin(), nul), kMaxFactTextBytes);
}

// UEFI_GPT_DATA (PFP 1.06, 10.2.5) and the GPT header and entries in it (UEFI 2.10, 5.3).
std::optional<PartitionTable> ReadTable(const Event& event, JsonBudget& budget) {
  constexpr size_t kHeaderBytes = 92;
  constexpr size_t kDiskGuidOffset = 56;
  constexpr size_t kEntryBytes = 128;
  constexpr size_t kNameOffset = 56;
  LittleEndianReader reader(event.data);
  const auto header = reader.Take(kHeaderBytes);
  const auto count = reader.U64();
  if (!header || !count || !AsText(*header).starts_with("EFI PART")) {
    return std::nullopt;
  }
  PartitionTable table{
      .event = event.index, .disk = ReadGuid(header->subspan(kDiskGuidOffset)), .partitions = {}};
  budget.TakeAtMost(JsonCost("", 2 * kGuidBytes));
  while (reader.remaining() != 0 && !table.partitions.truncated) {
    const auto entry = reader.Take(kEntryBytes);
    if (!entry) {
      break;
    }
    Partition partition{.type = ReadGuid(*entry),
                        .id = ReadGuid(entry->subspan(kGuidBytes)),
                        .name = EscapeUtf16(entry->subspan(kNameOffset), kMaxFactTextBytes)};
    const size_t cost = JsonCost(partition.name, 3 * kGuidBytes);
    AddBounded(table.partitions, std::move(partition), kMaxPartitions, cost, budget);
  }
  return table;
}

}  // namespace

void ReadMokVariables(FactContext& context) {
  for (const Event& event : context.log.events()) {
    if (event.pcr == 14 && event.type == EventType::kIpl) {
      MokVariable variable{
          .event = event.index, .name = TextUpToNul(event.data), .digest = context.DigestOf(event)};
      const size_t cost = JsonCost(variable.name, variable.digest.size());
      AddBounded(context.facts.mok_variables, std::move(variable), kMaxListed, cost, context.rest);
    }
  }
}

void ReadStubEvents(FactContext& context) {
  for (const Event& event : context.log.events()) {
    const bool is_stub = event.pcr == 12 || event.pcr == 13;
    if (!is_stub || event.type == EventType::kNoAction || event.type == EventType::kSeparator) {
      continue;
    }
    const std::string utf16 = TextOfUtf16(event.data);
    BootText text{.event = event.index,
                  .pcr = event.pcr,
                  .covered = context.CoverageOf(event).whole(),
                  .name = {},
                  .text = utf16.empty() ? TextUpToNul(event.data)
                                        : EscapeText(AsBytes(utf16), kMaxFactTextBytes)};
    const size_t cost = JsonCost(text.text, 0);
    AddBounded(context.facts.stub_events, std::move(text), kMaxListed, cost, context.rest);
  }
}

void ReadPartitionTable(FactContext& context) {
  for (const Event& event : context.log.events()) {
    const bool is_table =
        event.type == EventType::kEfiGptEvent || event.type == EventType::kEfiGptEvent2;
    if (event.pcr == 5 && is_table && context.CoverageOf(event).whole() &&
        !context.facts.partition_table) {
      context.facts.partition_table = ReadTable(event, context.rest);
    }
  }
}

}  // namespace plimsoll::eventlog
