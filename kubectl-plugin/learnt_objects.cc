#include "kubectl-plugin/learnt_objects.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "kubectl-plugin/yaml_text.h"

namespace plimsoll::plugin {

void PrintObjects(const std::vector<nlohmann::ordered_json>& objects, Format format,
                  const Surroundings& surroundings) {
  if (format != Format::kJson) {
    for (size_t i = 0; i < objects.size(); ++i) {
      surroundings.out << (i == 0 ? "" : "---\n") << ToYaml(objects[i]);
    }
  } else if (objects.size() == 1) {
    PrintDocument(objects.front(), format, surroundings);
  } else {
    PrintDocument({{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}}, format,
                  surroundings);
  }
}

int PrintBaseline(const Learner& learner, BaselineKinds kinds, Format format,
                  const std::function<bool(const std::string& yaml)>& passes,
                  const Surroundings& surroundings) {
  if (!learner.HasValues()) {
    surroundings.err << "kubectl plimsoll: no PCR was quoted\n";
    return kExitUntrusted;
  }
  const nlohmann::ordered_json values =
      learner.Values("learnt from one machine; look at it before it decides");
  for (const bool by_events : {true, false}) {
    if (by_events && !learner.HasLog()) {
      continue;
    }
    const nlohmann::ordered_json policy =
        by_events ? learner.PolicyByEvents() : learner.PolicyByValues();
    if (!passes(ToYaml(values) + "---\n" + ToYaml(policy))) {
      continue;
    }
    std::vector<nlohmann::ordered_json> objects;
    if (kinds != BaselineKinds::kAttestationPolicy) {
      objects.push_back(values);
    }
    if (kinds != BaselineKinds::kReferenceValues) {
      objects.push_back(policy);
    }
    PrintObjects(objects, format, surroundings);
    return kExitTrusted;
  }
  surroundings.err
      << "kubectl plimsoll: the machine would not pass under what was learnt from it\n";
  return kExitUntrusted;
}

}  // namespace plimsoll::plugin
