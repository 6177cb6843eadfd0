#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <lms/backends/prometheus.hpp>

namespace lms {

namespace {

using Labels = prometheus::Labels;

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double amount) noexcept override { counter_.Increment(amount); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) noexcept override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

Labels labels_of(const MetricLabels& labels) {
  return {labels.begin(), labels.end()};
}

prometheus::MetricFamily family_of(const MetricReading& reading) {
  const bool counts = reading.kind == MetricReading::Kind::counter;
  prometheus::MetricFamily family{.name = reading.name,
                                  .help = reading.help,
                                  .type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
                                  .metric = {}};
  for (const MetricReading::Sample& sample : reading.samples) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    (counts ? metric.counter.value : metric.gauge.value) = sample.value;
  }
  return family;
}

class PrometheusMetrics final : public Metrics {
 public:
  Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels) override {
    const std::lock_guard lock(mutex_);
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
    prometheus::Counter& counter = family.Add(labels_of(labels));
    return *counters_.try_emplace(&counter, std::make_unique<PrometheusCounter>(counter)).first->second;
  }

  Histogram& histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                       const MetricLabels& labels) override {
    const std::lock_guard lock(mutex_);
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
    prometheus::Histogram& histogram = family.Add(labels_of(labels), bounds);
    return *histograms_.try_emplace(&histogram, std::make_unique<PrometheusHistogram>(histogram)).first->second;
  }

  void collect(Read read) override {
    const std::lock_guard lock(mutex_);
    reads_.push_back(std::move(read));
  }

  std::string text() override {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    for (const Read& read : reads()) {
      try {
        for (const MetricReading& reading : read()) families.push_back(family_of(reading));
      } catch (const std::exception&) {  // of what cannot be read now there is no number
      }
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  std::vector<Read> reads() {
    const std::lock_guard lock(mutex_);
    return reads_;
  }

  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
  std::mutex mutex_;
  std::map<const prometheus::Counter*, std::unique_ptr<PrometheusCounter>> counters_;
  std::map<const prometheus::Histogram*, std::unique_ptr<PrometheusHistogram>> histograms_;
  std::vector<Read> reads_;
};

}  // namespace

std::unique_ptr<Metrics> open_prometheus_metrics() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace lms
