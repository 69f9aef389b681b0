#include "controller/enforce/exception_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plimsoll::controller::enforce {

ExceptionStatus::ExceptionStatus(kube::Client& client, Exceptions& exceptions,
                                 const Lookup<Node>& nodes, const Clock& clock,
                                 telemetry::Logger& logger, std::function<bool()> may_write)
    : client_(client),
      exceptions_(exceptions),
      nodes_(nodes),
      clock_(clock),
      logger_(logger),
      may_write_(std::move(may_write)) {}

void ExceptionStatus::WriteChanged() {
  exceptions_.Prune();
  const auto all = exceptions_.List();
  if (all.empty()) {
    return;
  }
  const auto nodes = nodes_.List();
  for (const auto& exception : all) {
    Exceptions::Exception next = *exception;
    next.observed_generation = exception->meta.generation;
    next.nodes = std::count_if(nodes.begin(), nodes.end(),
                               [&](const auto& node) { return exception->Covers(node->meta); });
    Set(next.conditions, Active(*exception), clock_.Wall());
    if (next.observed_generation == exception->observed_generation &&
        next.nodes == exception->nodes && next.conditions == exception->conditions) {
      continue;
    }
    if (!may_write_()) {
      return;
    }
    const auto written = client_.UpdateStatus({kube::kAttestationException, next.meta.name},
                                              next.EncodeForStatusUpdate());
    if (!written && written.error().code != ErrorCode::kConflict &&
        written.error().code != ErrorCode::kNotFound) {
      logger_.Warning("status was not written", {{"kind", kube::kAttestationException.kind},
                                                 {"name", next.meta.name},
                                                 {"error", written.error().message}});
    }
  }
}

Condition ExceptionStatus::Active(const Exceptions::Exception& exception) {
  Condition active;
  active.type = "Active";
  active.status = ConditionStatus::kFalse;
  active.observed_generation = exception.meta.generation;
  switch (exceptions_.StateOf(exception)) {
    case Exceptions::State::kInForce:
      active.status = ConditionStatus::kTrue;
      active.reason = "InForce";
      active.message =
          fmt::format("taints are withheld until {}", FormatTime(exception.expires_at));
      break;
    case Exceptions::State::kExpired:
      active.reason = "Expired";
      active.message = fmt::format("it ended {}", FormatTime(exception.expires_at));
      break;
    case Exceptions::State::kTooLong:
      active.reason = "TooLong";
      active.message = fmt::format("it would last for more than {} days after its creation",
                                   Exceptions::Exception::kLongest.count());
      break;
  }
  return active;
}

}  // namespace plimsoll::controller::enforce
