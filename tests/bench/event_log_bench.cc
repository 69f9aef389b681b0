#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "crypto/digest.h"
#include "eventlog/coverage.h"
#include "eventlog/facts.h"
#include "eventlog/replay.h"
#include "fakes/event_log_builder.h"
#include "fakes/test_data.h"

// Reading boot event logs, beside the hashing that nothing can do without: all event data once, and
// one extend an event.
namespace plimsoll {
namespace {

constexpr auto kBank = tcg::AlgorithmId::kSha256;

Bytes RealLog34() { return fakes::ReadTestData("event-logs/go-tpm-tools--rhel8-uefi.bin"); }

Bytes RealLog49() { return fakes::ReadTestData("event-logs/keylime--binary_bios_measurements"); }

// The events of two real logs and of a part of a third, about 100 kB.
Bytes Log100() {
  auto builder = fakes::EventLogBuilder::From(RealLog49());
  const auto more =
      fakes::EventLogBuilder::From(fakes::ReadTestData("event-logs/rust-keylime--uefi_log.bin"));
  builder.events.insert(builder.events.end(), more.events.begin(), more.events.end());
  for (auto& event : builder.events) {
    event.digests.emplace(0x0004, Bytes(20));
  }
  return builder.Build();
}

eventlog::EventLog Parsed(ByteSpan bytes) {
  auto log = eventlog::EventLog::Parse(bytes);
  if (!log) {
    std::abort();
  }
  return *std::move(log);
}

void Count(benchmark::State& state, const eventlog::EventLog& log) {
  state.SetBytesProcessed(static_cast<int64_t>(log.bytes().size()) * state.iterations());
  state.counters["events"] = static_cast<double>(log.events().size());
}

void Parse(benchmark::State& state, const Bytes& bytes) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Parsed(bytes));
  }
  Count(state, Parsed(bytes));
}

void ParseAndReplay(benchmark::State& state, const Bytes& bytes) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(eventlog::ReplayBank(Parsed(bytes), kBank));
  }
  Count(state, Parsed(bytes));
}

void ParseReplayAndCoverage(benchmark::State& state, const Bytes& bytes) {
  for (auto _ : state) {
    const eventlog::EventLog log = Parsed(bytes);
    benchmark::DoNotOptimize(eventlog::ReplayBank(log, kBank));
    eventlog::CoverageReader coverage(log, kBank);
    for (const eventlog::Event& event : log.events()) {
      benchmark::DoNotOptimize(coverage.Of(event));
    }
  }
  Count(state, Parsed(bytes));
}

void ParseReplayAndFacts(benchmark::State& state, const Bytes& bytes) {
  for (auto _ : state) {
    const eventlog::EventLog log = Parsed(bytes);
    benchmark::DoNotOptimize(eventlog::ReplayBank(log, kBank));
    benchmark::DoNotOptimize(eventlog::ReadFacts(log, kBank));
  }
  Count(state, Parsed(bytes));
}

// The bytes of all event data, and one extend for each event, by the same hash.
void BareHashing(benchmark::State& state, const Bytes& bytes) {
  const eventlog::EventLog log = Parsed(bytes);
  crypto::Hasher hasher(kBank);
  Bytes digest(32);
  for (auto _ : state) {
    for (const eventlog::Event& event : log.events()) {
      hasher.Update(event.data).FinishInto(digest);
      hasher.Update(digest).Update(digest).FinishInto(digest);
    }
    benchmark::DoNotOptimize(digest.data());
  }
  Count(state, log);
}

void HashAsOne(benchmark::State& state, const Bytes& bytes) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::Digest(kBank, {bytes}));
  }
  Count(state, Parsed(bytes));
}

using Load = Bytes (*)();
using Run = void (*)(benchmark::State&, const Bytes&);

void RegisterAll(const std::string& name, Load load) {
  const auto add = [&](std::string_view what, Run run) {
    benchmark::RegisterBenchmark(("EventLog/" + name + "/").append(what).c_str(),
                                 [load, run](benchmark::State& state) { run(state, load()); });
  };
  add("Parse", Parse);
  add("ParseReplay", ParseAndReplay);
  add("ParseReplayCoverage", ParseReplayAndCoverage);
  add("ParseReplayFacts", ParseReplayAndFacts);
  add("BareHashing", BareHashing);
  add("Sha256OfTheFile", HashAsOne);
}

[[maybe_unused]] const bool kRegistered = [] {
  RegisterAll("34kB", RealLog34);
  RegisterAll("49kB", RealLog49);
  RegisterAll("100kB", Log100);
  return true;
}();

}  // namespace
}  // namespace plimsoll
