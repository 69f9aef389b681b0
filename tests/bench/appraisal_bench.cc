#include <benchmark/benchmark.h>

#include <cstdlib>

#include "fakes/attested_node.h"

// The whole way from the bytes of an evidence document to a verdict, with the node's key ready, as
// the controller keeps it.
namespace plimsoll {
namespace {

using appraisal::Verdict;
using fakes::AttestedNode;
using fakes::KeyTemplate;

void AppraisalNoLog(benchmark::State& state, const KeyTemplate& ak) {
  const AttestedNode node(ak);
  const std::string body = evidence::EncodeEvidence("c-0123456789abcdef", node.Evidence());
  const auto policies = node.Policies();
  for (auto _ : state) {
    const auto document = evidence::EvidenceDocument::Parse(body);
    const auto evidence = document->Decode();
    const auto appraisal = appraisal::Appraise(*evidence, node.Expectation(), policies, node.now);
    if (appraisal->verdict != Verdict::kTrusted) {
      std::abort();
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}

// Policies alone, as when stored facts are judged again.
void PolicyJudging(benchmark::State& state) {
  const AttestedNode node;
  const auto policies = node.Policies();
  const auto appraisal =
      appraisal::Appraise(node.Evidence(), node.Expectation(), policies, node.now);
  for (auto _ : state) {
    const auto judgement = appraisal::JudgePolicies(*appraisal->facts, node.identity, policies);
    if (judgement.verdict != Verdict::kTrusted) {
      std::abort();
    }
  }
}

// What is saved by keeping the key: building it from its public area.
void SigningKeyBuilding(benchmark::State& state, const KeyTemplate& ak) {
  const Bytes area = fakes::SoftwareKey(ak).MarshalPublic();
  for (auto _ : state) {
    const auto key = appraisal::SigningKey::FromPublicArea(area);
    if (key.rejection()) {
      std::abort();
    }
  }
}

BENCHMARK_CAPTURE(AppraisalNoLog, P256, KeyTemplate::AkP256())->Name("Appraisal/NoLog/P256");
BENCHMARK_CAPTURE(AppraisalNoLog, P384, KeyTemplate::AkP384())->Name("Appraisal/NoLog/P384");
BENCHMARK_CAPTURE(AppraisalNoLog, RSA2048, KeyTemplate::AkRsa())->Name("Appraisal/NoLog/RSA2048");
BENCHMARK(PolicyJudging)->Name("Policy/Judge");
BENCHMARK_CAPTURE(SigningKeyBuilding, P256, KeyTemplate::AkP256())->Name("SigningKey/Build/P256");
BENCHMARK_CAPTURE(SigningKeyBuilding, P384, KeyTemplate::AkP384())->Name("SigningKey/Build/P384");
BENCHMARK_CAPTURE(SigningKeyBuilding, RSA2048, KeyTemplate::AkRsa())
    ->Name("SigningKey/Build/RSA2048");

}  // namespace
}  // namespace plimsoll
