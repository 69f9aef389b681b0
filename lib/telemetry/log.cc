#include "telemetry/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "telemetry/utf8.h"

namespace plimsoll::telemetry {
namespace {

constexpr size_t kMaxValueBytes = 4096;
constexpr std::string_view kCut = "...";

// What would end a line, move a cursor or turn the direction of text in some terminal or viewer.
bool IsUnprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

std::string Escape(std::string_view text) {
  const bool cut = text.size() > kMaxValueBytes;
  if (cut) {
    size_t end = kMaxValueBytes;
    while (end > kMaxValueBytes - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;
    }
    text = text.substr(0, end);
  }
  std::string escaped;
  escaped.reserve(text.size() + 8);
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    if (point.bytes == 0) {
      escaped += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (point.value == '"' || point.value == '\\') {
      escaped.push_back('\\');
      escaped.push_back(static_cast<char>(point.value));
    } else if (point.value == '\n') {
      escaped += "\\n";
    } else if (IsUnprintable(point.value)) {
      fmt::format_to(std::back_inserter(escaped), "\\u{:04x}", static_cast<uint32_t>(point.value));
    } else {
      escaped += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  if (cut) {
    escaped += kCut;
  }
  return escaped;
}

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Numbers and truth values look the same in both formats; JSON has no infinity.
struct PlainValue {
  std::string operator()(std::string_view /*text*/) const { return {}; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(uint64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    return std::isfinite(value) ? fmt::format("{}", value) : "null";
  }
};

std::string JsonEvent(std::string_view time, Level level, std::string_view message, Fields fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":"{}")", time,
                                 NameOf(level), Escape(message));
  for (const Field& field : fields) {
    line += ",\"" + Escape(field.key) + "\":";
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      line += '"' + Escape(*text) + '"';
    } else {
      line += std::visit(PlainValue{}, field.value);
    }
  }
  line += '}';
  return line;
}

// Quoted unless it can be told from what stands around it.
std::string Quoted(std::string_view text, std::string_view troublesome) {
  const std::string escaped = Escape(text);
  const bool plain = !text.empty() && escaped.find_first_of(troublesome) == std::string::npos;
  return plain ? escaped : '"' + escaped + '"';
}

std::string TextEvent(std::string_view time, Level level, std::string_view message, Fields fields) {
  std::string line = fmt::format("{} {:<7} {}", time, NameOf(level), Quoted(message, "=\"\\"));
  for (const Field& field : fields) {
    line += ' ' + Quoted(field.key, " =\"\\") + '=';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      line += Quoted(*text, " =\"\\");
    } else {
      line += std::visit(PlainValue{}, field.value);
    }
  }
  return line;
}

// Whole lines to a file descriptor. The line is written by one call where the kernel takes it all.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return;  // a log that cannot be written has nowhere to say so
      }
      rest.remove_prefix(static_cast<size_t>(written));
    }
  }
  void flush_() override {}

 private:
  const int fd_;
};

class SpdlogLogger final : public Logger {
 public:
  explicit SpdlogLogger(LogOptions options)
      : format_(options.format), logger_("plimsoll", std::make_shared<DescriptorSink>(options.fd)) {
    logger_.set_level(ToSpdlog(options.level));
    logger_.set_error_handler([](const std::string&) {});
  }

  void Log(Level level, std::string_view message, Fields fields) noexcept override {
    if (!logger_.should_log(ToSpdlog(level))) {
      return;
    }
    try {
      const std::string time = FormatMicroTime(std::chrono::system_clock::now());
      const std::string line = FormatEvent(format_, time, level, message, fields);
      logger_.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
    } catch (...) {
      // Out of memory, perhaps; the caller's work matters more than this line.
    }
  }

 private:
  const LogFormat format_;
  spdlog::logger logger_;
};

}  // namespace

std::optional<Level> LevelFromText(std::string_view text) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (NameOf(level) == text) {
      return level;
    }
  }
  return std::nullopt;
}

std::optional<LogFormat> LogFormatFromText(std::string_view text) {
  if (text == "text") {
    return LogFormat::kText;
  }
  if (text == "json") {
    return LogFormat::kJson;
  }
  return std::nullopt;
}

std::string FormatEvent(LogFormat format, std::string_view time, Level level,
                        std::string_view message, Fields fields) {
  return format == LogFormat::kJson ? JsonEvent(time, level, message, fields)
                                    : TextEvent(time, level, message, fields);
}

std::unique_ptr<Logger> MakeLogger(LogOptions options) {
  return std::make_unique<SpdlogLogger>(options);
}

}  // namespace plimsoll::telemetry
