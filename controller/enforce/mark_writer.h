#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/enforce/marks.h"
#include "controller/enforce/node_events.h"
#include "controller/enforce/node_patches.h"
#include "controller/metrics.h"
#include "controller/objects.h"
#include "kube/client.h"
#include "telemetry/log.h"

namespace plimsoll::controller::enforce {

// Writes label, taint and condition of Nodes (api.md 3.2). For the leader alone. Thread-safe for
// different nodes; one node is written by one thread at a time.
//
// Each write is a compare-and-swap on the Node's uid and resourceVersion, is started only while
// `may_write` says so, and touches nothing but our label, our taint key and our condition type. A
// conflict makes the writer read the live Node and decide again, so that an old decision is never
// written onto a newer Node.
class MarkWriter {
 public:
  // Decides for the live Node; called again after a conflict.
  using Decide = std::function<Result<DesiredMarks>(const Node& live)>;

  struct Outcome {
    bool gone = false;   // the Node is not there any more, or is another one
    DesiredMarks marks;  // as decided last, and now on the Node unless `gone`
  };

  static constexpr int kAttempts = 5;

  MarkWriter(kube::Client& client, NodeEvents events, const Clock& clock, Metrics& metrics,
             telemetry::Logger& logger, MarkNames names, std::function<bool()> may_write);

  // Brings the Node to what `decide` wants. Nothing is sent where `cached`, the informer's Node,
  // already carries it. `last_seen` is what the status says that an earlier leader left there.
  //
  // Fails with kConflict after kAttempts conflicts, kTimeout when writes are not allowed any more,
  // and as kube::Client does: marks that were not written are then as they were, and whoever calls
  // again continues where this call ended.
  struct LastSeen {
    std::string label;
    std::string taint;
  };
  Result<Outcome> Apply(const Node& cached, const EventNode& about, const LastSeen& last_seen,
                        const Decide& decide);

  // Drops what is remembered of a node that is gone.
  void Forget(const std::string& node_name);

 private:
  // What this writer, or the leader before it, left on a node; a part that is not known is absent.
  struct Written {
    std::string node_uid;
    std::optional<std::string> label;
    std::optional<std::string> trusted_until;
    std::optional<std::string> taints;
    std::optional<std::string> condition;
  };
  struct Live {
    std::string json;
    Node node;
  };

  Result<Live> Read(const std::string& name);
  Result<std::optional<Live>> WriteAll(Live live, const DesiredMarks& desired, Written& written,
                                       const EventNode& about);
  Result<std::string> Send(Mark mark, const Live& live, const DesiredMarks& desired);
  void Announce(Mark mark, const Live& before, const DesiredMarks& desired, const Written& written,
                const EventNode& about);
  void Remember(Written& written, const DesiredMarks& desired);
  Written Recall(const Node& node, const LastSeen& last_seen);
  void Keep(const std::string& node_name, const Written& written);

  kube::Client& client_;
  NodeEvents events_;
  const Clock& clock_;
  Metrics& metrics_;
  telemetry::Logger& logger_;
  const MarkNames names_;
  const std::function<bool()> may_write_;

  std::mutex mutex_;
  std::map<std::string, Written> written_;  // by node name
};

}  // namespace plimsoll::controller::enforce
