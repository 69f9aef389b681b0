#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "controller/policies/picture.h"

namespace plimsoll::controller::enforce {

// Why a node wants a taint that counts in budgets.
enum class Claim : uint8_t {
  kNone,     // it wants none, or one that is not counted: of reasons that need no TPM, and startup
             // taints, which others have set
  kProven,   // Untrusted
  kUnknown,  // Unknown for too long
};

// spec.enforcement.maxUntrusted of every policy: which nodes may carry the taint (api.md 3.2).
//
// A node needs a place in every policy that asks for its taint. Places go to proven failures before
// Unknown nodes: a proven failure that finds no place takes that of an Unknown node. Otherwise who
// has a place keeps it until it asks no more. Where a limit has become smaller, those who came last
// lose theirs.
//
// Holds an index of the fleet, so that one node costs no look at the others; filled anew by each
// leader from the taints that are on the Nodes. Thread-safe: of two nodes that ask for the last
// place at once, one gets it. Of those that wait, who has failed for longest comes first.
class TaintBudget {
 public:
  // Called, without a lock, for nodes that should ask again: a place became free for them, or was
  // given to another. May be called from any thread that calls the budget.
  using Wake = std::function<void(const std::string& node)>;

  struct Request {
    std::string node;
    Claim claim = Claim::kProven;
    WallTime since{};                   // of the verdict: who waits is served in this order
    std::vector<std::string> policies;  // uids of those that ask for the taint
  };
  struct Answer {
    bool granted = false;
    std::string policy;  // whose limit counts for the node: the one that refuses, or the tightest;
                         // empty: no policy of the node has a limit
    size_t places = 0;   // taken in that policy, with this node's
    size_t limit = 0;
  };

  void OnWake(Wake wake) { wake_ = std::move(wake); }  // before any other call

  // Drops everything: for a new leader.
  void Clear();

  // Takes note of the policies that select the node, which percentages count over, and of their
  // limits.
  void Count(const std::string& node, const policies::NodePolicies& policies);

  // Asks for a place, or asks again. A node that is refused waits.
  Answer Take(const Request& request);

  // The node carries no taint that counts and asks for none.
  void Release(const std::string& node);

  // The node is gone.
  void Forget(const std::string& node);

  // Nodes that a limit holds back, by the name of the policy; every policy that has a limit.
  std::map<std::string, int64_t> Blocked() const;

 private:
  using Place = std::tuple<Claim, uint64_t, std::string>;   // claim, turn, node
  using Waiter = std::tuple<Claim, WallTime, std::string>;  // claim, since, node

  struct Policy {
    std::string name;
    int64_t generation = 0;  // the newest seen: nodes may be judged by an older one
    std::string max_untrusted;
    bool evicts = false;  // NoExecute
    size_t matched = 0;
    std::set<Place> places;
    size_t proven = 0;  // of `places`
    std::set<Waiter> waiting;

    std::optional<size_t> Limit() const;          // nullopt: none
    bool HasRoomFor(const Waiter& waiter) const;  // and for all who wait before it
    bool Keeps(const Place& place) const;         // one of `places` is within the limit
  };
  struct NodeEntry {
    std::vector<std::string> selected_by;
    std::vector<std::string> asked_by;
    std::optional<Place> place;
    std::optional<Waiter> waiter;
  };
  using Woken = std::set<std::string>;

  void LeavePlaces(NodeEntry& node);
  void LeaveWaiting(NodeEntry& node);
  void WakeWaiting(const std::vector<std::string>& policies, Woken& woken) const;
  void WakeDisplaced(const std::vector<std::string>& policies, Woken& woken) const;
  void DropUnused();
  void Notify(const Woken& woken) const;
  Answer AnswerFor(const Request& request, bool granted) const;

  Wake wake_;
  mutable std::mutex mutex_;
  std::map<std::string, Policy> policies_;  // by uid
  std::map<std::string, NodeEntry> nodes_;  // by name
  uint64_t turns_ = 0;
};

}  // namespace plimsoll::controller::enforce
