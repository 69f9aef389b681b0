#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kAcknowledged = "plimsoll.dev/acknowledged-at";
constexpr const char* kReattest = "plimsoll.dev/reattest-requested-at";

Status AnnotateOne(Connection& connection, const AnnotateOptions& options, const std::string& node,
                   const Surroundings& surroundings) {
  const json patch = {{"metadata",
                       {{"annotations",
                         {{options.reattest ? kReattest : kAcknowledged,
                           FormatTime(surroundings.clock.Wall())}}}}}};
  PLIMSOLL_ASSIGN_OR_RETURN(
      const std::string written,
      connection.client().Patch({kube::kNodeAttestation, node}, kube::PatchType::kMerge,
                                patch.dump(),
                                {.field_manager = "kubectl-plimsoll", .dry_run = options.dry_run}));
  if (options.format == Format::kTable) {
    Printer(surroundings.out)
        .Line(fmt::format("nodeattestation.plimsoll.dev/{} {}{}", node,
                          options.reattest ? "is asked to attest again" : "acknowledged",
                          options.dry_run ? " (server dry run)" : ""));
    return {};
  }
  ordered_json object = ordered_json::parse(written, nullptr, false);
  if (object.is_object() && object.contains("metadata")) {
    object["metadata"].erase("managedFields");
  }
  PrintDocument(object, options.format, surroundings);
  return {};
}

}  // namespace

int Annotate(const AnnotateOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  int code = kExitTrusted;
  for (const std::string& node : options.nodes) {
    if (const Status done = AnnotateOne(*connection, options, node, surroundings); !done) {
      code = std::max(code, Failed(done.error(), surroundings));
    }
  }
  return code;
}

}  // namespace plimsoll::plugin
