#include <lms/job.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/spi/log_sink.hpp>

#include "base/removal.hpp"
#include "base/utf8.hpp"

namespace lms {

using namespace std::chrono_literals;

namespace {

constexpr auto first_retry_after = 60s;
constexpr auto longest_retry_after = 1h;
constexpr auto shortest_pause = 5ms;  // after an enqueue, whose transaction may not have ended yet
constexpr auto longest_pause = 1'000ms;
constexpr auto between_heartbeats = 10s;
constexpr std::size_t tidied_at_once = 500;
constexpr std::size_t longest_error = 2'000;

const Assignment no_worker{"worker", {}, false};
const Assignment no_heartbeat{"heartbeat_at", {}, false};
const Assignment no_active_key{"active_key", {}, false};

Object fields_of(const Job& job) {
  return {{"job", job.id.text()}, {"kind", job.kind}, {"attempt", job.attempts}};
}

}  // namespace

const Schema& Job::schema() {
  const auto shown = [](std::string doc) { return FieldOptions{.doc = std::move(doc), .access = Access::read_only}; };
  static const Schema schema =
      define<Job>("Job", "Work to be done later.")
          .table("jobs")
          .key("id", &Job::id)
          .field("kind", &Job::kind, shown("What is to be done."))
          .field("payload", &Job::payload, shown("What to do it with."))
          .field("status", &Job::status, shown("Where it stands."))
          .field("priority", &Job::priority, shown("Higher goes first."))
          .field("run_at", &Job::run_at, shown("Not before this time."))
          .field("attempts", &Job::attempts, shown("How often it was begun."))
          .field("max_attempts", &Job::max_attempts, shown("After so many attempts it is dead."))
          .field("unique_key", &Job::unique_key, shown("At most one waiting or running job has it."))
          .field("active_key", &Job::active_key, {.access = Access::hidden})
          .field("worker", &Job::worker, shown("Who runs it, or ran it last."))
          .field("heartbeat_at", &Job::heartbeat_at, shown("When its worker was last heard of."))
          .field("error", &Job::error, shown("What went wrong at the last attempt."))
          .field("result", &Job::result, shown("What its handler returned."))
          .field("created_at", &Job::created_at, shown("When it was enqueued."))
          .field("finished_at", &Job::finished_at, shown("When it succeeded, died or was cancelled."))
          .unique({"active_key"})
          .index({"status", "run_at"});
  return schema;
}

const Schema& JobFilter::schema() {
  static const Schema schema = define<JobFilter>("JobFilter", "Which jobs.")
                                   .flatten(&JobFilter::page)
                                   .field("status", &JobFilter::status, {.doc = "Only those that stand so."})
                                   .field("kind", &JobFilter::kind, {.doc = "Only this kind.", .max_length = 100});
  return schema;
}

namespace audited {
const AuditAction job_retried{"job.retried",
                              "A dead job was given a fresh set of attempts, or one that waited was hurried."};
const AuditAction job_cancelled{"job.cancelled", "A job was called off."};
}  // namespace audited

struct Jobs::Workers {
  std::mutex mutex;
  std::condition_variable_any changed;  ///< a nudge, or a job that ended
  std::uint64_t nudges = 0;
  std::map<JobId, Job> running;
  std::stop_source stopping;
  std::vector<std::thread> threads;

