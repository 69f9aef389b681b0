#include "kube/events.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/json.h"
#include "kube/sleep.h"
#include "kube/text.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;

constexpr size_t kMaxNoteBytes = 1024;  // the API server's own limit
constexpr size_t kMaxNameBytes = 200;   // of 253, with room for the hash
constexpr int kAttempts = 5;
constexpr JsonLimits kEventLimits{.max_bytes = size_t{1} << 20, .max_depth = 64};

// FNV-1a, 64 bits. Only tells events of one object apart: a collision counts one event up instead
// of making another.
std::string Fingerprint(std::initializer_list<std::string_view> parts) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const std::string_view part : parts) {
    for (const char c : part) {
      add(static_cast<unsigned char>(c));
    }
    add(0);
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4) {
    *digit = kHex[hash & 15];
  }
  return text;
}

std::string EventName(const EventSubject& subject, std::string_view reason, std::string_view note) {
  std::string name = subject.name.substr(0, kMaxNameBytes);
  while (!name.empty() && (name.back() == '.' || name.back() == '-')) {
    name.pop_back();
  }
  return name + "." + Fingerprint({subject.uid, reason, note});
}

std::string Dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

EventRecorder::EventRecorder(Client& client, const Clock& clock, EventRecorderOptions options)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      queue_(options_.queue_capacity),
      allowance_(options_.burst),
      allowance_at_(clock.Monotonic()),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

EventRecorder::~EventRecorder() {
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::Record(EventSubject subject, EventType type, std::string reason,
                           std::string action, std::string note) {
  if (!queue_.Push({std::move(subject), type, std::move(reason), std::move(action),
                    CutText(note, kMaxNoteBytes), clock_.Wall()})) {
    ++dropped_;
  }
}

void EventRecorder::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const std::optional<Event> event = queue_.Pop(stop, options_.series_window);
    const MonotonicTime now = clock_.Monotonic();
    std::erase_if(series_, [&](const auto& entry) {
      return entry.second.seen + options_.series_window < now;
    });
    if (event) {
      Handle(*event, stop);
    }
  }
}

void EventRecorder::Handle(const Event& event, std::stop_token stop) {
  const std::string name = EventName(event.subject, event.reason, event.note);
  Series& series = series_[name];
  const MonotonicTime now = clock_.Monotonic();
  series.seen = now;
  if (series.count > 0 && now < series.written + options_.series_write_interval) {
    ++series.count;
    return;
  }
  const ResourceRef ref{
      kEvent, name,
      event.subject.namespace_name.empty() ? std::string("default") : event.subject.namespace_name};
  std::chrono::milliseconds delay = options_.retry_delay;
  Status written;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (!WaitForRate(stop)) {
      return;
    }
    written = Write(event, ref, series, stop);
    if (written || written.error().retry != Retry::kBackoff) {
      break;
    }
    const std::chrono::milliseconds asked = written.error().retry_after;
    if (!SleepFor(std::max(delay, asked), stop)) {
      return;
    }
    delay *= 2;
  }
  series.written = clock_.Monotonic();
  if (!written) {
    ++dropped_;
    if (options_.on_error) {
      options_.on_error(written.error());
    }
  }
}

Status EventRecorder::Write(const Event& event, const ResourceRef& ref, Series& series,
                            std::stop_token stop) {
  if (series.count > 0) {
    Status counted = CountUp(event, ref, series.count + 1, stop);
    if (counted || counted.error().code != ErrorCode::kNotFound) {
      series.count += counted ? 1 : 0;
      return counted;
    }
    series.count = 0;  // events live for an hour
  }
  Status created = CreateEvent(event, ref, stop);
  if (created) {
    series.count = 1;
    return created;
  }
  if (created.error().code != ErrorCode::kConflict) {
    return created;
  }
  // It is there: from before a restart, or because the request arrived twice.
  PLIMSOLL_ASSIGN_OR_RETURN(const int64_t count, CountOnServer(event, ref, stop));
  series.count = count + 1;
  return count == 0 ? Status{} : CountUp(event, ref, series.count, stop);
}

Status EventRecorder::CreateEvent(const Event& event, const ResourceRef& ref,
                                  std::stop_token stop) {
  json object = ApplyFrame(ref, {});
  json regarding = {{"apiVersion", ApiVersion(event.subject.kind)},
                    {"kind", std::string(event.subject.kind.kind)},
                    {"name", event.subject.name},
                    {"uid", event.subject.uid}};
  if (!event.subject.namespace_name.empty()) {
    regarding["namespace"] = event.subject.namespace_name;
  }
  object["eventTime"] = FormatMicroTime(event.time);
  object["type"] = event.type == EventType::kWarning ? "Warning" : "Normal";
  object["reason"] = event.reason;
  object["action"] = event.action;
  object["note"] = event.note;
  object["regarding"] = std::move(regarding);
  object["reportingController"] = options_.reporting_controller;
  object["reportingInstance"] = options_.reporting_instance;
  const Result<std::string> answer =
      client_.Create({kEvent, {}, ref.namespace_name}, Dump(object), {}, stop);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  return {};
}

// 0 when the event on the server is this very occurrence.
Result<int64_t> EventRecorder::CountOnServer(const Event& event, const ResourceRef& ref,
                                             std::stop_token stop) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, client_.Get(ref, stop));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(text, kEventLimits));
  if (object.value("eventTime", json()) == FormatMicroTime(event.time) &&
      object.value("reportingInstance", json()) == options_.reporting_instance) {
    return 0;
  }
  const json series = object.value("series", json());
  const json count = series.is_object() ? series.value("count", json()) : json();
  return count.is_number_integer() ? std::clamp<int64_t>(count.get<int64_t>(), 1, INT32_MAX - 1)
                                   : 1;
}

Status EventRecorder::CountUp(const Event& event, const ResourceRef& ref, int64_t count,
                              std::stop_token stop) {
  const json patch = {
      {"series", {{"count", count}, {"lastObservedTime", FormatMicroTime(event.time)}}}};
  const Result<std::string> answer = client_.Patch(ref, PatchType::kMerge, patch.dump(), {}, stop);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  return {};
}

bool EventRecorder::WaitForRate(std::stop_token stop) {
  const MonotonicTime now = clock_.Monotonic();
  const std::chrono::duration<double> passed = now - std::exchange(allowance_at_, now);
  allowance_ = std::min(options_.burst, allowance_ + passed.count() * options_.rate);
  if (allowance_ >= 1) {
    allowance_ -= 1;
    return true;
  }
  const std::chrono::duration<double> missing((1 - allowance_) / options_.rate);
  allowance_ -= 1;  // repaid while waiting
  return SleepFor(std::chrono::duration_cast<std::chrono::nanoseconds>(missing), stop);
}

}  // namespace plimsoll::kube
