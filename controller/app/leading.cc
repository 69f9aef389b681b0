#include "controller/app/leading.h"

#include <chrono>
#include <tuple>

#include "controller/app/fleet_metrics.h"
#include "controller/identity/weak_firmware.h"

namespace plimsoll::controller {
namespace {

constexpr std::chrono::seconds kAdmissionPeriod{
    30};  // certificates run out without any object changing
constexpr std::chrono::seconds kTlsPeriod{60};
constexpr std::chrono::seconds kTlsRetry{2};

// "trusted-until" beside the trust label: under a prefix that kubelets may not write either.
std::string TrustedUntilKey(const std::string& label_key) {
  return label_key.substr(0, label_key.find('/')) + "/trusted-until";
}

enforce::MarkNames NamesOf(const Options& options) {
  return {.label = options.label_key,
          .taint = options.taint_key,
          .condition = options.condition_type,
          .trusted_until = options.trusted_until ? TrustedUntilKey(options.label_key) : "",
          .taints = options.taints,
          .conditions = options.node_conditions};
}

// Whether the quote is of another TPM, boot or firmware than the one before.
bool SaysNewOfTpm(const NodeAttestationStatus& before, const NodeAttestationStatus& now) {
  const auto told = [](const NodeAttestationStatus& status) {
    const TpmClock clock = status.clock.value_or(TpmClock{});
    return std::tuple(status.tpm_identity, clock.reset_count, clock.restart_count,
                      clock.firmware_version);
  };
  return told(before) != told(now);
}

}  // namespace

Leading::Leading(LeadingDependencies dependencies, std::function<void()> on_lost)
    : d_(std::move(dependencies)),
      on_lost_(std::move(on_lost)),
      elector_(d_.client, d_.clock, d_.random,
               {.namespace_name = d_.options.namespace_name,
                .name = "plimsoll-controller",
                .identity = d_.options.identity},
               {.on_gained = [this] { Gained(); },
                .on_lost =
                    [this] {
                      d_.logger.Error(
                          "leadership lost: the process ends and starts again as a follower",
                          {{"identity", d_.options.identity}});
                      on_lost_();
                    },
                .on_observed =
                    [this](const std::string& holder) {
                      d_.logger.Info("leader observed", {{"holder", holder}});
                    },
                .on_error =
                    [this](const Error& error) {
                      d_.logger.Warning("leader election failed; it is tried again",
                                        {{"error", error.message}});
                    }}),
      marks_(d_.client, enforce::NodeEvents(d_.events), d_.clock, d_.metrics, d_.logger,
             NamesOf(d_.options), [this] { return MayWrite(); }),
      exceptions_(d_.caches.exceptions, d_.clock),
      reconciler_(d_.client,
                  {.nodes = d_.caches.nodes,
                   .attestations = d_.caches.attestations,
                   .identities = d_.caches.identities,
                   .picture = d_.picture,
                   .currency = d_.currency,
                   .exceptions = exceptions_},
                  d_.recorder, marks_, enforce::NodeEvents(d_.events), d_.clock,
                  {.names = NamesOf(d_.options),
                   .unmatched = d_.options.unmatched_nodes == UnmatchedNodes::kHold
                                    ? enforce::UnmatchedNodes::kHold
                                    : enforce::UnmatchedNodes::kRelease},
                  [this] { return MayWrite(); }),
      rollout_keeper_(d_.client,
                      {.rollouts = d_.rollouts,
                       .policies = d_.caches.policies,
                       .nodes = d_.caches.nodes,
                       .attestations = d_.caches.attestations},
                      d_.events, d_.logger, d_.options.namespace_name,
                      [this] { return MayWrite(); }),
      statuses_(d_.client,
                {.picture = d_.picture,
                 .policies = d_.caches.policies,
                 .authorities = d_.caches.authorities,
                 .references = d_.caches.references,
                 .nodes = d_.caches.nodes,
                 .attestations = d_.caches.attestations,
                 .rollouts = &d_.rollouts},
                d_.events, d_.clock, d_.logger, d_.options.taint_key,
                [this] { return MayWrite(); }),
      exception_statuses_(d_.client, exceptions_, d_.caches.nodes, d_.clock, d_.logger,
                          [this] { return MayWrite(); }),
      admissions_(
          d_.identity, d_.caches.identities, d_.caches.attestations, [this] { return MayWrite(); },
          d_.options.enrollment_release_after),
      enforcer_(reconciler_, d_.caches.nodes, d_.clock, d_.logger, {.periodic = [this] {
                  rollout_keeper_.Update();
                  statuses_.WriteChanged();
                  exception_statuses_.WriteChanged();
                }}) {}

Leading::~Leading() { Stop(); }

void Leading::Subscribe() {
  const auto admit = [this] {
    {
      const std::lock_guard lock(mutex_);
      admissions_due_ = true;
    }
    changed_.notify_all();
  };
  d_.caches.nodes.informer.Subscribe([this, admit](const auto& change) {
    if (!change.before || !change.now) {
      admit();  // identities outlive their Node only for a time
    }
    enforcer_.Enqueue(change.name);
  });
  d_.caches.attestations.informer.Subscribe([this, admit](const auto& change) {
    if (change.now && (!change.before || SaysNewOfTpm(change.before->status, change.now->status))) {
      admit();
    }
    enforcer_.Enqueue(change.name);
  });
  d_.caches.identities.informer.Subscribe([this, admit](const auto& change) {
    admit();
    for (const auto& version : {change.before, change.now}) {
      if (version) {
        enforcer_.Enqueue(version->node_name);
      }
    }
  });
  d_.caches.revisions.informer.Subscribe([this](const auto&) { enforcer_.EnqueueAll(); });
  d_.caches.exceptions.informer.Subscribe([this](const auto& change) {
    if (!change.before || !change.now ||
        change.before->meta.generation != change.now->meta.generation) {
      enforcer_.EnqueueAll();
    }
  });
  // The status of these objects is written by us and decides nothing: only a new generation
  // concerns nodes.
  const auto all = [this, admit](const auto& change) {
    if (change.before && change.now &&
        change.before->meta.generation == change.now->meta.generation) {
      return;
    }
    admit();
    enforcer_.EnqueueAll();
  };
  d_.caches.policies.informer.Subscribe(all);
  d_.caches.authorities.informer.Subscribe(all);
  d_.caches.references.informer.Subscribe(all);
}

void Leading::InputsChanged() {
  {
    const std::lock_guard lock(mutex_);
    admissions_due_ = true;
  }
  changed_.notify_all();
  enforcer_.EnqueueAll();
}

void Leading::Start() {
  worker_ = std::jthread([this](std::stop_token stop) { Work(stop); });
  elector_.Start();
}

void Leading::Stop() {
  worker_.request_stop();
  if (worker_.joinable()) {
    worker_.join();  // first: it is the one that starts the enforcer
  }
  enforcer_.Stop();
  elector_.Stop();
}

bool Leading::MayWrite() const {
  const auto deadline = elector_.LeadershipDeadline();
  return deadline && d_.clock.Monotonic() < *deadline;
}

void Leading::Gained() {
  d_.logger.Info("this replica leads", {{"identity", d_.options.identity}});
  {
    const std::lock_guard lock(mutex_);
    gained_ = true;
  }
  changed_.notify_all();
}

// The leader's own thread: starts the enforcer once, then keeps admissions and certificate true.
void Leading::Work(std::stop_token stop) {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return gained_; })) {
      return;
    }
  }
  EnsureTls();
  enforcer_.Start(d_.clock.Monotonic());
  MonotonicTime admissions_at = d_.clock.Monotonic();
  MonotonicTime tls_at = d_.clock.Monotonic();
  while (!stop.stop_requested()) {
    bool due = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, kTlsRetry, [this] { return admissions_due_; });
      due = std::exchange(admissions_due_, false);
    }
    if (stop.stop_requested() || !MayWrite()) {
      continue;
    }
    const MonotonicTime now = d_.clock.Monotonic();
    if (due || now >= admissions_at) {
      admissions_at = now + kAdmissionPeriod;
      AdmitAll();
    }
    if (now >= tls_at) {
      tls_at = now + (d_.caches.serving_tls.List().empty() ? kTlsRetry : kTlsPeriod);
      EnsureTls();
    }
  }
}