  void join() {
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
};

Jobs::Jobs(Storage& storage, Clock& clock, Random& random, Audit& audit, const Logger& logger)
    : storage_(storage),
      clock_(clock),
      random_(random),
      audit_(audit),
      logger_(logger),
      worker_(random.token(12)),
      workers_(std::make_unique<Workers>()) {}

Jobs::~Jobs() {
  workers_->stopping.request_stop();
  workers_->join();
}

void Jobs::handle(std::string kind, Handler handler) {
  handlers_[std::move(kind)] = std::move(handler);
}

std::optional<JobId> Jobs::enqueue(UnitOfWork& uow, std::string kind, Value payload, const JobOptions& options) {
  const Time now = clock_.now();
  Job job;
  job.id = JobId(random_.uuid(now));
  job.kind = std::move(kind);
  job.payload = std::move(payload);
  job.priority = options.priority;
  job.run_at = options.run_at.value_or(now);
  job.max_attempts = options.max_attempts;
  job.unique_key = job.active_key = options.unique_key;
  job.created_at = now;
  if (!Repository<Job>(uow).insert_if_absent(job)) return std::nullopt;
  {
    const std::lock_guard lock(workers_->mutex);
    ++workers_->nudges;
  }
  workers_->changed.notify_all();
  return job.id;
}

bool Jobs::run_one() {
  const auto job = claim();
  if (!job) return false;
  run(*job, {});
  return true;
}

// --- one job ---

std::optional<Job> Jobs::claim() {
  std::vector<std::string> kinds;
  for (const auto& [kind, handler] : handlers_) kinds.push_back(kind);
  const Condition due =
      all_of({equal("status", JobStatus::waiting), less_equal("run_at", clock_.now()), in("kind", kinds)});
  while (storage_.read([&](UnitOfWork& uow) { return Repository<Job>(uow).exists(due); })) {
    std::optional<JobId> first;
    try {
      return claim_first(due, first);
    } catch (const Error& error) {
      if (!first || error.code() != ErrorCode::internal) throw;
      bury(*first, error.what());
    }
  }
  return std::nullopt;
}

std::optional<Job> Jobs::claim_first(const Condition& due, std::optional<JobId>& chosen) {
  return storage_.write(
      [&](UnitOfWork& uow) -> std::optional<Job> {
        Repository<Job> jobs(uow);
        const auto first = jobs.select({.where = due,
                                        .order = {descending("priority"), ascending("run_at"), ascending("id")},
                                        .fields = {"id"},
                                        .limit = 1,
                                        .lock = Lock::skip_locked});
        if (first.empty()) return std::nullopt;
        chosen = first.front().id;
        Job job = jobs.get(*chosen);
        job.status = JobStatus::running;
        job.worker = worker_;
        job.heartbeat_at = clock_.now();
        ++job.attempts;
        jobs.update(job);
        return job;
      },
      Isolation::read_committed);
}

/// A job that cannot even be read must not keep others from their turn.
void Jobs::bury(JobId id, const std::string& error) {
  storage_.write([&](UnitOfWork& uow) {
    Repository<Job>(uow).update_all(
        all_of({equal("id", id), equal("status", JobStatus::waiting)}),
        {set("status", JobStatus::dead), set("error", std::string(cut_utf8(error, longest_error))),
         set("finished_at", clock_.now()), no_active_key});
  });
  logger_.error("tasks", "job cannot be read and is dead", {{"job", id.text()}, {"error", error}});
}

std::size_t Jobs::running() const {
  const std::lock_guard lock(workers_->mutex);
  return workers_->running.size();
}

void Jobs::run(const Job& job, std::stop_token stop) {
  {
    const std::lock_guard lock(workers_->mutex);
    workers_->running.emplace(job.id, job);
  }
  std::optional<Value> result;
  std::string error;
  bool for_good = false;
  const auto begun = std::chrono::steady_clock::now();
  try {
    result = handlers_.at(job.kind)(job, stop);
  } catch (const Error& e) {
    error = e.what();
    for_good = e.code() == ErrorCode::invalid;
  } catch (const std::exception& e) {
    error = e.what();
  } catch (...) {
    error = "the handler threw something that is no exception";
  }
  {
    const std::lock_guard lock(workers_->mutex);
    workers_->running.erase(job.id);
  }
  workers_->changed.notify_all();
  if (observer_) observer_(job, result.has_value(), std::chrono::steady_clock::now() - begun);

  if (result)
    finish(job, *std::move(result));
  else if (stop.stop_requested())
    hand_back(job);
  else
    fail(job, error, for_good);
}

/// Ends an attempt; false if the job is no longer this worker's.
bool Jobs::settle(const Job& job, std::vector<Assignment> assignments) {
  assignments.push_back(no_heartbeat);
  const Condition still_mine = all_of({equal("id", job.id), equal("status", JobStatus::running),
                                       equal("worker", worker_), equal("attempts", job.attempts)});
  const bool settled =
      storage_.write([&](UnitOfWork& uow) { return Repository<Job>(uow).update_all(still_mine, assignments) > 0; },
                     Isolation::read_committed);
  if (!settled)
    logger_.warning("tasks", "a job came to its end after it had been taken from its worker", fields_of(job));
  return settled;
}

void Jobs::finish(const Job& job, Value result) {
  if (settle(job, {set("status", JobStatus::succeeded), set("result", result), set("finished_at", clock_.now()),
                   no_active_key}))
    logger_.info("tasks", "job succeeded", fields_of(job));
}

void Jobs::fail(const Job& job, const std::string& error, bool for_good) {
  const std::string kept(cut_utf8(error, longest_error));
  Object fields = fields_of(job);
  fields.append("error", kept);
  if (for_good || job.attempts >= job.max_attempts) {
    if (settle(job,
               {set("status", JobStatus::dead), set("error", kept), set("finished_at", clock_.now()), no_active_key}))
      logger_.error("tasks", "job is dead", fields);
  } else if (settle(job, {set("status", JobStatus::waiting), set("error", kept),
                          set("run_at", clock_.now() + backoff(job.attempts)), no_worker})) {
    logger_.warning("tasks", "job failed and will be tried again", fields);
  }
}

void Jobs::hand_back(const Job& job) {
  if (settle(job, {set("status", JobStatus::waiting), set("attempts", job.attempts - 1), no_worker}))
    logger_.info("tasks", "job handed back", fields_of(job));
}

std::chrono::microseconds Jobs::backoff(std::int64_t attempts) {
  std::chrono::microseconds delay = first_retry_after;
  for (std::int64_t i = 1; i < attempts && delay < longest_retry_after; ++i) delay *= 2;
  delay = std::min<std::chrono::microseconds>(delay, longest_retry_after);
  const auto jitter = random_.below(static_cast<std::uint64_t>(delay.count() / 5));
  return delay - delay / 10 + std::chrono::microseconds(jitter);
}

// --- order in the queue ---

void Jobs::tidy() {
  rescue();
  forget_old();
}

void Jobs::rescue() {
  const Time now = clock_.now();
  const Condition lost = all_of({equal("status", JobStatus::running), less("heartbeat_at", now - lost_after)});
  if (!storage_.read([&](UnitOfWork& uow) { return Repository<Job>(uow).exists(lost); })) return;

  const auto rescued = storage_.write(
      [&](UnitOfWork& uow) {
        Repository<Job> repository(uow);
        auto jobs = repository.select({.where = lost, .limit = tidied_at_once, .lock = Lock::skip_locked});
        for (Job& job : jobs) {
          job.error = "the worker was lost";
          job.heartbeat_at.reset();
          if (job.attempts < job.max_attempts) {
            job.status = JobStatus::waiting;
            job.run_at = now;
            job.worker.reset();
          } else {
            job.status = JobStatus::dead;
            job.finished_at = now;
            job.active_key.reset();
          }
          repository.update(job);
        }
        return jobs;
      },
      Isolation::read_committed);
  for (const Job& job : rescued) logger_.warning("tasks", "job rescued from a lost worker", fields_of(job));
}

void Jobs::forget_old() {
  const Condition old = all_of({in("status", std::vector{JobStatus::succeeded, JobStatus::cancelled}),
                                less("finished_at", clock_.now() - kept_for)});
  remove_in_batches<Job>(storage_, old);
}

void Jobs::beat() {
  std::vector<JobId> ids;
  {
    const std::lock_guard lock(workers_->mutex);
    for (const auto& [id, job] : workers_->running) ids.push_back(id);
  }
  if (ids.empty()) return;
  const Condition mine = all_of({in("id", ids), equal("status", JobStatus::running), equal("worker", worker_)});
  storage_.write([&](UnitOfWork& uow) { Repository<Job>(uow).update_all(mine, {set("heartbeat_at", clock_.now())}); },
                 Isolation::read_committed);
}

// --- threads ---

void Jobs::start(std::size_t threads) {
  if (!workers_->threads.empty()) throw internal("the job threads have been started already");
  workers_->stopping = std::stop_source();
  const std::stop_token stop = workers_->stopping.get_token();
  workers_->threads.emplace_back([this, stop] { keep(stop); });
  for (std::size_t i = 0; i < threads; ++i) workers_->threads.emplace_back([this, stop] { work(stop); });
}

void Jobs::stop(std::chrono::milliseconds deadline) {
  workers_->stopping.request_stop();
  std::map<JobId, Job> late;
  {
    std::unique_lock lock(workers_->mutex);
    workers_->changed.wait_for(lock, deadline, [&] { return workers_->running.empty(); });
    late = workers_->running;
  }
  for (const auto& [id, job] : late) {
    try {
      hand_back(job);
    } catch (const Error& error) {  // it will be rescued
      logger_.warning("tasks", "a job could not be handed back", {{"job", id.text()}, {"error", error.what()}});
    }
  }
  if (late.empty()) workers_->join();
}

void Jobs::work(std::stop_token stop) {
  std::chrono::milliseconds pause = longest_pause;
  while (!stop.stop_requested()) {
    std::uint64_t nudges_seen = 0;
    {
      const std::lock_guard lock(workers_->mutex);
      nudges_seen = workers_->nudges;
    }
    try {
      if (const auto job = claim()) {
        if (stop.stop_requested())
          hand_back(*job);
        else
          run(*job, stop);
        pause = shortest_pause;
        continue;
      }
    } catch (const std::exception& e) {
      logger_.warning("tasks", "a worker could not reach the queue", {{"error", e.what()}});
      pause = longest_pause;
    }
    std::unique_lock lock(workers_->mutex);
    const bool nudged = workers_->changed.wait_for(lock, stop, pause, [&] { return workers_->nudges != nudges_seen; });
    pause = nudged ? shortest_pause : std::min<std::chrono::milliseconds>(pause * 2, longest_pause);
  }
}

void Jobs::keep(std::stop_token stop) {
  while (!stop.stop_requested()) {
    try {
      beat();
      tidy();
    } catch (const std::exception& e) {
      logger_.warning("tasks", "the queue could not be kept in order", {{"error", e.what()}});
    }
    std::unique_lock lock(workers_->mutex);
    workers_->changed.wait_for(lock, stop, between_heartbeats, [] { return false; });
  }
}

// --- for admins ---

Page<Job> Jobs::list(const Principal& who, const JobFilter& filter) {
  require_admin(who);
  std::vector<Condition> conditions;
  if (filter.status) conditions.push_back(equal("status", *filter.status));
  if (filter.kind) conditions.push_back(equal("kind", *filter.kind));
  return storage_.read(
      [&](UnitOfWork& uow) { return select_page<Job>(uow, all_of(conditions), {descending("id")}, filter.page); });
}

Job Jobs::get(const Principal& who, JobId id) {
  require_admin(who);
  return storage_.read([&](UnitOfWork& uow) { return Repository<Job>(uow).get(id); });
}

Job Jobs::retry(const Principal& who, JobId id) {
  require_admin(who);
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Job> jobs(uow);
    Job job = jobs.get(id);
    if (job.status == JobStatus::dead) {
      if (job.unique_key && jobs.exists(equal("active_key", *job.unique_key)))
        throw conflict("job_exists", "Another job with the same unique key is waiting or running.");
      job.status = JobStatus::waiting;
      job.active_key = job.unique_key;
      job.attempts = 0;
      job.worker.reset();
      job.finished_at.reset();
    } else if (job.status != JobStatus::waiting) {
      throw conflict("job_not_retryable", "Only a job that is dead or waits can be tried again.");
    }
    job.run_at = clock_.now();
    jobs.update(job);
    audit_.record(uow, who, audited::job_retried, id, {{"kind", job.kind}});
    return job;
  });
}

Job Jobs::cancel(const Principal& who, JobId id) {
  require_admin(who);
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Job> jobs(uow);
    Job job = jobs.get(id);
    if (job.status != JobStatus::waiting && job.status != JobStatus::dead)
      throw conflict("job_not_cancellable", "Only a waiting or dead job can be cancelled.");
    job.status = JobStatus::cancelled;
    job.active_key.reset();
    job.finished_at = clock_.now();
    jobs.update(job);
    audit_.record(uow, who, audited::job_cancelled, id, {{"kind", job.kind}});
    return job;
  });
}

}  // namespace lms
