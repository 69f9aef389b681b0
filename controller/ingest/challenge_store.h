#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "controller/ingest/log_cache.h"
#include "controller/ingest/outstanding.h"
#include "controller/ingest/runtime_progress.h"
#include "evidence/challenge.h"
#include "evidence/limits.h"
#include "tcg/pcr_selection.h"

namespace plimsoll::controller::ingest {

// What one challenge asked, of whom.
struct Challenge {
  std::string identity;              // name of the TPMIdentity
  std::string attestation_key_name;  // hex; the AK that was activated when it was asked
  tcg::PcrSelection selection = {};
  evidence::Nonce nonce{};

  // The boot event log that need not be sent, pinned; null where it was asked for or there is none.
  LogCache::Log log = {};
  Bytes log_sha256 = {};

  // Where the IMA list was asked from, and by which rules it is to be judged. Kept with the
  // question so that overlapping rounds cannot move it.
  std::optional<RuntimeProgress> runtime = {};
  std::string runtime_rules = {};
};

// The outstanding challenges of this replica: three of a node at most, single use, 60 s, answered
// by the node that they were put to and nobody else. Whether identity and key are still the same is
// checked when one is used. Thread-safe.
class ChallengeStore {
 public:
  static constexpr size_t kMaxTotal = 32'768;

  ChallengeStore(const Clock& clock, Random& random)
      : random_(random),
        outstanding_(clock, random,
                     {.lifetime = evidence::kChallengeLifetime,
                      .per_owner = evidence::kMaxOutstandingPerNode,
                      .total = kMaxTotal}) {}

  struct Issued {
    std::string id;
    evidence::Nonce nonce;
  };

  // The challenge gets a fresh nonce of 32 random bytes.
  Issued Issue(const std::string& node_uid, Challenge challenge) {
    random_.Fill(challenge.nonce);
    const evidence::Nonce nonce = challenge.nonce;
    return {outstanding_.Put(node_uid, std::move(challenge)), nonce};
  }

  std::optional<Challenge> Take(std::string_view id, std::string_view node_uid) {
    return outstanding_.Take(id, node_uid);
  }

  // All of a node's challenges die when another key is activated for it.
  void Forget(const std::string& node_uid) { outstanding_.Forget(node_uid); }

  size_t size() const { return outstanding_.size(); }

 private:
  Random& random_;
  Outstanding<Challenge> outstanding_;
};

}  // namespace plimsoll::controller::ingest
