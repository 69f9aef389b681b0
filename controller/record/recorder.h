#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/objects.h"
#include "kube/client.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

namespace plimsoll::controller::record {

struct RecorderOptions {
  std::chrono::seconds status_refresh{300};  // controller.statusRefreshSeconds
};

// Writes NodeAttestation status by compare-and-swap: the single lock of a node.
//
// A status is written when it differs in more than times and counters (see Significant), and
// otherwise when the last write is older than min(status_refresh, a third of the freshness'
// expire). Thread-safe.
class Recorder {
 public:
  // Gives the new status for the present one; nullopt to leave it. Called again with a newer object
  // after a conflict, so it must not have other effects.
  using Change =
      std::function<std::optional<NodeAttestationStatus>(const NodeAttestationStatus& current)>;

  // The same for those who must know which version of the object they change.
  using ObjectChange =
      std::function<std::optional<NodeAttestationStatus>(const NodeAttestation& current)>;

  Recorder(kube::Client& client, const Lookup<NodeAttestation>& cache, const Clock& clock,
           telemetry::Logger& logger, RecorderOptions options);

  // What `change` reads: the cached object, whose boot record may be dropped, or the object as it
  // is on the API server.
  enum class Need : uint8_t { kCached, kWhole };

  // Applies `change` to the NodeAttestation of that Node, creating the object where there is none,
  // and returns the status as it now is. An object of another Node UID is deleted and made anew
  // first: its status is never taken over. `expire` is the node's present expiry, for the refresh
  // interval. Fails with kConflict when five attempts met other writers, kUnavailable when the API
  // server does not answer: then nothing has changed.
  Result<NodeAttestationStatus> Apply(const std::string& node_name, const std::string& node_uid,
                                      std::chrono::seconds expire, const Change& change,
                                      Need need = Need::kCached);
  Result<NodeAttestationStatus> ApplyToObject(const std::string& node_name,
                                              const std::string& node_uid,
                                              std::chrono::seconds expire,
                                              const ObjectChange& change,
                                              Need need = Need::kCached);

 private:
  Result<std::string> Write(const NodeAttestation& current, const NodeAttestation& next);
  Result<NodeAttestation> Fetch(const std::string& node_name, const std::string& node_uid,
                                bool fresh);
  Status Replace(const NodeAttestation& foreign, const std::string& node_name,
                 const std::string& node_uid);
  bool RefreshDue(const NodeAttestationStatus& before, const NodeAttestationStatus& after,
                  std::chrono::seconds expire) const;

  kube::Client& client_;
  const Lookup<NodeAttestation>& cache_;
  const Clock& clock_;
  telemetry::Logger& logger_;
  const RecorderOptions options_;
};

// Whether the two differ in what people or the leader act on: everything but last_verified_time,
// last_trusted_time, expiration_time, the clock's value and consecutive_failures beyond the first.
bool Significant(const NodeAttestationStatus& before, const NodeAttestationStatus& after);

}  // namespace plimsoll::controller::record
