#include <fmt/format.h>

#include <iostream>

#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"
#include "kubectl-plugin/learner.h"
#include "kubectl-plugin/learnt_objects.h"
#include "kubectl-plugin/offline_appraisal.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

// Whether the bundle is Trusted under what was learnt from it.
bool PassesItsOwn(const evidence::BundleDocument& bundle, const std::string& yaml,
                  const Surroundings& surroundings) {
  const auto policies = ReadPolicyText(yaml, "baseline", surroundings);
  if (!policies) {
    return false;
  }
  const auto appraisal = AppraiseBundle(bundle, *policies, surroundings.clock);
  return appraisal && appraisal->verdict == appraisal::Verdict::kTrusted;
}

}  // namespace

int Baseline(const BaselineOptions& options, const Surroundings& surroundings) {
  const auto bundle = ReadBundle(options.bundle, surroundings);
  if (!bundle) {
    return Unusable(bundle.error(), surroundings);
  }
  const auto appraisal = AppraiseBundle(*bundle, {}, surroundings.clock);
  if (!appraisal) {
    return Unusable(appraisal.error(), surroundings);
  }
  if (appraisal->reason != appraisal::Reason::kNoEnforcingPolicy || !appraisal->facts) {
    Printer(surroundings.err)
        .Line(fmt::format("kubectl plimsoll: {}: nothing can be learnt from it: {}: {}",
                          options.bundle, appraisal::ToString(appraisal->reason),
                          appraisal->message));
    return kExitUntrusted;
  }
  const std::string name =
      options.name.empty() ? "baseline-" + bundle->frame().node_name : options.name;
  return PrintBaseline(
      Learner(name, {&*appraisal->facts}), options.kinds, options.format,
      [&](const std::string& yaml) { return PassesItsOwn(*bundle, yaml, surroundings); },
      surroundings);
}

}  // namespace plimsoll::plugin
