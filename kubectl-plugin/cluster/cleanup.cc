#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "api/node_marks.h"
#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/live_lease.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

constexpr int kAttempts = 8;  // a kubelet writes its Node every few seconds

struct Outcome {
  std::string node;
  std::string removed;  // empty: it carried none of our marks
  std::optional<Error> error;
};

// One Node: reads, removes, and reads again while others write. Whatever is gone already is fine.
Result<std::string> CleanNode(Connection& connection, const CleanupOptions& options,
                              const std::string& name) {
  const api::NodeMarkKeys keys{options.keys.label, options.keys.taint, options.keys.condition};
  const kube::ResourceRef ref{kube::kNode, name};
  kube::WriteOptions write{.field_manager = "plimsoll-controller", .dry_run = options.dry_run};
  std::string removed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto text = connection.client().Get(ref);
    if (!text && text.error().code == ErrorCode::kNotFound) {
      return std::string();
    }
    if (!text) {
      return tl::unexpected(text.error());
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const api::MarkRemoval removal, api::RemoveMarks(*text, keys));
    if (removal.empty()) {
      return removed;
    }
    removed = removed.empty() ? removal.description : removed;
    write.subresource = removal.node ? "" : "status";
    const auto answer = connection.client().Patch(
        ref, kube::PatchType::kMerge, removal.node ? *removal.node : *removal.status, write);
    if (answer && options.dry_run) {
      return removed;
    }
    if (!answer && answer.error().code == ErrorCode::kNotFound) {
      return removed;
    }
    if (!answer && answer.error().code != ErrorCode::kConflict) {
      return tl::unexpected(answer.error());
    }
  }
  return Fail(ErrorCode::kConflict, "the Node is being written by others", Retry::kBackoff);
}

Result<std::vector<std::string>> NodeNames(Connection& connection) {
  std::vector<std::string> names;
  PLIMSOLL_RETURN_IF_ERROR(connection.ForEach({kube::kNode, ""}, {}, [&](std::string_view json) {
    if (auto meta = kube::ParseObjectMeta(json)) {
      names.push_back(std::move(meta->name));
    }
  }));
  return names;
}

// A controller that runs would put every mark back.
Status RefuseWhileAControllerRuns(Connection& connection, const CleanupOptions& options,
                                  WallTime now) {
  if (options.force) {
    return {};
  }
  const auto holder = LiveHolder(connection, options.connection.namespace_name, options.lease, now);
  if (!holder) {
    return Wrap("whether a controller still runs cannot be seen (--force: clean up all the same)",
                holder.error());
  }
  if (*holder) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("{} still holds the Lease {}/{} and would put every mark back: scale the "
                    "controller to 0 first (kubectl -n {} scale deployment plimsoll-controller "
                    "--replicas=0), wait half a minute, or say --force",
                    **holder, options.connection.namespace_name, options.lease,
                    options.connection.namespace_name));
  }
  return {};
}

int Show(const std::vector<Outcome>& outcomes, const CleanupOptions& options,
         const Surroundings& surroundings) {
  size_t failed = 0;
  size_t cleaned = 0;
  ordered_json nodes = ordered_json::array();
  Printer out(surroundings.out);
  Printer err(surroundings.err);
  for (const Outcome& outcome : outcomes) {
    failed += outcome.error ? 1 : 0;
    cleaned += !outcome.error && !outcome.removed.empty() ? 1 : 0;
    ordered_json item = {{"node", outcome.node}, {"removed", outcome.removed}};
    if (outcome.error) {
      item["error"] = outcome.error->message;
      err.Line(fmt::format("kubectl plimsoll: node {}: {}", outcome.node, outcome.error->message));
    }
    nodes.push_back(std::move(item));
    if (options.format == Format::kTable && !outcome.error && !outcome.removed.empty()) {
      out.Line(fmt::format("node/{} {}: {}", outcome.node,
                           options.dry_run ? "would be cleaned" : "cleaned", outcome.removed));
    }
  }
  if (options.format == Format::kTable) {
    out.Line(fmt::format("{} of {} nodes {}, {} failed", cleaned, outcomes.size(),
                         options.dry_run ? "would be cleaned" : "cleaned", failed));
  } else {
    PrintDocument({{"dryRun", options.dry_run},
                   {"cleaned", cleaned},
                   {"failed", failed},
                   {"nodes", std::move(nodes)}},
                  options.format, surroundings);
  }
  return failed == 0 ? kExitTrusted : kExitUnreachable;
}

}  // namespace

int Cleanup(const CleanupOptions& options, const Surroundings& surroundings) {
  auto reading = Connection::Open(options.connection, surroundings);
  if (!reading) {
    return Failed(reading.error(), surroundings);
  }
  if (const Status idle = RefuseWhileAControllerRuns(*reading, options, surroundings.clock.Wall());
      !idle) {
    return Failed(idle.error(), surroundings);
  }
  // The admission policy lets nobody but the controller (and break-glass groups) touch marks.
  ConnectionOptions as = options.connection;
  if (options.impersonate && as.as_user.empty()) {
    as.as_user =
        fmt::format("system:serviceaccount:{}:{}", as.namespace_name, options.service_account);
  }
  auto writing = Connection::Open(as, surroundings);
  if (!writing) {
    return Failed(writing.error(), surroundings);
  }
  const auto names = NodeNames(*reading);
  if (!names) {
    return Failed(names.error(), surroundings);
  }
  std::vector<Outcome> outcomes;
  for (const std::string& name : *names) {
    auto removed = CleanNode(*writing, options, name);
    outcomes.push_back(
        {name, removed ? *removed : "", removed ? std::nullopt : std::optional(removed.error())});
  }
  return Show(outcomes, options, surroundings);
}

}  // namespace plimsoll::plugin
