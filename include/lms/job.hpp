#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/audit.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

/// Jobs are work to be done later, at least once. They are rows, so an enqueue commits with its cause.
namespace lms {

class Principal;
class Logger;

enum class JobStatus { waiting, running, succeeded, dead, cancelled };
constexpr auto names_of(JobStatus) {
  return std::array<std::string_view, 5>{"waiting", "running", "succeeded", "dead", "cancelled"};
}

struct LMS_API Job {
  JobId id;
  std::string kind;  ///< names the handler
  Value payload;
  JobStatus status = JobStatus::waiting;
  std::int64_t priority = 0;  ///< higher first
  Time run_at;
  std::int64_t attempts = 0;
  std::int64_t max_attempts = 4;          ///< the first and three more
  std::optional<std::string> unique_key;  ///< at most one waiting or running job has it
  std::optional<std::string> active_key;  ///< the unique key while the job waits or runs
  std::optional<std::string> worker;      ///< who runs it
  std::optional<Time> heartbeat_at;
  std::optional<std::string> error;  ///< of the last attempt
  Value result;
  Time created_at;
  std::optional<Time> finished_at;

  static const Schema& schema();
};

struct JobOptions {
  std::optional<Time> run_at = {};  ///< none: at once
  std::int64_t priority = 0;
  std::int64_t max_attempts = 4;
  std::optional<std::string> unique_key = {};
};

struct LMS_API JobFilter {
  PageRequest page;
  std::optional<JobStatus> status = {};
  std::optional<std::string> kind = {};

  static const Schema& schema();
};

namespace audited {
extern LMS_API const AuditAction job_retried, job_cancelled;
}

/// The queue, and the threads that work on it. Thread-safe, but for `handle`.
class LMS_API Jobs {
 public:
  /// Does one job and returns its result. The token says when the school stops: what a handler throws from then on does
  /// not count as an attempt.
  using Handler = std::function<Value(const Job&, std::stop_token)>;

  static constexpr std::chrono::seconds lost_after{60};  ///< without a heartbeat a running job is taken from its worker
  static constexpr std::chrono::days kept_for{7};        ///< how long succeeded and cancelled jobs can be looked at

  Jobs(Storage& storage, Clock& clock, Random& random, Audit& audit, const Logger& logger);
  /// Waits for handlers that are still running.
  ~Jobs();

  /// Says how jobs of a kind are done; the result is kept. A handler that throws is tried again after 60, 120, 240 s …
  /// with jitter, at last once an hour, until `max_attempts`; then the job is dead. One that throws Error invalid says
  /// that no other attempt can do better: the job is dead at once. Jobs of a kind without a handler wait. Call before
  /// `start`.
  void handle(std::string kind, Handler handler);

  /// Hears of every attempt how it ended and how long it took; throws nothing. Call before `start`.
  using Observer = std::function<void(const Job&, bool succeeded, std::chrono::duration<double> took)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

  /// Adds a job to the caller's transaction; returns none if a job with the same unique key is waiting or running.
  std::optional<JobId> enqueue(UnitOfWork& uow, std::string kind, Value payload, const JobOptions& options = {});

  /// Does the next due job on the caller's thread; false if none is due. The inline mode of tests and small hosts.
  bool run_one();

  /// Starts threads that do jobs as they come due, and one that keeps the queue in order.
  void start(std::size_t threads);
  /// Takes no new jobs, asks those that run to stop, waits for them until the deadline, then hands them back: they wait
  /// again, and the attempt does not count. A handler that goes on after that works for nothing.
  void stop(std::chrono::milliseconds deadline);

  /// How many this object is doing now.
  std::size_t running() const;

  /// Takes jobs from workers that have not been heard of, and forgets old ones. `start` sees to it; a host that only
  /// calls `run_one` calls this now and then.
  void tidy();

  // For admins; what these change is audited.

  /// Newest first. All of these: @throws Error forbidden `admin_required`; not_found.
  Page<Job> list(const Principal& who, const JobFilter& filter);
  Job get(const Principal& who, JobId id);
  /// Gives a dead job a fresh set of attempts; one that waits for its next attempt waits no longer.
  /// @throws Error conflict `job_not_retryable` for others, `job_exists` if another job has its unique key by now.
  Job retry(const Principal& who, JobId id);
  /// Calls off a waiting job, or puts a dead one aside. @throws Error conflict `job_not_cancellable`.
  Job cancel(const Principal& who, JobId id);

 private:
  struct Workers;

  std::optional<Job> claim();
  std::optional<Job> claim_first(const Condition& due, std::optional<JobId>& chosen);
  void bury(JobId id, const std::string& error);
  void run(const Job& job, std::stop_token stop);
  void finish(const Job& job, Value result);
  void fail(const Job& job, const std::string& error, bool for_good);
  void hand_back(const Job& job);
  bool settle(const Job& job, std::vector<Assignment> assignments);
  std::chrono::microseconds backoff(std::int64_t attempts);
  void rescue();
  void forget_old();
  void beat();
  void work(std::stop_token stop);
  void keep(std::stop_token stop);

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Audit& audit_;
  const Logger& logger_;
  std::map<std::string, Handler> handlers_;
  Observer observer_;
  std::string worker_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace lms
