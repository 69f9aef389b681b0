#include "appraisal/selection.h"

#include <algorithm>
#include <array>
#include <utility>

namespace plimsoll::appraisal {
namespace {

using tcg::AlgorithmId;

// Strongest first.
constexpr std::array kBanks = {AlgorithmId::kSha512, AlgorithmId::kSha384, AlgorithmId::kSha256,
                               AlgorithmId::kSha1};

constexpr uint32_t kBootPcrs = 0x0000FFFF;       // PCR 0-15
constexpr uint32_t kApplicationPcr = 1U << 23U;  // PCR 23

tcg::PcrSelection Of(std::vector<tcg::PcrBank> banks) {
  // Known hashes, each once: Create takes them.
  return tcg::PcrSelection::Create(std::move(banks)).value_or(tcg::PcrSelection());
}

// The PCRs of `bank` that some policy reads.
uint32_t Read(const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
              AlgorithmId bank) {
  uint32_t mask = 0;
  for (const auto& policy : policies) {
    for (const policy::PcrRule& rule : policy->spec().pcrs) {
      mask |= rule.bank == bank ? uint32_t{1} << rule.index : 0U;
    }
    for (const policy::CompiledPcrRule& floor : policy->first_use_rules()) {
      mask |= floor.rule.bank == bank ? uint32_t{1} << floor.rule.index : 0U;
    }
  }
  return mask;
}

// The PCRs of `bank` that stand in sets which a node must match as a whole.
uint32_t ReadAsTuples(const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
                      AlgorithmId bank) {
  uint32_t mask = 0;
  for (const auto& policy : policies) {
    for (const policy::CompiledPcrRule& rule : policy->pcr_rules()) {
      for (const policy::ListedValue& listed : rule.values) {
        if (!listed.set || !listed.set->tuple) {
          continue;
        }
        for (const policy::ReferencePcr& pcr : listed.set->pcrs) {
          mask |= pcr.bank == bank ? uint32_t{1} << pcr.index : 0U;
        }
      }
    }
  }
  return mask;
}

}  // namespace

tcg::PcrSelection SelectPcrs(
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
    const tcg::PcrSelection& offered) {
  const auto strongest_read = std::find_if(
      kBanks.begin(), kBanks.end(), [&](AlgorithmId bank) { return Read(policies, bank) != 0; });
  const AlgorithmId main_bank =
      strongest_read == kBanks.end() ? AlgorithmId::kSha256 : *strongest_read;
  std::vector<tcg::PcrBank> banks;
  for (const AlgorithmId bank : kBanks) {
    const uint32_t wanted = Read(policies, bank) | ReadAsTuples(policies, bank) |
                            (bank == main_bank ? kBootPcrs | kApplicationPcr : 0U);
    if (const uint32_t mask = wanted & offered.Mask(bank); mask != 0) {
      banks.push_back({bank, mask});
    }
  }
  for (const AlgorithmId bank : kBanks) {
    if (const uint32_t mask = kBootPcrs & offered.Mask(bank); banks.empty() && mask != 0) {
      banks.push_back({bank, mask});
    }
  }
  return Of(std::move(banks));
}

}  // namespace plimsoll::appraisal
