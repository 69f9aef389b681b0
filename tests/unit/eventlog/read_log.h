#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "eventlog/event_log.h"
#include "eventlog/facts.h"
#include "eventlog/replay.h"
#include "fakes/event_log_builder.h"
#include "fakes/test_data.h"

namespace plimsoll::eventlog {

inline constexpr auto kSha256 = tcg::AlgorithmId::kSha256;

inline EventLog ParseGood(ByteSpan bytes) {
  auto log = EventLog::Parse(bytes);
  EXPECT_TRUE(log.has_value()) << log.error().message;
  return *std::move(log);
}

inline EventLog ParseGood(const fakes::EventLogBuilder& builder) {
  return ParseGood(builder.Build());
}

inline BootFacts FactsOf(const fakes::EventLogBuilder& builder) {
  return ReadFacts(ParseGood(builder), kSha256);
}

// The first problem of the facts of a log.
inline std::optional<Problem> ProblemOf(const fakes::EventLogBuilder& builder, uint32_t pcr,
                                        Severity severity) {
  const BootFacts facts = FactsOf(builder);
  const Problem* problem = facts.FirstProblem(pcr, severity);
  return problem != nullptr ? std::optional(*problem) : std::nullopt;
}

inline EventLog RecordedLog(std::string_view name) {
  return ParseGood(fakes::ReadTestData(std::string("event-logs/").append(name)));
}

inline Refusal ParseBad(ByteSpan bytes) {
  auto log = EventLog::Parse(bytes);
  EXPECT_FALSE(log.has_value());
  return log ? Refusal{Refusal::Kind::kEmpty, "it was accepted", std::nullopt} : log.error();
}

inline Refusal ParseBad(const fakes::EventLogBuilder& builder) { return ParseBad(builder.Build()); }

}  // namespace plimsoll::eventlog
