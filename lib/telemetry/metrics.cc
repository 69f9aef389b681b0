#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "telemetry/process_metrics.h"
#include "telemetry/utf8.h"

namespace plimsoll::telemetry {
namespace {

using Series =
    std::variant<std::shared_ptr<prometheus::Counter>, std::shared_ptr<prometheus::Gauge>,
                 std::shared_ptr<prometheus::Histogram>>;

prometheus::Histogram::BucketBoundaries BucketsOf(const MetricFamily& family) {
  if (family.buckets.empty()) {
    return {kSecondsBuckets.begin(), kSecondsBuckets.end()};
  }
  return {family.buckets.begin(), family.buckets.end()};
}

Series MakeSeries(const MetricFamily& family) {
  switch (family.type) {
    case MetricType::kCounter:
      return std::make_shared<prometheus::Counter>();
    case MetricType::kGauge:
      return std::make_shared<prometheus::Gauge>();
    case MetricType::kHistogram:
      break;
  }
  return std::make_shared<prometheus::Histogram>(BucketsOf(family));
}

prometheus::MetricType ToPrometheus(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

bool IsName(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [letter](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Status CheckFamily(const MetricFamily& family) {
  const auto refuse = [&family](std::string_view why) {
    return Fail(ErrorCode::kMalformed,
                "metric " + std::string(family.name) + ": " + std::string(why));
  };
  if (!IsName(family.name)) {
    return refuse("its name is not lower-case letters, digits and underscores");
  }
  if (family.name.starts_with("process_")) {
    return refuse("process_ is taken by the standard metrics");
  }
  // The text format does not escape what this library writes of a help.
  if (family.help.empty() || std::any_of(family.help.begin(), family.help.end(), [](char c) {
        return c < 0x20 || c > 0x7e || c == '\\';
      })) {
    return refuse("its help is not one line of printable ASCII");
  }
  if (family.name.ends_with("_total") != (family.type == MetricType::kCounter)) {
    return refuse("counters, and nothing else, end in _total");
  }
  std::set<std::string_view> labels;
  for (size_t i = 0; i < family.label_count(); ++i) {
    const std::string_view label = family.labels[i];
    if (!IsName(label) || label.starts_with("__") || label == "le" || label == "quantile" ||
        !labels.insert(label).second) {
      return refuse("it has a bad or repeated label");
    }
  }
  if (!std::is_sorted(family.buckets.begin(), family.buckets.end(), std::less_equal<>())) {
    return refuse("its buckets do not ascend");
  }
  return {};
}

// One family with its series. Thread-safe.
class Family {
 public:
  explicit Family(const MetricFamily& description) : description_(description) {
    if (description.label_count() == 0) {
      Find(description.type, {});
    }
  }

  Series Find(MetricType type, LabelValues values) {
    const bool fits = type == description_.type && values.size() == description_.label_count();
    assert(fits);
    if (!fits) {
      MetricFamily detached;
      detached.type = type;
      return MakeSeries(detached);
    }
    std::vector<std::string> key = Key(values);
    const std::lock_guard lock(mutex_);
    const auto found = series_.find(key);
    if (found != series_.end()) {
      return found->second;
    }
    Series series = MakeSeries(description_);
    if (series_.size() < Metrics::kMaxSeriesPerFamily) {
      series_.emplace(std::move(key), series);
    }
    return series;
  }

  void Remove(LabelValues values) {
    const std::lock_guard lock(mutex_);
    if (description_.label_count() > 0) {
      series_.erase(Key(values));
    }
  }

  void RemoveWhere(std::string_view label, std::string_view value) {
    const auto end =
        description_.labels.begin() + static_cast<std::ptrdiff_t>(description_.label_count());
    const auto found = std::find(description_.labels.begin(), end, label);
    assert(found != end);
    if (found == end) {
      return;
    }
    const auto index = static_cast<size_t>(found - description_.labels.begin());
    const std::string wanted = ValidUtf8(value);
    const std::lock_guard lock(mutex_);
    std::erase_if(series_, [&](const auto& entry) { return entry.first[index] == wanted; });
  }

  void Clear() {
    const std::lock_guard lock(mutex_);
    if (description_.label_count() > 0) {
      series_.clear();
    }
  }

  prometheus::MetricFamily Collect() const {
    prometheus::MetricFamily family;
    family.name = description_.name;
    family.help = description_.help;
    family.type = ToPrometheus(description_.type);
    const std::lock_guard lock(mutex_);
    family.metric.reserve(series_.size());
    for (const auto& [values, series] : series_) {
      auto metric = std::visit([](const auto& each) { return each->Collect(); }, series);
      for (size_t i = 0; i < values.size(); ++i) {
        metric.label.push_back({std::string(description_.labels[i]), values[i]});
      }
      family.metric.push_back(std::move(metric));
    }
    return family;
  }

 private:
  static std::vector<std::string> Key(LabelValues values) {
    std::vector<std::string> key;
    key.reserve(values.size());
    for (const std::string_view value : values) {
      key.push_back(ValidUtf8(value));
    }
    return key;
  }

  const MetricFamily description_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, Series> series_;
};

prometheus::MetricFamily ToFamily(const ProcessSample& sample) {
  prometheus::MetricFamily family;
  family.name = sample.name;
  family.help = sample.help;
  family.type = sample.is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  prometheus::ClientMetric metric;
  metric.counter.value = sample.value;
  metric.gauge.value = sample.value;
  family.metric.push_back(std::move(metric));
  return family;
}

}  // namespace

class Metrics::Impl {
 public:
  explicit Impl(std::span<const MetricFamily> descriptions) {
    families_.reserve(descriptions.size());
    for (const MetricFamily& description : descriptions) {
      families_.push_back(std::make_unique<Family>(description));
    }
  }

  template <class T>
  std::shared_ptr<T> Find(size_t family, MetricType type, LabelValues values) {
    return std::get<std::shared_ptr<T>>(families_.at(family)->Find(type, values));
  }

  Family& at(size_t family) { return *families_.at(family); }

  std::string Serialise() const {
    std::vector<prometheus::MetricFamily> collected;
    collected.reserve(families_.size() + 8);
    for (const auto& family : families_) {
      collected.push_back(family->Collect());
    }
    for (const ProcessSample& sample : SampleProcess()) {
      collected.push_back(ToFamily(sample));
    }
    // A family without a series says nothing.
    std::erase_if(collected, [](const auto& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().Serialize(collected);
  }

 private:
  std::vector<std::unique_ptr<Family>> families_;
};

void Counter::Increment(double by) noexcept { series_->Increment(by); }
void Gauge::Set(double value) noexcept { series_->Set(value); }
void Gauge::Add(double by) noexcept { series_->Increment(by); }
void Histogram::Observe(double value) noexcept { series_->Observe(value); }

Result<std::unique_ptr<Metrics>> Metrics::Create(std::span<const MetricFamily> families) {
  std::set<std::string_view> names;
  for (const MetricFamily& family : families) {
    PLIMSOLL_RETURN_IF_ERROR(CheckFamily(family));
    if (!names.insert(family.name).second) {
      return Fail(ErrorCode::kMalformed,
                  "metric " + std::string(family.name) + " is declared twice");
    }
  }
  try {
    return std::unique_ptr<Metrics>(new Metrics(std::make_unique<Impl>(families)));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, std::string("make metrics: ") + error.what());
  }
}

Metrics::Metrics(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Metrics::~Metrics() = default;

Counter Metrics::CounterAt(size_t family, LabelValues values) {
  return telemetry::Counter(impl_->Find<prometheus::Counter>(family, MetricType::kCounter, values));
}

Gauge Metrics::GaugeAt(size_t family, LabelValues values) {
  return telemetry::Gauge(impl_->Find<prometheus::Gauge>(family, MetricType::kGauge, values));
}

Histogram Metrics::HistogramAt(size_t family, LabelValues values) {
  return telemetry::Histogram(
      impl_->Find<prometheus::Histogram>(family, MetricType::kHistogram, values));
}

void Metrics::RemoveAt(size_t family, LabelValues values) { impl_->at(family).Remove(values); }

void Metrics::RemoveWhereAt(size_t family, std::string_view label, std::string_view value) {
  impl_->at(family).RemoveWhere(label, value);
}

void Metrics::ClearAt(size_t family) { impl_->at(family).Clear(); }

std::string Metrics::Serialise() const { return impl_->Serialise(); }

}  // namespace plimsoll::telemetry
