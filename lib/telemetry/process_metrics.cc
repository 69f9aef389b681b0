#include "telemetry/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace plimsoll::telemetry {
namespace {

// The numbers of /proc/self/stat behind the program's name, which may hold anything; proc(5)
// counts the first of them as field 3.
constexpr size_t kFirstField = 3;
constexpr size_t kUserTime = 14;
constexpr size_t kSystemTime = 15;
constexpr size_t kStartTime = 22;
constexpr size_t kVirtualBytes = 23;
constexpr size_t kResidentPages = 24;

std::optional<std::vector<double>> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream rest(text.substr(name_end + 1));
  std::string state;
  rest >> state;
  std::vector<double> fields(kFirstField + 1, 0);
  double value = 0;
  while (rest >> value) {
    fields.push_back(value);
  }
  if (fields.size() <= kResidentPages) {
    return std::nullopt;
  }
  return fields;
}

std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) {
      return seconds;
    }
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) {
    return std::nullopt;
  }
  double count = -1;  // the directory's own
  while (const dirent* entry = readdir(directory)) {
    if (std::string_view(entry->d_name).front() != '.') {
      count += 1;
    }
  }
  closedir(directory);
  return count;
}

}  // namespace

std::vector<ProcessSample> SampleProcess() {
  std::vector<ProcessSample> samples;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto fields = StatFields()) {
    samples.push_back({.name = "process_cpu_seconds_total",
                       .help = "Total user and system CPU time spent in seconds.",
                       .is_counter = true,
                       .value = ((*fields)[kUserTime] + (*fields)[kSystemTime]) / ticks});
    samples.push_back(
        {.name = "process_resident_memory_bytes",
         .help = "Resident memory size in bytes.",
         .value = (*fields)[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE))});
    samples.push_back({.name = "process_virtual_memory_bytes",
                       .help = "Virtual memory size in bytes.",
                       .value = (*fields)[kVirtualBytes]});
    if (const auto boot = BootTime()) {
      samples.push_back({.name = "process_start_time_seconds",
                         .help = "Start time of the process since unix epoch in seconds.",
                         .value = *boot + (*fields)[kStartTime] / ticks});
    }
  }
  if (const auto open = OpenDescriptors()) {
    samples.push_back(
        {.name = "process_open_fds", .help = "Number of open file descriptors.", .value = *open});
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    samples.push_back({.name = "process_max_fds",
                       .help = "Maximum number of open file descriptors.",
                       .value = static_cast<double>(limit.rlim_cur)});
  }
  return samples;
}

}  // namespace plimsoll::telemetry
