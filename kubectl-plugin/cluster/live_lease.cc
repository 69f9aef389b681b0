#include "kubectl-plugin/cluster/live_lease.h"

#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::plugin {

namespace fields = api::json_fields;

Result<std::optional<std::string>> LiveHolder(Connection& connection,
                                              const std::string& namespace_name,
                                              const std::string& name, WallTime now) {
  // Clocks differ, and a leader may be about to renew.
  constexpr std::chrono::seconds kMargin{15};
  const auto text = connection.client().Get({kube::kLease, name, namespace_name});
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return std::optional<std::string>();
  }
  if (!text) {
    return tl::unexpected(text.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json lease, fields::ParseObject(*text));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json spec, fields::Object(lease, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string holder, fields::String(spec, "holderIdentity"));
  PLIMSOLL_ASSIGN_OR_RETURN(const auto renewed, fields::OptionalTime(spec, "renewTime"));
  PLIMSOLL_ASSIGN_OR_RETURN(const int64_t duration,
                            fields::Integer(spec, "leaseDurationSeconds", 15));
  if (holder.empty() || !renewed || *renewed + std::chrono::seconds(duration) + kMargin < now) {
    return std::optional<std::string>();
  }
  return std::optional<std::string>(holder);
}

}  // namespace plimsoll::plugin