void Leading::AdmitAll() {
  const Status admitted = admissions_.ReconcileAll();
  if (!admitted) {
    d_.logger.Warning("admissions are not up to date; they are tried again",
                      {{"error", admitted.error().message}});
    const std::lock_guard lock(mutex_);
    admissions_due_ = admitted.error().retry == Retry::kNow;
  }
}

void Leading::EnsureTls() {
  if (!MayWrite()) {
    return;
  }
  const Status ensured = tls::EnsureServingTls(d_.client, d_.clock, d_.tls);
  if (!ensured) {
    d_.logger.Warning("the serving certificate is not up to date; it is tried again",
                      {{"error", ensured.error().message}});
  }
}

void Leading::RefreshMetrics() {
  const std::lock_guard lock(metrics_mutex_);
  const bool leads = IsLeader();
  d_.metrics.families().Gauge(Family::kLeader).Set(leads ? 1 : 0);
  if (leads) {
    enforce::FleetSummary summary =
        enforce::Summarise(d_.caches.nodes, d_.caches.attestations, d_.caches.identities,
                           d_.picture, d_.caches.authorities, d_.options.taint_key);
    summary.blocked = reconciler_.Blocked();
    summary.halted = rollout_keeper_.Halted();
    summary.exceptions_in_force = exceptions_.CountInForce();
    ExportFleet(summary, d_.metrics.families());
    d_.metrics.families()
        .Gauge(Family::kWeakFirmwareNodes)
        .Set(static_cast<double>(
            identity::CountWeakFirmware(d_.caches.nodes, d_.caches.identities)));
  } else {
    ClearFleet(d_.metrics.families());
  }
  const enforce::WorkQueue::Counters counters = enforcer_.queue_counters();
  d_.metrics.families()
      .Gauge(Family::kWorkqueueDepth, {"nodes"})
      .Set(static_cast<double>(counters.depth));
  d_.metrics.families()
      .Counter(Family::kWorkqueueAdds, {"nodes"})
      .Increment(static_cast<double>(counters.adds - exported_.adds));
  d_.metrics.families()
      .Counter(Family::kWorkqueueRetries, {"nodes"})
      .Increment(static_cast<double>(counters.retries - exported_.retries));
  exported_ = counters;
}

}  // namespace plimsoll::controller
