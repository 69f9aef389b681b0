#include "controller/enforce/taint_budget.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace plimsoll::controller::enforce {
namespace {

// Of a policy with NoExecute that names no limit: an effect that ends Pods is never unlimited.
constexpr size_t kEvictingPercent = 25;

size_t PercentOf(size_t nodes, size_t percent) {
  return std::max<size_t>(1, (nodes * percent + 99) / 100);
}

size_t Number(std::string_view text) {
  size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<size_t> TaintBudget::Policy::Limit() const {
  if (max_untrusted.empty()) {
    return evicts ? std::optional(PercentOf(matched, kEvictingPercent)) : std::nullopt;
  }
  const size_t number = Number(max_untrusted);
  return max_untrusted.back() == '%' ? PercentOf(matched, number) : number;
}

bool TaintBudget::Policy::HasRoomFor(const Waiter& waiter) const {
  const auto limit = Limit();
  if (!limit) {
    return true;
  }
  // A proven failure may take the place of an Unknown node.
  const size_t taken = std::get<Claim>(waiter) == Claim::kProven ? proven : places.size();
  size_t free = *limit > taken ? *limit - taken : 0;
  for (auto first = waiting.begin(); free > 0 && first != waiting.end() && *first < waiter;
       ++first) {
    --free;
  }
  return free > 0;
}

bool TaintBudget::Policy::Keeps(const Place& place) const {
  const auto limit = Limit();
  if (!limit || places.size() <= *limit) {
    return true;
  }
  const auto found = places.find(place);
  return static_cast<size_t>(std::distance(places.begin(), found)) < *limit;
}

void TaintBudget::Clear() {
  const std::lock_guard lock(mutex_);
  policies_.clear();
  nodes_.clear();
}

void TaintBudget::Count(const std::string& name, const policies::NodePolicies& policies) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> selected;
  for (const auto& compiled : policies.policies) {
    if (compiled->mode() == policy::Mode::kAudit) {
      continue;
    }
    const policy::AttestationPolicy& spec = compiled->spec();
    selected.push_back(spec.meta.uid);
    Policy& policy = policies_[spec.meta.uid];
    if (spec.meta.generation < policy.generation) {
      continue;
    }
    policy.name = spec.meta.name;
    policy.generation = spec.meta.generation;
    policy.max_untrusted = spec.enforcement.max_untrusted;
    policy.evicts = spec.taint_effect == policy::TaintEffect::kNoExecute;
  }
  NodeEntry& node = nodes_[name];
  if (node.selected_by == selected) {
    return;
  }
  for (const std::string& uid : node.selected_by) {
    --policies_[uid].matched;
  }
  for (const std::string& uid : selected) {
    ++policies_[uid].matched;
  }
  node.selected_by = std::move(selected);
  DropUnused();
}

TaintBudget::Answer TaintBudget::Take(const Request& request) {
  Woken woken;
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    NodeEntry& node = nodes_[request.node];
    const std::vector<std::string> before = node.asked_by;
    const auto had = node.place;
    LeavePlaces(node);
    LeaveWaiting(node);
    node.asked_by = request.policies;
    const Waiter waiter{request.claim, request.since, request.node};
    bool granted = std::all_of(
        node.asked_by.begin(), node.asked_by.end(),
        [&](const std::string& uid) { return had || policies_[uid].HasRoomFor(waiter); });
    if (granted) {
      node.place = Place{request.claim, had ? std::get<uint64_t>(*had) : turns_++, request.node};
      for (const std::string& uid : node.asked_by) {
        Policy& policy = policies_[uid];
        policy.places.insert(*node.place);
        policy.proven += request.claim == Claim::kProven ? 1 : 0;
      }
      granted =
          std::all_of(node.asked_by.begin(), node.asked_by.end(),
                      [&](const std::string& uid) { return policies_[uid].Keeps(*node.place); });
    }
    answer = AnswerFor(request, granted);
    if (granted) {
      WakeDisplaced(node.asked_by, woken);
    } else {
      const auto place = node.place;
      node.waiter = waiter;
      for (const std::string& uid : node.asked_by) {
        Policy& policy = policies_[uid];
        if (place ? !policy.Keeps(*place) : !policy.HasRoomFor(waiter)) {
          policy.waiting.insert(waiter);
        }
      }
      LeavePlaces(node);
      node.asked_by = request.policies;
    }
    WakeWaiting(before, woken);  // its place, or its turn, may be another's now
    woken.erase(request.node);
  }
  Notify(woken);
  return answer;
}

