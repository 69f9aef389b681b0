// Policy files: YAML, our kinds in it, and what they compile to.

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/yaml.h"
#include "fuzz/expect.h"
#include "kubectl-plugin/policy_files.h"

using plimsoll::fuzz::Expect;

namespace {

class FixedClock final : public plimsoll::Clock {
 public:
  plimsoll::MonotonicTime Monotonic() const override {
    return plimsoll::MonotonicTime(std::chrono::hours(1));
  }
  plimsoll::WallTime Wall() const override {
    return plimsoll::WallTime(std::chrono::seconds(1795521600));  // 2026-11-24T12:00:00Z
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(plimsoll::AsText({data, size}));
  (void)plimsoll::ParseYaml(text, plimsoll::YamlScalars::kText, {.max_documents = 16});

  std::istringstream in;
  std::ostringstream out;
  const FixedClock clock;
  const plimsoll::plugin::Surroundings surroundings{in, out, out, clock};
  // A folder that is not there: allow-lists by name are not looked for.
  const auto set = plimsoll::plugin::ReadPolicyText(text, "/dev/null/policies.yaml", surroundings);
  if (!set) {
    Expect(!set.error().message.empty(), "a refusal has a reason");
    return 0;
  }
  const auto again =
      plimsoll::plugin::ReadPolicyText(text, "/dev/null/policies.yaml", surroundings);
  Expect(again && again->policies.size() == set->policies.size() &&
             again->authorities.size() == set->authorities.size(),
         "the same text gives the same policies");
  for (size_t i = 0; i < set->policies.size(); ++i) {
    const auto& policy = *set->policies[i];
    Expect(policy.ready() == again->policies[i]->ready(), "and the same readiness");
    Expect(policy.ready() || !policy.problem().empty(), "a policy that is not ready says why");
  }
  return 0;
}
