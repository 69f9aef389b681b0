#include "controller/ingest/runtime_progress.h"

#include "base/encoding.h"
#include "controller/record/transition.h"
#include "tcg/algorithm.h"

namespace plimsoll::controller::ingest {
namespace {

bool IsOfBoot(const NodeAttestationStatus& status, const TpmIdentity& identity,
              const std::string& boot_id) {
  const auto& epoch = identity.status.epoch;
  return epoch && status.clock && status.tpm_identity == identity.meta.name &&
         status.boot_id == boot_id && epoch->boot_id == boot_id &&
         status.clock->reset_count == epoch->reset_count &&
         status.clock->restart_count == epoch->restart_count;
}

}  // namespace

std::optional<RuntimeProgress> RecallProgress(const NodeAttestationStatus& status,
                                              const TpmIdentity& identity,
                                              const std::string& boot_id,
                                              const policies::NodePolicies& policies) {
  if (!status.ima || status.ima->rules != policies.runtime_rules || status.ima->entries <= 0 ||
      !IsOfBoot(status, identity, boot_id)) {
    return std::nullopt;
  }
  const auto bank = tcg::BankFromName(status.ima->bank);
  auto digest = FromHex(status.ima->digest);
  if (!bank || !digest || digest->size() != tcg::DigestSize(*bank)) {
    return std::nullopt;
  }
  RuntimeProgress progress;
  progress.position.bank = *bank;
  progress.position.list.entries = static_cast<uint64_t>(status.ima->entries);
  progress.position.list.digest = *std::move(digest);
  progress.position.generation.begun = status.ima->begun;
  progress.position.generation.kexec_pending = status.ima->kexec_pending;
  for (const PolicyResult& result : status.policies) {
    progress.rejected[result.uid] = record::RuntimeRejections(result);
  }
  return progress;
}

}  // namespace plimsoll::controller::ingest
