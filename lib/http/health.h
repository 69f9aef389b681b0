#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/router.h"

namespace plimsoll::http {

// One thing that must hold. `check` is called on handler threads, several at once, and must answer
// within a second.
struct HealthCheck {
  std::string name;               // "informers"
  std::function<Status()> check;  // the error's message is shown to whoever asks: nothing secret
};

struct HealthEndpoints {
  std::vector<HealthCheck> live = {};   // failing: restart me
  std::vector<HealthCheck> ready = {};  // failing: send me nothing
  // Prometheus text exposition 0.0.4; no /metrics when null.
  std::function<std::string()> metrics = {};
};

// The public routes of the health port, for a Server of its own: GET /livez, /healthz (the same),
// /readyz, /metrics. 200 "ok" or 503; ?verbose lists the checks by name as Kubernetes does
// ("[+]informers ok"), and so does every failure.
Result<Router> HealthRouter(HealthEndpoints endpoints);

}  // namespace plimsoll::http
