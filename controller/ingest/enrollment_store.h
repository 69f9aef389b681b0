#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "controller/identity/binding.h"
#include "controller/ingest/outstanding.h"
#include "evidence/limits.h"

namespace plimsoll::controller::ingest {

// The outstanding enrolments of this replica: three of a node at most, 60 s, and gone after one
// answer, right or wrong (M1). Each is bound to its node, its EK and its AK, so that the answer to
// one is worth nothing for another (M4). Thread-safe.
class EnrollmentStore {
 public:
  static constexpr size_t kMaxTotal = 16'384;

  EnrollmentStore(const Clock& clock, Random& random)
      : outstanding_(clock, random,
                     {.lifetime = evidence::kEnrollmentLifetime,
                      .per_owner = evidence::kMaxOutstandingPerNode,
                      .total = kMaxTotal}) {}

  // Keeps the keys until the secret, which was wrapped for them, comes back.
  std::string Put(identity::ProvenKey keys, Secret secret) {
    const std::string owner = keys.node_uid;
    return outstanding_.Put(owner, {std::move(keys), std::move(secret)});
  }

  struct Unknown {};
  struct WrongAnswer {};

  // What the answer proves, if it is the right one. Compared in constant time.
  std::variant<Unknown, WrongAnswer, identity::ProvenKey> Answer(std::string_view id,
                                                                 std::string_view node_uid,
                                                                 const Secret& answer) {
    std::optional<Entry> entry = outstanding_.Take(id, node_uid);
    if (!entry) {
      return Unknown{};
    }
    if (!EqualConstantTime(entry->secret.bytes(), answer.bytes())) {
      return WrongAnswer{};
    }
    return std::move(entry->keys);
  }

  size_t size() const { return outstanding_.size(); }

 private:
  struct Entry {
    identity::ProvenKey keys;
    Secret secret;
  };

  Outstanding<Entry> outstanding_;
};

}  // namespace plimsoll::controller::ingest
