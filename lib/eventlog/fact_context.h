#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/coverage.h"
#include "eventlog/facts.h"

// Private to lib/eventlog: what the readers of facts share.
namespace plimsoll::eventlog {

// Bytes that facts may still take when they are written as JSON.
class JsonBudget {
 public:
  explicit JsonBudget(size_t bytes) : left_(bytes) {}

  bool Take(size_t bytes) {
    if (bytes > left_) {
      return false;
    }
    left_ -= bytes;
    return true;
  }

  void TakeAtMost(size_t bytes) { left_ -= bytes < left_ ? bytes : left_; }

 private:
  size_t left_;
};

// Names and punctuation of one item, then what is in it: text, in which quotes and backslashes take
// two bytes, and bytes as hex.
inline size_t JsonCost(std::string_view text, size_t bytes, size_t names = 150) {
  const auto quoted =
      std::count_if(text.begin(), text.end(), [](char c) { return c == '"' || c == '\\'; });
  return names + text.size() + static_cast<size_t>(quoted) + 2 * bytes;
}

template <class T>
void AddBounded(Bounded<T>& list, T item, size_t max_items, size_t cost, JsonBudget& budget) {
  if (list.truncated || list.items.size() == max_items || !budget.Take(cost)) {
    list.truncated = true;
    return;
  }
  list.items.push_back(std::move(item));
}

struct FactContext {
  FactContext(const EventLog& read_log, BootFacts& filled);

  const EventLog& log;
  BootFacts& facts;
  std::vector<Coverage> coverage;  // of each event
  JsonBudget databases;
  JsonBudget commands;  // of GRUB
  JsonBudget rest;

  const Coverage& CoverageOf(const Event& event) const { return coverage[event.index]; }

  Bytes DigestOf(const Event& event) const { return ToBytes(log.DigestOf(event, facts.bank)); }

  // Keeps the first problem of a check and PCR; notices only while there is room.
  void Report(Problem problem);
  void Report(std::string_view check, Severity severity, const Event& event, std::string message);
};

// A covered text of an action: the only events of PCR 2 and 4 beside the separator that are no
// code. Text that is not plain may be an image in disguise.
bool IsProvenAction(const FactContext& context, const Event& event);

void ReadPlacement(FactContext& context);       // L2, L4, L11
void ReadSecureBoot(FactContext& context);      // B1-B6: PCR 7
void ReadCommandLines(FactContext& context);    // B7: PCR 8, 9, 12
void ReadComponents(FactContext& context);      // PCR 0, 2, 4, 9, 11
void ReadStubEvents(FactContext& context);      // PCR 12, 13
void ReadMokVariables(FactContext& context);    // PCR 14
void ReadPartitionTable(FactContext& context);  // PCR 5

}  // namespace plimsoll::eventlog
