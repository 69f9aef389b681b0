#pragma once

#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "telemetry/log.h"

namespace plimsoll::fakes {

// Keeps every event as the JSON line that the real logger would write. Thread-safe.
class RecordingLogger final : public telemetry::Logger {
 public:
  void Log(telemetry::Level level, std::string_view message,
           telemetry::Fields fields) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(
        telemetry::FormatEvent(telemetry::LogFormat::kJson, "time", level, message, fields));
  }

  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  // The lines that hold `text`.
  std::vector<std::string> With(const std::string& text) const {
    std::vector<std::string> found;
    for (const std::string& line : lines()) {
      if (line.find(text) != std::string::npos) {
        found.push_back(line);
      }
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace plimsoll::fakes
