#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/access_token.hpp>
#include <lms/accounts.hpp>
#include <lms/audit.hpp>
#include <lms/auth.hpp>
#include <lms/certificate.hpp>
#include <lms/course.hpp>
#include <lms/course_package.hpp>
#include <lms/enrollment.hpp>
#include <lms/error.hpp>
#include <lms/event.hpp>
#include <lms/executor.hpp>
#include <lms/export.hpp>
#include <lms/fernet.hpp>
#include <lms/health.hpp>
#include <lms/http.hpp>
#include <lms/job.hpp>
#include <lms/kept_answers.hpp>
#include <lms/lockout.hpp>
#include <lms/mail.hpp>
#include <lms/mfa.hpp>
#include <lms/personal_data.hpp>
#include <lms/principal.hpp>
#include <lms/quiz.hpp>
#include <lms/rate_limits.hpp>
#include <lms/reencryption.hpp>
#include <lms/router.hpp>
#include <lms/schema.hpp>
#include <lms/settings.hpp>
#include <lms/signature.hpp>
#include <lms/spi/change_feed.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/mailer.hpp>
#include <lms/spi/metrics.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/rate_limiter.hpp>
#include <lms/spi/storage.hpp>
#include <lms/spi/token_blacklist.hpp>
#include <lms/user.hpp>
#include <lms/user_import.hpp>

namespace lms {

/// `0.1.0`
LMS_API std::string_view version() noexcept;

/// Every schema that a school stores, referenced ones before those that refer to them: what a backend without
/// migrations makes its tables for.
LMS_API std::vector<const Schema*> stored_schemas();

/// What a school stands on. Whatever is left null gets the default named behind it.
struct Backends {
  std::shared_ptr<Storage> storage = {};  ///< a school in memory, gone with the process
  std::shared_ptr<Clock> clock = {};      ///< the machine's
  std::shared_ptr<Random> random = {};    ///< the operating system's
  std::shared_ptr<LogSink> log = {};      ///< nowhere
  /// In `storage`, and then asked together with the session; a setting decides what happens while another one is out.
  std::shared_ptr<TokenBlacklist> token_blacklist = {};
  /// In this process, of the settings' size; a setting decides what happens while another one is out.
  std::shared_ptr<RateLimiter> rate_limiter = {};
  /// By which nodes tell each other what they have written, so that none gives an answer again that it kept before.
  /// None: it is given no longer than settings allow. The storage keeps it as long as it lives.
  std::shared_ptr<ChangeFeed> change_feed = {};
  /// Nothing is counted. One for each school; its text is asked for only while the school lives.
  std::shared_ptr<Metrics> metrics = {};
  std::shared_ptr<Mailer> mailer = {};  ///< the log, which shows texts in development only
  /// What else the school depends on, for its health to tell of. Asked by requests, so `ping` waits shortly.
  std::vector<HealthPart> health_parts = {};
  Roles roles = {};  ///< admin, instructor, student
};

/// A whole school. Many can live in one process; they share nothing.
/// Thread-safe, like every service it gives out.
class LMS_API Lms {
 public:
  /// Brings the storage's structure up to date, gives it the keys of encrypted fields if the settings have any (it then
  /// encrypts with them as long as it lives), and makes the first admin if the settings name one and none exists.
  /// Without a secret_key, in development, tokens are good as long as this object lives. Starts no thread. What
  /// `backends` brings, a database or a log, the settings do not change: their database_url, db_…, sqlite_…, log_…,
  /// smtp_…, email_from, redis_…, vault_…, host, port, workers and limits of connections are for those who open
  /// backends and listen, as lms-server.
  /// @throws Error invalid for settings that no school can run on, such as a weak admin password or a mail template
  ///   with faults; what Storage::migrate throws.
  explicit Lms(Settings settings, Backends backends = {});
  /// Stops first if it was started, and then waits for jobs however long they take. Every call has returned and every
  /// answer of `handle` was given before.
  ~Lms();
  Lms(const Lms&) = delete;
  Lms& operator=(const Lms&) = delete;

  Users& users() noexcept;
  UserImports& user_imports() noexcept;
  Lockout& lockout() noexcept;
  Auth& auth() noexcept;
  Accounts& accounts() noexcept;
  Mfa& mfa() noexcept;
  AccessTokens& access_tokens() noexcept;
  PersonalData& personal_data() noexcept;
  Courses& courses() noexcept;
  Enrollments& enrollments() noexcept;
  Quizzes& quizzes() noexcept;
  Certificates& certificates() noexcept;
  CoursePackages& packages() noexcept;
  Events& events() noexcept;
  Audit& audit() noexcept;
  Jobs& jobs() noexcept;
  Mails& mails() noexcept;
  RateLimits& rate_limits() noexcept;
  KeptAnswers& kept_answers() noexcept;
  Storage& storage() noexcept;
  Clock& clock() noexcept;
  Random& random() noexcept;
  const Logger& log() const noexcept;
  const Settings& settings() const noexcept;

  /// The API's routes. A host may add its own before the first request.
  Router& router() noexcept;
  /// The OpenAPI 3.1 document of those routes.
  std::string openapi(int indent = 0) const;
  /// What Prometheus reads; none without `Backends::metrics`. May ask the storage.
  std::optional<std::string> metrics_text() const;

  /// Where a request of this head should be handled, and how much body it may bring. Never waits, never throws.
  http::Plan plan(const http::Request& head) const noexcept;
  /// Answers on the caller's thread if nothing has to wait for it; none otherwise: then call `handle` on another
  /// thread. The request is untouched then.
  std::optional<http::Response> try_handle(http::Request& request) noexcept;
  /// Answers any request; may wait. Whatever goes wrong becomes an answer.
  http::Response handle(http::Request request) noexcept;
  /// As `handle`, for those that must not wait, such as event loops: `answer` is called now or later, here or on
  /// another thread. What has to wait does so on a thread of `executor`, which outlives the request. Writes that come
  /// from several clients at once share a commit, and need a thread among them, not one each.
  void handle(http::Request request, http::Answer answer, const Executor& executor) noexcept;
  void handle(http::Request request, http::Answer answer, const Executor&& executor) = delete;  // it would be gone
  /// An answer in the API's error format, for what a transport refuses before a request exists (408, 413, 431 …).
  http::Response refuse(int status, std::string_view reason, std::string_view message) const;

  /// Starts the threads that do jobs, and schedules the hourly housekeeping, which ends what has run out of time: call
  /// it once. With 0 threads other processes on the same storage do the jobs.
  /// @throws Error unavailable if the storage does not take the schedule.
  void start(std::size_t job_threads = 1);
  /// Ends them: what runs may finish until the deadline. `ready` says no from the start of this call; a school that was
  /// stopped still answers, and does not start again.
  void stop(std::chrono::milliseconds deadline = std::chrono::seconds{30});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lms
