#include <benchmark/benchmark.h>

#include <cstdlib>

#include "fakes/attested_node.h"

// Reading evidence: a document without logs, and one at the limits of the protocol.
namespace plimsoll {
namespace {

using fakes::AttestedNode;

void DecodeDocument(benchmark::State& state, const std::string& body) {
  for (auto _ : state) {
    const auto document = evidence::EvidenceDocument::Parse(body);
    const auto evidence = document->Decode();
    if (!evidence) {
      std::abort();
    }
    benchmark::DoNotOptimize(evidence->attest.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}

void DecodeNoLog(benchmark::State& state) {
  DecodeDocument(state, evidence::EncodeEvidence("c-1", AttestedNode().Evidence()));
}

void DecodeLargest(benchmark::State& state) {
  evidence::Evidence evidence = AttestedNode().Evidence();
  evidence.boot_event_log = Bytes(evidence::kMaxBootEventLogBytes, 0x5A);
  evidence.ima = Bytes(evidence::kMaxImaBytes, 0xA5);
  DecodeDocument(state, evidence::EncodeEvidence("c-1", evidence));
}

void DecodeStatement(benchmark::State& state) {
  const Bytes statement = AttestedNode().StatementBytes();
  for (auto _ : state) {
    const auto decoded = evidence::DecodeStatement(statement);
    if (!decoded) {
      std::abort();
    }
  }
}

BENCHMARK(DecodeNoLog)->Name("Evidence/Decode/NoLog");
BENCHMARK(DecodeLargest)->Name("Evidence/Decode/Largest");
BENCHMARK(DecodeStatement)->Name("Evidence/Decode/Statement");

}  // namespace
}  // namespace plimsoll
