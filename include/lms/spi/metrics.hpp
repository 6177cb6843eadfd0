#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lms/export.hpp>

/// Numbers that an operator watches.
namespace lms {

/// Names and values, in any order. Values come from a bounded set: never from what a client sent.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Only goes up. Thread-safe.
class LMS_API Counter {
 public:
  virtual ~Counter();
  virtual void add(double amount = 1) noexcept = 0;
};

/// How often values fell below which bounds. Thread-safe.
class LMS_API Histogram {
 public:
  virtual ~Histogram();
  virtual void observe(double value) noexcept = 0;
};

/// A family of values that are read when somebody asks.
struct MetricReading {
  enum class Kind { counter, gauge };
  struct Sample {
    double value = 0;
    MetricLabels labels = {};
  };

  Kind kind = Kind::gauge;
  std::string name;
  std::string help;
  std::vector<Sample> samples;
};

/// Keeps the metrics of a school. Thread-safe. The same name always comes with the same help, label names and bounds.
class LMS_API Metrics {
 public:
  using Read = std::function<std::vector<MetricReading>()>;

  virtual ~Metrics();
  /// The one with these labels, made if there is none. It lives as long as this object; keep it rather than ask again.
  virtual Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels = {}) = 0;
  /// `bounds` go up.
  virtual Histogram& histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                               const MetricLabels& labels = {}) = 0;
  /// What `read` returns is part of every text from now on; what it throws leaves its part out.
  virtual void collect(Read read) = 0;
  /// All of them in the text format of Prometheus (version 0.0.4).
  virtual std::string text() = 0;
};

}  // namespace lms
