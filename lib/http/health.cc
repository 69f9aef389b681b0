#include "http/health.h"

#include <memory>
#include <utility>

namespace plimsoll::http {
namespace {

using Checks = std::vector<HealthCheck>;

Response RunChecks(const Checks& checks, std::string_view endpoint, bool verbose) {
  bool healthy = true;
  std::string report;
  for (const HealthCheck& check : checks) {
    if (const Status status = check.check(); status) {
      report += "[+]" + check.name + " ok\n";
    } else {
      healthy = false;
      report += "[-]" + check.name + " failed: " + status.error().message + "\n";
    }
  }
  if (healthy && !verbose) {
    return TextResponse(200, "ok");
  }
  report += std::string(endpoint) + (healthy ? " check passed\n" : " check failed\n");
  return TextResponse(healthy ? 200 : 503, std::move(report));
}

Route PublicGet(std::string pattern, Handler handler) {
  return Route{.method = Method::kGet,
               .pattern = std::move(pattern),
               .handler = std::move(handler),
               .max_body_bytes = kNoBody,
               .access = Access::kPublic,
               .realm = {}};
}

Route ChecksRoute(std::string name, const std::shared_ptr<const Checks>& checks) {
  return PublicGet("/" + name, [name, checks](const Request& request) {
    return RunChecks(*checks, name, request.query.contains("verbose"));
  });
}

}  // namespace

Result<Router> HealthRouter(HealthEndpoints endpoints) {
  const auto live = std::make_shared<const Checks>(std::move(endpoints.live));
  const auto ready = std::make_shared<const Checks>(std::move(endpoints.ready));
  std::vector<Route> routes = {ChecksRoute("livez", live), ChecksRoute("healthz", live),
                               ChecksRoute("readyz", ready)};
  if (endpoints.metrics) {
    routes.push_back(
        PublicGet("/metrics", [metrics = std::move(endpoints.metrics)](const Request&) {
          Response response = TextResponse(200, metrics());
          response.content_type = "text/plain; version=0.0.4; charset=utf-8";
          return response;
        }));
  }
  return Router::Create(std::move(routes));
}

}  // namespace plimsoll::http
