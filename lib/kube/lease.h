#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/client.h"

namespace plimsoll::kube {

struct LeaderElectionOptions {
  std::string namespace_name;
  std::string name;      // of the Lease
  std::string identity;  // of this candidate, unique among them: the Pod's name
  std::chrono::milliseconds lease_duration{
      15'000};  // others wait this long after the last sign of the holder
  std::chrono::milliseconds renew_deadline{
      10'000};  // the holder gives up when it could not renew for so long
  std::chrono::milliseconds retry_period{2'000};
};

// Called on the elector's thread, which renews the lease between them: they must return quickly.
struct LeaderElectionCallbacks {
  std::function<void()> on_gained = {};
  std::function<void()> on_lost = {};  // not called when it was given up by Stop
  std::function<void(const std::string& holder)> on_observed =
      {};  // another holder than before was seen; "" for none
  std::function<void(const Error&)> on_error = {};
};

// Leader election by a coordination.k8s.io/v1 Lease, as client-go does it.
//
// Expiry is judged by the local monotonic clock from the moment when this candidate first saw the
// record that stands, never by the times in it, so that clocks may differ. Every write carries the
// resourceVersion that was read. A lost lease is not sought again: the caller should end the
// process, since it cannot know what of its work is still true.
class LeaderElector {
 public:
  LeaderElector(Client& client, const Clock& clock, Random& random, LeaderElectionOptions options,
                LeaderElectionCallbacks callbacks);
  ~LeaderElector();  // Stop()
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  void Start();

  // Ends the thread and, as leader, releases the lease so that another takes it at once. Stop all
  // writing before.
  void Stop();

  // Whether writes that only the leader may do are allowed now. Thread-safe.
  bool IsLeader() const;

  // Until when (start of the last successful renewal + renew_deadline); nullopt when not the
  // leader. A fenced writer checks it before each write and gives the write no more time than is
  // left. The margin to the lease's end is for what is on its way. Thread-safe.
  std::optional<MonotonicTime> LeadershipDeadline() const;

 private:
  enum class Outcome { kHeld, kHeldByOther, kFailed };

  void Run(std::stop_token stop);
  Outcome TryAcquireOrRenew(std::stop_token stop);
  Outcome Written(const Result<std::string>& answer, MonotonicTime started);
  Outcome Failed(const Error& error, std::stop_token stop);
  void Observe(const std::string& record, const std::string& holder);
  void Release();

  Client client_;
  const Clock& clock_;
  Random& random_;
  const LeaderElectionOptions options_;
  const LeaderElectionCallbacks callbacks_;

  std::string observed_record_;  // holder, times and transitions as last seen
  std::optional<std::string> observed_holder_;
  MonotonicTime observed_at_{};

  mutable std::mutex mutex_;
  std::optional<MonotonicTime> deadline_;
  std::jthread thread_;
};

}  // namespace plimsoll::kube
