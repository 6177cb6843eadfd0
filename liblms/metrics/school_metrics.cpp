#include "metrics/school_metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <lms/certificate.hpp>
#include <lms/enrollment.hpp>
#include <lms/quiz.hpp>
#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "base/made_once.hpp"
#include "metrics/machine_readings.hpp"

namespace lms {

namespace {

using Kind = MetricReading::Kind;

const std::vector<double> query_bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                       0.025,  0.05,    0.1,    0.25,  0.5,    1};               // seconds
const std::vector<double> task_bounds{0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600};  // seconds

/// Series of operations on storage, by schema and kind.
class OperationMetrics {
 public:
  explicit OperationMetrics(std::shared_ptr<Metrics> metrics) : metrics_(std::move(metrics)) {}

  void count(StorageOperation operation, const Schema& schema, std::chrono::nanoseconds took) noexcept {
    try {
      Table& table = *tables_.get(&schema, [] { return std::make_shared<Table>(); });
      auto& series = table[static_cast<std::size_t>(operation)];
      std::call_once(series.made, [&] { make(series, operation, schema); });
      series.count->add();
      series.duration->observe(std::chrono::duration<double>(took).count());
    } catch (const std::exception&) {  // no memory for another series
    }
  }

 private:
  struct Series {
    std::once_flag made;
    Counter* count = nullptr;
    Histogram* duration = nullptr;
  };
  using Table = std::array<Series, names_of(StorageOperation{}).size()>;

  void make(Series& series, StorageOperation operation, const Schema& schema) {
    const MetricLabels labels{{"query_type", std::string(name_of(operation))}, {"table", schema.table()}};
    series.count = &metrics_->counter("lms_db_query_total", "Operations on storage.", labels);
    series.duration = &metrics_->histogram("lms_db_query_duration_seconds", "What they took.", query_bounds, labels);
  }

  const std::shared_ptr<Metrics> metrics_;
  MadeOnce<const Schema*, std::shared_ptr<Table>> tables_;
};

MetricReading reading(Kind kind, std::string name, std::string help, std::vector<MetricReading::Sample> samples) {
  return {.kind = kind, .name = std::move(name), .help = std::move(help), .samples = std::move(samples)};
}

double number(std::int64_t value) {
  return static_cast<double>(value);
}

/// How many records there are of each value of a field, of those that meet the condition.
std::vector<MetricReading::Sample> counts_by(UnitOfWork& uow, const Schema& schema, const std::string& field,
                                             const Condition& where, const std::string& label) {
  std::vector<MetricReading::Sample> samples;
  const Aggregate counting{.where = where, .groups = {{field}}, .measures = {{Measure::Kind::count, "", "number"}}};
  for (const Record& row : uow.aggregate(schema, counting))
    samples.push_back({number(row.at(1).as_integer()), {{label, row.at(0).as_string()}}});
  return samples;
}

/// Counting takes as long as there are records, so it is done once a minute at most.
class SchoolCounts {
 public:
  SchoolCounts(Storage& storage, const Clock& clock) : storage_(storage), clock_(clock) {}

  std::vector<MetricReading> read() {
    const std::lock_guard lock(mutex_);
    const Time now = clock_.now();
    if (counts_.empty() || now >= good_until_ || now < counted_) {
      counts_ = storage_.read([](UnitOfWork& uow) { return count(uow); });
      counted_ = now;
      good_until_ = now + std::chrono::minutes{1};
    }
    return counts_;
  }

 private:
  static std::vector<MetricReading> count(UnitOfWork& uow) {
    const auto active =
        static_cast<std::int64_t>(uow.count(Enrollment::schema(), equal("status", EnrollmentStatus::active)));
    return {reading(Kind::gauge, "lms_active_users_total", "Accounts that can sign in, counted once a minute.",
                    counts_by(uow, User::schema(), "role", equal("is_active", true), "role")),
            reading(Kind::gauge, "lms_enrollments_total", "Active enrolments, counted once a minute.",
                    {{number(active), {}}}),
            reading(Kind::gauge, "lms_jobs", "Jobs in the queue, counted once a minute.",
                    counts_by(uow, Job::schema(), "status", all_of({}), "status"))};
  }

