#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lms/event.hpp>
#include <lms/health.hpp>
#include <lms/job.hpp>
#include <lms/kept_answers.hpp>
#include <lms/password.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/metrics.hpp>
#include <lms/spi/rate_limiter.hpp>
#include <lms/spi/storage.hpp>

/// What is counted of a school beside its requests.
namespace lms {

/// The storage may outlive the school, and keeps the metrics.
void watch_storage(const std::shared_ptr<Metrics>& metrics, Storage& storage);
void watch_events(Metrics& metrics, Events& events);
void watch_jobs(Metrics& metrics, Jobs& jobs);

/// What is read whenever somebody asks for the metrics. All of it outlives them.
struct Readable {
  Storage& storage;
  PasswordHasher& hasher;
  RateLimiter& limiter;
  KeptAnswers& answers;
  std::vector<HealthPart> parts;
  const Clock& clock;
  std::string version;
};
void add_readings(Metrics& metrics, const Readable& readable);

}  // namespace lms
