#include "controller/record/recorder.h"

#include <algorithm>

#include "controller/objects.h"

namespace plimsoll::controller::record {
namespace {

constexpr int kAttempts = 5;
constexpr std::string_view kFieldManager = "plimsoll-controller";

}  // namespace

Recorder::Recorder(kube::Client& client, const Lookup<NodeAttestation>& cache, const Clock& clock,
                   telemetry::Logger& logger, RecorderOptions options)
    : client_(client), cache_(cache), clock_(clock), logger_(logger), options_(options) {}

Result<NodeAttestationStatus> Recorder::Apply(const std::string& node_name,
                                              const std::string& node_uid,
                                              std::chrono::seconds expire, const Change& change,
                                              Need need) {
  return ApplyToObject(
      node_name, node_uid, expire,
      [&change](const NodeAttestation& current) { return change(current.status); }, need);
}

Result<NodeAttestationStatus> Recorder::ApplyToObject(const std::string& node_name,
                                                      const std::string& node_uid,
                                                      std::chrono::seconds expire,
                                                      const ObjectChange& change, Need need) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Result<NodeAttestation> current =
        Fetch(node_name, node_uid, attempt > 0 || need == Need::kWhole);
    if (!current) {
      if (current.error().code == ErrorCode::kConflict) {
        continue;
      }
      return tl::unexpected(current.error());
    }
    const std::optional<NodeAttestationStatus> wanted = change(*current);
    if (!wanted) {
      return current->status;
    }
    if (!Significant(current->status, *wanted) && !RefreshDue(current->status, *wanted, expire) &&
        !current->ReattestationIsDue(clock_.Wall())) {
      return *wanted;
    }
    NodeAttestation next = *current;
    next.status = *wanted;
    const auto written = Write(*current, next);
    if (written) {
      if (current->status.summary != wanted->summary) {
        logger_.Info(
            "verdict changed",
            {{"node", node_name}, {"from", current->status.summary}, {"to", wanted->summary}});
      }
      return *wanted;
    }
    if (written.error().code != ErrorCode::kConflict &&
        written.error().code != ErrorCode::kNotFound) {
      return Wrap("write NodeAttestation status", written.error());
    }
  }
  return Fail(ErrorCode::kConflict, "NodeAttestation is being written by others", Retry::kBackoff);
}

// A boot record that was dropped on reading is left as it is by a patch; everything else is written
// whole.
Result<std::string> Recorder::Write(const NodeAttestation& current, const NodeAttestation& next) {
  const kube::ResourceRef ref{kube::kNodeAttestation, next.meta.name};
  if (!next.status.boot.dropped()) {
    return client_.UpdateStatus(ref, next.EncodeForStatusUpdate());
  }
  if (!(next.status.boot == current.status.boot)) {
    return Fail(ErrorCode::kInternal, "a boot record was taken over without its text");
  }
  return client_.Patch(ref, kube::PatchType::kMerge, next.EncodeForStatusPatch(current.status),
                       {.subresource = "status",
                        .field_manager = std::string(kFieldManager),
                        .force = false,
                        .dry_run = false});
}

// The object as it stands, made where there is none. From the cache at first: when that is behind,
// the write is refused and the next attempt asks the server.
Result<NodeAttestation> Recorder::Fetch(const std::string& node_name, const std::string& node_uid,
                                        bool fresh) {
  if (!fresh) {
    if (const auto cached = cache_.Get(node_name); cached && cached->owner_uid == node_uid) {
      return *cached;
    }
  }
  const kube::ResourceRef ref{kube::kNodeAttestation, node_name};
  const auto live = client_.Get(ref);
  if (live) {
    PLIMSOLL_ASSIGN_OR_RETURN(NodeAttestation attestation, NodeAttestation::Parse(*live));
    if (attestation.owner_uid == node_uid) {
      return attestation;
    }
    PLIMSOLL_RETURN_IF_ERROR(Replace(attestation, node_name, node_uid));
  } else if (live.error().code != ErrorCode::kNotFound) {
    return Wrap("read NodeAttestation", live.error());
  }
  const auto created = client_.Create({kube::kNodeAttestation, ""},
                                      NodeAttestation::EncodeForCreate(node_name, node_uid));
  if (!created) {
    return Wrap("create NodeAttestation", created.error());
  }
  return NodeAttestation::Parse(*created);
}

// Removes the object of an earlier Node of that name. Only the live Node decides who is the earlier
// one: our own cache may be behind.
Status Recorder::Replace(const NodeAttestation& foreign, const std::string& node_name,
                         const std::string& node_uid) {
  const auto live = client_.Get({kube::kNode, node_name});
  if (!live) {
    return Wrap("read Node", live.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Node node, Node::Parse(*live));
  if (node.meta.uid != node_uid) {
    return Fail(ErrorCode::kDenied, "the Node of that name is another one now", Retry::kBackoff);
  }
  logger_.Info("NodeAttestation of an earlier Node is replaced",
               {{"node", node_name}, {"nodeUID", node_uid}});
  const Status deleted = client_.Delete({kube::kNodeAttestation, node_name},
                                        {.uid = foreign.meta.uid, .resource_version = {}});
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) {
    return Wrap("delete NodeAttestation", deleted.error());
  }
  return {};
}

bool Recorder::RefreshDue(const NodeAttestationStatus& before, const NodeAttestationStatus& after,
                          std::chrono::seconds expire) const {
  if (!after.last_verified_time || after.last_verified_time == before.last_verified_time) {
    return false;
  }
  if (!before.last_verified_time) {
    return true;
  }
  return *after.last_verified_time - *before.last_verified_time >=
         std::min<std::chrono::nanoseconds>(options_.status_refresh, expire / 3);
}

bool Significant(const NodeAttestationStatus& before, const NodeAttestationStatus& after) {
  NodeAttestationStatus comparable = after;
  comparable.last_verified_time = before.last_verified_time;
  comparable.expiration_time = before.expiration_time;
  if (comparable.last_trusted_time && before.last_trusted_time) {
    comparable.last_trusted_time = before.last_trusted_time;
  }
  if (comparable.clock && before.clock) {
    comparable.clock->clock = before.clock->clock;
  }
  // How far the list was judged is no change, but in the middle of a long one: the next chunk has
  // to begin where this one ended.
  const Condition* runtime = Find(after.conditions, "RuntimeVerified");
  const bool pending = runtime != nullptr && runtime->reason == "RuntimeListPending";
  if (!pending && comparable.ima && before.ima &&
      comparable.ima->violations == before.ima->violations &&
      comparable.ima->rules == before.ima->rules) {
    comparable.ima = before.ima;
  }
  if (comparable.consecutive_failures > 0 && before.consecutive_failures > 0) {
    comparable.consecutive_failures = before.consecutive_failures;
  }
  for (PolicyResult& policy : comparable.policies) {
    const auto same = std::find_if(before.policies.begin(), before.policies.end(),
                                   [&](const PolicyResult& p) { return p.uid == policy.uid; });
    if (same != before.policies.end() && same->judged_time && policy.judged_time) {
      policy.judged_time = same->judged_time;
    }
  }
  return !(comparable == before);
}

}  // namespace plimsoll::controller::record