  Storage& storage_;
  const Clock& clock_;
  std::mutex mutex_;
  std::vector<MetricReading> counts_;
  Time counted_, good_until_;
};

std::vector<MetricReading> readings_of_limiter(RateLimiter& limiter) {
  const RateStatistics counted = limiter.statistics();
  std::vector<MetricReading> readings{
      reading(
          Kind::counter, "lms_rate_limiter_decisions_total", "Requests that were let through or refused.",
          {{number(counted.allowed), {{"outcome", "allowed"}}}, {number(counted.refused), {{"outcome", "refused"}}}}),
      reading(Kind::counter, "lms_rate_limiter_evictions_total", "Clients forgotten early, for want of room.",
              {{number(counted.evicted), {}}}),
      reading(Kind::counter, "lms_rate_limiter_substituted_total",
              "Requests decided by this node alone, for Redis did not answer.", {{number(counted.substituted), {}}})};
  if (counted.keys)
    readings.push_back(reading(Kind::gauge, "lms_rate_limiter_keys", "Clients under rules that are remembered.",
                               {{number(*counted.keys), {}}}));
  return readings;
}

std::vector<MetricReading> readings_of_answers(const KeptAnswersStatistics& counted) {
  return {reading(Kind::counter, "lms_cache_requests_total", "Questions for a kept answer.",
                  {{number(counted.hits), {{"outcome", "hit"}}}, {number(counted.misses), {{"outcome", "miss"}}}}),
          reading(Kind::counter, "lms_cache_evictions_total", "Kept answers given up for want of room.",
                  {{number(counted.evictions), {}}}),
          reading(Kind::gauge, "lms_cache_answers", "Kept answers.", {{number(counted.answers), {}}}),
          reading(Kind::gauge, "lms_cache_bytes", "Memory that they take.", {{number(counted.bytes), {}}})};
}

/// The log hears of it from those who need the part, and from probes of health.
bool answers(const HealthPart& part) {
  try {
    part.ping();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

MetricReading reading_of_parts(const std::vector<HealthPart>& parts) {
  std::vector<MetricReading::Sample> samples;
  for (const HealthPart& part : parts) samples.push_back({answers(part) ? 1.0 : 0.0, {{"part", part.name}}});
  return reading(Kind::gauge, "lms_part_up", "Whether what the school depends on answers: 1 or 0.", std::move(samples));
}

std::vector<MetricReading> readings_of_hasher(const PasswordHasher& hasher) {
  const PasswordHasher::Load load = hasher.load();
  return {reading(Kind::gauge, "lms_password_hashing", "Passwords being hashed, and those that wait for it.",
                  {{static_cast<double>(load.working), {{"state", "working"}}},
                   {static_cast<double>(load.waiting), {{"state", "waiting"}}}}),
          reading(Kind::counter, "lms_password_hashes_total", "Passwords hashed.",
                  {{static_cast<double>(hasher.hashes_made()), {}}})};
}

}  // namespace

void watch_storage(const std::shared_ptr<Metrics>& metrics, Storage& storage) {
  storage.observe([operations = std::make_shared<OperationMetrics>(metrics)](
                      StorageOperation operation, const Schema& schema, std::chrono::nanoseconds took) {
    operations->count(operation, schema, took);
  });
}

void watch_events(Metrics& metrics, Events& events) {
  Counter& certificates = metrics.counter("lms_certificates_issued_total", "Certificates issued since the start.");
  Counter& assessments = metrics.counter("lms_assessments_completed_total", "Quiz attempts submitted since the start.");
  const auto counters = std::make_shared<MadeOnce<const EventType*, Counter*>>();
  events.observe([&metrics, &certificates, &assessments, counters](const EventType& type) {
    const auto make = [&] {
      return &metrics.counter("lms_events_total", "Events since the start.", {{"type", std::string(type.name)}});
    };
    counters->get(&type, make)->add();
    if (&type == &events::certificate_issued) certificates.add();
    if (&type == &events::quiz_attempt_submitted) assessments.add();
  });
}

void watch_jobs(Metrics& metrics, Jobs& jobs) {
  jobs.observe([&metrics](const Job& job, bool succeeded, std::chrono::duration<double> took) {
    metrics
        .histogram("lms_task_duration_seconds", "Attempts at jobs.", task_bounds,
                   {{"task_name", job.kind}, {"status", succeeded ? "success" : "failure"}})
        .observe(took.count());
  });
}

void add_readings(Metrics& metrics, const Readable& readable) {
  metrics.collect(machine_readings);
  metrics.collect([readable, started = std::chrono::duration<double>(readable.clock.now().time_since_epoch())] {
    std::vector<MetricReading> readings = readings_of_hasher(readable.hasher);
    readings.push_back(reading(Kind::gauge, "process_start_time_seconds", "When the school was opened, since 1970.",
                               {{started.count(), {}}}));
    readings.push_back(
        reading(Kind::gauge, "lms_build_info", "The release that runs.", {{1, {{"version", readable.version}}}}));
    readings.push_back(reading_of_parts(readable.parts));
    for (MetricReading& each : readings_of_answers(readable.answers.statistics())) readings.push_back(std::move(each));
    return readings;
  });
  metrics.collect([&limiter = readable.limiter] { return readings_of_limiter(limiter); });
  metrics.collect(
      [counts = std::make_shared<SchoolCounts>(readable.storage, readable.clock)] { return counts->read(); });
}

}  // namespace lms
