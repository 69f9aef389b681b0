#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "controller/app/caches.h"
#include "controller/app/metrics.h"
#include "controller/config/options.h"
#include "controller/enforce/enforcer.h"
#include "controller/enforce/exception_status.h"
#include "controller/enforce/exceptions.h"
#include "controller/enforce/mark_writer.h"
#include "controller/enforce/reconciler.h"
#include "controller/identity/admission_reconciler.h"
#include "controller/policies/picture.h"
#include "controller/policies/rollout.h"
#include "controller/policies/rollout_keeper.h"
#include "controller/policies/status_writer.h"
#include "controller/record/recorder.h"
#include "controller/tls/serving_tls.h"
#include "kube/lease.h"
#include "telemetry/log.h"

namespace plimsoll::controller {

struct LeadingDependencies {
  kube::Client& client;
  Caches& caches;
  const policies::Picture& picture;
  policies::Currency& currency;
  const policies::Rollouts& rollouts;
  record::Recorder& recorder;
  kube::EventRecorder& events;
  const identity::Dependencies& identity;
  const Clock& clock;
  Random& random;
  telemetry::Logger& logger;
  ProgramMetrics& metrics;
  const Options& options;
  tls::ServingTlsOptions tls;
};

// All that one replica alone may do: marks, admissions, expiry, status of policies, the serving
// certificate. Takes part in the leader election and works while this replica leads; every write
// asks the fence first, which is open only until the renew deadline of the lease.
//
// A lost lease ends the work and is told to `on_lost`: the process should end, and start again as a
// follower.
class Leading {
 public:
  Leading(LeadingDependencies dependencies, std::function<void()> on_lost);
  ~Leading();  // Stop()
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;

  // Subscribes to the caches; before they start.
  void Subscribe();

  // A text has changed that policies, reference sets or authorities refer to.
  void InputsChanged();

  // Begins to stand for election. After the caches have synced.
  void Start();

  // Ends all work, then gives the lease up, so that another replica takes it at once.
  void Stop();

  bool IsLeader() const { return elector_.IsLeader(); }

  // Brings the gauges about nodes, policies and identities up to date, or takes them away where
  // another replica leads. Before each scrape.
  void RefreshMetrics();

 private:
  bool MayWrite() const;
  void Gained();
  void Work(std::stop_token stop);
  void AdmitAll();
  void EnsureTls();

  LeadingDependencies d_;
  const std::function<void()> on_lost_;
  kube::LeaderElector elector_;
  enforce::MarkWriter marks_;
  enforce::Exceptions exceptions_;
  enforce::NodeReconciler reconciler_;
  policies::RolloutKeeper rollout_keeper_;
  policies::StatusWriter statuses_;
  enforce::ExceptionStatus exception_statuses_;
  identity::AdmissionReconciler admissions_;
  enforce::Enforcer enforcer_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool gained_ = false;          // guarded by mutex_
  bool admissions_due_ = false;  // guarded by mutex_
  std::mutex metrics_mutex_;
  enforce::WorkQueue::Counters exported_;  // guarded by metrics_mutex_
  std::jthread worker_;                    // last: it uses all of the above
};

}  // namespace plimsoll::controller
