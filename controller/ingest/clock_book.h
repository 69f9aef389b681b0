#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "appraisal/boot_epoch.h"
#include "controller/ingest/bounded_cache.h"
#include "controller/objects.h"

namespace plimsoll::controller::ingest {

// What this replica remembers of the last accepted quote of each identity (verification.md,
// "Decided details" 12). What is lost with it, or was seen by another replica, is read back from
// the API objects: TPMIdentity status.epoch is the common word on the boot that a TPM is in.
class ClockBook {
 public:
  struct Entry {
    appraisal::RecordedClock recorded;
    // metadata.generation of the identity when an unexplained reset was seen; a person's approval
    // at a newer one ends it.
    int64_t reset_generation = 0;
  };

  explicit ClockBook(size_t max_identities) : entries_(max_identities) {}

  // For the time of one appraisal: rounds of one identity are judged one after another.
  std::unique_lock<std::mutex> Lock(const std::string& identity_uid);

  std::optional<Entry> Get(const std::string& identity_uid) { return entries_.Get(identity_uid); }
  void Put(const std::string& identity_uid, Entry entry) {
    entries_.Put(identity_uid, std::move(entry));
  }
  void Forget(const std::string& identity_uid) { entries_.Erase(identity_uid); }

 private:
  std::array<std::mutex, 64> locks_;
  BoundedCache<Entry> entries_;
};

// Whether `known` (from the book, if there) is of the boot that the identity was last recorded in.
// Otherwise another replica has seen the TPM in another boot, or the caller's view of the identity
// is behind.
bool AgreesWith(const std::optional<ClockBook::Entry>& known, const TpmIdentity& identity);

// What to judge the next quote against, by book and objects; the objects' epoch wins. nullopt where
// nothing is recorded. `status` is the node's.
std::optional<ClockBook::Entry> Recall(const std::optional<ClockBook::Entry>& known,
                                       const TpmIdentity& identity,
                                       const NodeAttestationStatus& status);

}  // namespace plimsoll::controller::ingest
