#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace plimsoll::telemetry {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

// Upper bounds of histogram buckets. Seconds: from a cached signature check to a request that has
// timed out. Bytes: from a bare quote to the limit.
inline constexpr std::array<double, 12> kSecondsBuckets = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30};
inline constexpr std::array<double, 8> kBytesBuckets = {1024,   4096,    16384,   65536,
                                                        262144, 1048576, 4194304, 16777216};

// One row of a program's metric table, a constexpr array indexed by an enum:
//
//   enum class Metric { kNodes, kVerifications, kVerificationSeconds };
//   constexpr std::array kMetrics = {
//       MetricFamily{.name = "plimsoll_nodes", .help = "Nodes by verdict.", .type =
//       MetricType::kGauge, .labels = {"verdict"}}, …
//   metrics.Counter(Metric::kVerifications, {"Trusted", "AllPoliciesPassed"}).Increment();
//
// Label values are bounded sets or names of API objects; no digest, nonce, key hash or certificate
// subject is one.
struct MetricFamily {
  std::string_view name;
  std::string_view help;  // one line
  MetricType type = MetricType::kGauge;
  std::array<std::string_view, 4> labels = {};  // those that are not empty
  std::span<const double> buckets = {};         // histograms: ascending; kSecondsBuckets when empty

  constexpr size_t label_count() const {
    size_t count = 0;
    while (count < labels.size() && !labels[count].empty()) {
      ++count;
    }
    return count;
  }
};

// Handles of one series. Cheap to copy; keep them for hot series. One of a removed series, or that
// outlives its Metrics, is harmless and counts for nobody. Thread-safe.
class Counter {
 public:
  explicit Counter(std::shared_ptr<prometheus::Counter> series) : series_(std::move(series)) {}
  void Increment(double by = 1) noexcept;  // a negative value is ignored

 private:
  std::shared_ptr<prometheus::Counter> series_;
};

class Gauge {
 public:
  explicit Gauge(std::shared_ptr<prometheus::Gauge> series) : series_(std::move(series)) {}
  void Set(double value) noexcept;
  void Add(double by) noexcept;

 private:
  std::shared_ptr<prometheus::Gauge> series_;
};

class Histogram {
 public:
  explicit Histogram(std::shared_ptr<prometheus::Histogram> series) : series_(std::move(series)) {}
  void Observe(double value) noexcept;

 private:
  std::shared_ptr<prometheus::Histogram> series_;
};

template <class T>
concept FamilyIndex = std::is_enum_v<T> || std::unsigned_integral<T>;

using LabelValues = std::initializer_list<std::string_view>;

// The metrics of one program: the families of its table, and the standard process_* ones.
// Thread-safe.
//
// Asking for a family of another type, or with another number of label values, is a defect: it ends
// a debug build and elsewhere yields a handle that is not exported. So does a series beyond
// kMaxSeriesPerFamily, the backstop against unbounded labels.
class Metrics {
 public:
  static constexpr size_t kMaxSeriesPerFamily = 50'000;

  // Fails with kMalformed on a row that is not exportable: bad or repeated name, empty or many-line
  // help, counter without _total, descending buckets. `families` is copied but for its texts, which
  // are literals.
  static Result<std::unique_ptr<Metrics>> Create(std::span<const MetricFamily> families);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The series of these label values, in the order of the row's labels; made when it is new. A
  // family without labels has its series from the start.
  template <FamilyIndex E>
  telemetry::Counter Counter(E family, LabelValues values = {}) {
    return CounterAt(static_cast<size_t>(family), values);
  }
  template <FamilyIndex E>
  telemetry::Gauge Gauge(E family, LabelValues values = {}) {
    return GaugeAt(static_cast<size_t>(family), values);
  }
  template <FamilyIndex E>
  telemetry::Histogram Histogram(E family, LabelValues values = {}) {
    return HistogramAt(static_cast<size_t>(family), values);
  }

  // Takes one series away.
  template <FamilyIndex E>
  void Remove(E family, LabelValues values) {
    RemoveAt(static_cast<size_t>(family), values);
  }
  // Takes away all series whose `label` has `value`: all of a deleted node. O(series).
  template <FamilyIndex E>
  void RemoveWhere(E family, std::string_view label, std::string_view value) {
    RemoveWhereAt(static_cast<size_t>(family), label, value);
  }
  // Takes away all series with labels, as a replica does that no longer leads.
  template <FamilyIndex E>
  void Clear(E family) {
    ClearAt(static_cast<size_t>(family));
  }

  // Text exposition 0.0.4. Takes about 20 ms for 20,000 series.
  std::string Serialise() const;

 private:
  class Impl;
  explicit Metrics(std::unique_ptr<Impl> impl);

  telemetry::Counter CounterAt(size_t family, LabelValues values);
  telemetry::Gauge GaugeAt(size_t family, LabelValues values);
  telemetry::Histogram HistogramAt(size_t family, LabelValues values);
  void RemoveAt(size_t family, LabelValues values);
  void RemoveWhereAt(size_t family, std::string_view label, std::string_view value);
  void ClearAt(size_t family);

  std::unique_ptr<Impl> impl_;
};

}  // namespace plimsoll::telemetry
