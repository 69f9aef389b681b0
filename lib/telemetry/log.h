#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace plimsoll::telemetry {

enum class Level : uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : uint8_t { kText, kJson };

// "debug", "info", "warning", "error"; nullopt for anything else.
std::optional<Level> LevelFromText(std::string_view text);
// "text", "json"; nullopt for anything else.
std::optional<LogFormat> LogFormatFromText(std::string_view text);

// A key and a value of a log event; refers to the caller's text for the length of the call. Keys
// are literals in lowerCamel ("node", "bootID").
struct Field {
  using Value = std::variant<std::string_view, bool, int64_t, uint64_t, double>;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  template <std::signed_integral T>
  Field(std::string_view k, T v) : key(k), value(static_cast<int64_t>(v)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view k, T v)
      : key(k), value(static_cast<uint64_t>(v)) {}
  Field(std::string_view k, double v) : key(k), value(v) {}

  std::string_view key;
  Value value;
};

using Fields = std::initializer_list<Field>;

// Where a program's events go. Passed by reference to whoever has something to say; tests bring
// their own. Thread-safe, never throws.
//
// Never logged: tokens, secrets, nonces, keys, whole evidence.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void Log(Level level, std::string_view message, Fields fields) noexcept = 0;

  void Debug(std::string_view message, Fields fields = {}) noexcept {
    Log(Level::kDebug, message, fields);
  }
  void Info(std::string_view message, Fields fields = {}) noexcept {
    Log(Level::kInfo, message, fields);
  }
  void Warning(std::string_view message, Fields fields = {}) noexcept {
    Log(Level::kWarning, message, fields);
  }
  void Error(std::string_view message, Fields fields = {}) noexcept {
    Log(Level::kError, message, fields);
  }
};

struct LogOptions {
  LogFormat format = LogFormat::kText;
  Level level = Level::kInfo;  // less is dropped
  int fd = 2;                  // written to, not owned
};

// One event is one line, whatever its texts hold: control characters, line separators and invalid
// UTF-8 are escaped, values are cut at 4 KiB.
//   json  {"time":"2026-11-24T08:00:00.000000Z","level":"info","message":"node
//   attested","node":"worker-2"} text  2026-11-24T08:00:00.000000Z info    node attested
//   node=worker-2
std::unique_ptr<Logger> MakeLogger(LogOptions options);

// The line of one event without its end, as MakeLogger writes it.
std::string FormatEvent(LogFormat format, std::string_view time, Level level,
                        std::string_view message, Fields fields);

}  // namespace plimsoll::telemetry
