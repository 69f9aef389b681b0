#pragma once

#include <string>
#include <vector>

namespace plimsoll::telemetry {

struct ProcessSample {
  std::string name;
  std::string help;
  bool is_counter = false;
  double value = 0;
};

// The process_* metrics that every Prometheus client has, of this process, from /proc. What cannot
// be read is left out.
std::vector<ProcessSample> SampleProcess();

}  // namespace plimsoll::telemetry