void TaintBudget::Release(const std::string& name) {
  Woken woken;
  {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) {
      return;
    }
    LeaveWaiting(found->second);
    LeavePlaces(found->second);
    const std::vector<std::string> freed = std::exchange(found->second.asked_by, {});
    WakeWaiting(freed, woken);
    DropUnused();
  }
  Notify(woken);
}

void TaintBudget::Forget(const std::string& name) {
  Release(name);
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    return;
  }
  for (const std::string& uid : found->second.selected_by) {
    --policies_[uid].matched;
  }
  nodes_.erase(found);
  DropUnused();
}

std::map<std::string, int64_t> TaintBudget::Blocked() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, int64_t> blocked;
  for (const auto& [uid, policy] : policies_) {
    if (policy.Limit() || !policy.waiting.empty()) {
      blocked[policy.name] = static_cast<int64_t>(policy.waiting.size());
    }
  }
  return blocked;
}

void TaintBudget::LeavePlaces(NodeEntry& node) {
  if (!node.place) {
    return;
  }
  for (const std::string& uid : node.asked_by) {
    Policy& policy = policies_[uid];
    if (policy.places.erase(*node.place) != 0 && std::get<Claim>(*node.place) == Claim::kProven) {
      --policy.proven;
    }
  }
  node.place.reset();
}

void TaintBudget::LeaveWaiting(NodeEntry& node) {
  if (!node.waiter) {
    return;
  }
  for (const std::string& uid : node.asked_by) {
    policies_[uid].waiting.erase(*node.waiter);
  }
  node.waiter.reset();
}

// As many as there are free places. One that is held back by another policy too leaves the queue of
// this one when it asks, and wakes who comes after it.
void TaintBudget::WakeWaiting(const std::vector<std::string>& policies, Woken& woken) const {
  for (const std::string& uid : policies) {
    const auto found = policies_.find(uid);
    if (found == policies_.end()) {
      continue;
    }
    const Policy& policy = found->second;
    const auto limit = policy.Limit();
    size_t left = !limit                          ? policy.waiting.size()
                  : *limit > policy.places.size() ? *limit - policy.places.size()
                                                  : 0;
    for (auto waiter = policy.waiting.begin(); waiter != policy.waiting.end() && left > 0;
         ++waiter, --left) {
      woken.insert(std::get<std::string>(*waiter));
    }
  }
}

void TaintBudget::WakeDisplaced(const std::vector<std::string>& policies, Woken& woken) const {
  for (const std::string& uid : policies) {
    const auto found = policies_.find(uid);
    if (found == policies_.end()) {
      continue;
    }
    const Policy& policy = found->second;
    const auto limit = policy.Limit();
    if (!limit || policy.places.size() <= *limit) {
      continue;
    }
    size_t over = policy.places.size() - *limit;
    for (auto place = policy.places.rbegin(); place != policy.places.rend() && over > 0;
         ++place, --over) {
      woken.insert(std::get<std::string>(*place));
    }
  }
}

void TaintBudget::DropUnused() {
  std::erase_if(policies_, [](const auto& entry) {
    const Policy& policy = entry.second;
    return policy.matched == 0 && policy.places.empty() && policy.waiting.empty();
  });
}

void TaintBudget::Notify(const Woken& woken) const {
  if (!wake_) {
    return;
  }
  for (const std::string& node : woken) {
    wake_(node);
  }
}

TaintBudget::Answer TaintBudget::AnswerFor(const Request& request, bool granted) const {
  Answer answer;
  answer.granted = granted;
  size_t least = 0;
  for (const std::string& uid : request.policies) {
    const auto found = policies_.find(uid);
    const auto limit = found == policies_.end() ? std::nullopt : found->second.Limit();
    if (!limit) {
      continue;
    }
    const size_t taken = found->second.places.size();
    const size_t free = *limit > taken ? *limit - taken : 0;
    if (answer.policy.empty() || free < least) {
      least = free;
      answer.policy = found->second.name;
      answer.places = std::min(taken, *limit);
      answer.limit = *limit;
    }
  }
  return answer;
}

}  // namespace plimsoll::controller::enforce
