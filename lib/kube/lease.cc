#include "kube/lease.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "kube/sleep.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr JsonLimits kLeaseLimits{.max_bytes = size_t{1} << 20, .max_depth = 64};

// A candidate that lost the race waits up to this much longer, so that candidates do not move in
// step.
constexpr double kJitterFactor = 0.2;

// A lease's own duration is another candidate's word, so it counts within reason only.
constexpr seconds kMaxLeaseDuration{600};

Result<json> ParseLease(const std::string& text) {
  PLIMSOLL_ASSIGN_OR_RETURN(json lease, ParseJson(text, kLeaseLimits));
  if (!lease.is_object() || !lease.contains("metadata") || !lease["metadata"].is_object()) {
    return Fail(ErrorCode::kMalformed, "the Lease is no object", Retry::kBackoff);
  }
  if (!lease.contains("spec") || !lease["spec"].is_object()) {
    lease["spec"] = json::object();
  }
  return lease;
}

std::string TextOf(const json& spec, const char* key) {
  const auto found = spec.find(key);
  return found != spec.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

int64_t NumberOf(const json& spec, const char* key) {
  const auto found = spec.find(key);
  return found != spec.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

int64_t SecondsRoundedUp(milliseconds duration) {
  return std::max<int64_t>(1, std::chrono::ceil<seconds>(duration).count());
}

}  // namespace

LeaderElector::LeaderElector(Client& client, const Clock& clock, Random& random,
                             LeaderElectionOptions options, LeaderElectionCallbacks callbacks)
    // A request that hangs must leave time for a second attempt before the renew deadline.
    : client_(client.WithTimeout(options.renew_deadline / 2)),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)) {}

LeaderElector::~LeaderElector() { Stop(); }

void LeaderElector::Start() {
  thread_ = std::jthread([this](std::stop_token stop) { Run(stop); });
}

void LeaderElector::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  thread_.request_stop();
  thread_.join();
  bool held = false;
  {
    const std::lock_guard lock(mutex_);
    held = std::exchange(deadline_, std::nullopt).has_value();
  }
  if (held) {
    Release();
  }
}

bool LeaderElector::IsLeader() const { return LeadershipDeadline().has_value(); }

std::optional<MonotonicTime> LeaderElector::LeadershipDeadline() const {
  const std::lock_guard lock(mutex_);
  return deadline_ && clock_.Monotonic() < *deadline_ ? deadline_ : std::nullopt;
}

void LeaderElector::Run(std::stop_token stop) {
  while (TryAcquireOrRenew(stop) != Outcome::kHeld) {
    const double jitter = 1.0 + kJitterFactor * UniformReal(random_);
    const auto delay = std::chrono::duration<double, std::milli>(options_.retry_period) * jitter;
    if (!SleepFor(std::chrono::duration_cast<std::chrono::nanoseconds>(delay), stop)) {
      return;
    }
  }
  if (callbacks_.on_gained) {
    callbacks_.on_gained();
  }
  while (SleepFor(options_.retry_period, stop)) {
    const Outcome outcome = TryAcquireOrRenew(stop);
    if (stop.stop_requested()) {
      return;
    }
    if (outcome == Outcome::kHeldByOther || !IsLeader()) {
      break;
    }
  }
  if (stop.stop_requested()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    deadline_.reset();
  }
  if (callbacks_.on_lost) {
    callbacks_.on_lost();
  }
}

LeaderElector::Outcome LeaderElector::TryAcquireOrRenew(std::stop_token stop) {
  const MonotonicTime started = clock_.Monotonic();
  const ResourceRef ref{kLease, options_.name, options_.namespace_name};
  const std::string now = FormatMicroTime(clock_.Wall());
  json spec = {{"holderIdentity", options_.identity},
               {"leaseDurationSeconds", SecondsRoundedUp(options_.lease_duration)},
               {"acquireTime", now},
               {"renewTime", now},
               {"leaseTransitions", 0}};

  const Result<std::string> text = client_.Get(ref, stop);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    json lease = ApplyFrame(ref, {});
    lease["spec"] = std::move(spec);
    const ResourceRef leases{kLease, {}, options_.namespace_name};
    return Written(client_.Create(leases, lease.dump(), {}, stop), started);
  }
  Result<json> lease = text ? ParseLease(*text) : tl::unexpected(text.error());
  if (!lease) {
    return Failed(lease.error(), stop);
  }

  const json& old = (*lease)["spec"];
  const std::string holder = TextOf(old, "holderIdentity");
  Observe(old.dump(), holder);
  if (!holder.empty() && holder != options_.identity) {
    const seconds stated(NumberOf(old, "leaseDurationSeconds"));
    const milliseconds duration =
        stated > seconds(0) ? std::min(stated, kMaxLeaseDuration) : options_.lease_duration;
    if (clock_.Monotonic() < observed_at_ + duration) {
      return Outcome::kHeldByOther;
    }
  }
  spec["leaseTransitions"] =
      NumberOf(old, "leaseTransitions") + (holder == options_.identity ? 0 : 1);
  const std::string acquired = TextOf(old, "acquireTime");
  if (holder == options_.identity && !acquired.empty()) {
    spec["acquireTime"] = acquired;
  }
  (*lease)["spec"] = std::move(spec);
  return Written(client_.Update(ref, lease->dump(), {}, stop), started);
}

LeaderElector::Outcome LeaderElector::Written(const Result<std::string>& answer,
                                              MonotonicTime started) {
  if (!answer) {
    // A conflict may be another candidate, or the first copy of this very request: the next look
    // tells.
    return Failed(answer.error(), {});
  }
  const Result<json> lease = ParseLease(*answer);
  if (lease) {
    Observe((*lease)["spec"].dump(), options_.identity);
  }
  const std::lock_guard lock(mutex_);
  deadline_ = started + options_.renew_deadline;
  return Outcome::kHeld;
}

LeaderElector::Outcome LeaderElector::Failed(const Error& error, std::stop_token stop) {
  if (callbacks_.on_error && !stop.stop_requested()) {
    callbacks_.on_error(error);
  }
  return Outcome::kFailed;
}

void LeaderElector::Observe(const std::string& record, const std::string& holder) {
  if (record != observed_record_) {
    observed_record_ = record;
    observed_at_ = clock_.Monotonic();
  }
  if (observed_holder_ != holder) {
    observed_holder_ = holder;
    if (callbacks_.on_observed) {
      callbacks_.on_observed(holder);
    }
  }
}

void LeaderElector::Release() {
  const ResourceRef ref{kLease, options_.name, options_.namespace_name};
  const Result<std::string> text = client_.Get(ref);
  Result<json> lease = text ? ParseLease(*text) : tl::unexpected(text.error());
  if (!lease || TextOf((*lease)["spec"], "holderIdentity") != options_.identity) {
    return;  // it ends by itself
  }
  // The resourceVersion in it keeps this from releasing another's lease.
  (*lease)["spec"].erase("holderIdentity");
  (*lease)["spec"]["leaseDurationSeconds"] = 1;
  (*lease)["spec"]["renewTime"] = FormatMicroTime(clock_.Wall());
  (void)client_.Update(ref, lease->dump());
}

}  // namespace plimsoll::kube
