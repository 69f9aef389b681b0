#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/texts.h"
#include "kube/client.h"

namespace plimsoll::controller::policies {

struct CurrencySources {
  const Lookup<PolicyObject>& policies;
  const Lookup<AuthorityObject>& authorities;
  const Lookup<ReferenceObject>& references;
  const Texts& texts;
};

// Whether this replica judges with what the API server holds now.
//
// Watches may be behind. A status that was judged with other inputs than ours was written either
// before ours changed, or by a replica that knows more than we do; nothing in the hash of the
// inputs tells which. Before such a status is written over, the objects are listed (metadata
// alone): when they are the ones in our caches, we know at least as much as whoever wrote it.
// Thread-safe.
class Currency {
 public:
  // How long Await gives the watches to catch up.
  static constexpr std::chrono::milliseconds kPatience{2'000};

  Currency(kube::Client& client, CurrencySources sources) : client_(client), sources_(sources) {}

  // Success when our caches hold what the server held at some time not before it wrote an object of
  // that resourceVersion (empty or unreadable: not before now). A list that was compared later than
  // that write serves all objects written before it, so that judging a fleet again costs one list
  // of each kind. kUnavailable with Retry::kBackoff when the caches are behind or the server does
  // not answer.
  Status Confirm(const std::string& resource_version);

  // The same, trying again until kPatience has passed or `stop` is requested.
  Status Await(const std::string& resource_version, std::stop_token stop = {});

 private:
  std::string Cached() const;
  Result<std::string> Live(uint64_t& revision);

  kube::Client& client_;
  const CurrencySources sources_;

  std::mutex mutex_;  // held while listing: who comes meanwhile is served by that list, or the next
  std::string confirmed_;             // what was cached when the server last held the same
  std::optional<uint64_t> revision_;  // at which it did; absent when it cannot be compared
};

}  // namespace plimsoll::controller::policies
