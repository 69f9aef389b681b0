#include <nlohmann/json.hpp>
#include <ostream>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/report_page.h"
#include "kubectl-plugin/cluster/report_view.h"

namespace plimsoll::plugin {

int Report(const ReportOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto fleet = ReadFleet(*connection, api::NodeAttestation::Boot::kKeep);
  if (!fleet) {
    return Failed(fleet.error(), surroundings);
  }
  const WallTime now = surroundings.clock.Wall();
  const nlohmann::ordered_json view = ReportView(*fleet, options.keys, now);
  if (options.html) {
    surroundings.out << ReportPage(view, now);
  } else {
    PrintDocument(view, options.format, surroundings);
  }
  return kExitTrusted;
}

}  // namespace plimsoll::plugin
