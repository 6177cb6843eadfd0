#include <atomic>
#include <utility>

#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>
#include <lms/password.hpp>

#include "api.hpp"
#include "auth/blacklist.hpp"
#include "auth/verified_tokens.hpp"
#include "http/account_pages.hpp"
#include "http/authenticator.hpp"
#include "http/documentation.hpp"
#include "http/header_text.hpp"
#include "http/health.hpp"
#include "http/idempotency.hpp"
#include "http/openapi.hpp"
#include "http/pipeline.hpp"
#include "http/watched_rate_limiter.hpp"
#include "mail/log_mailer.hpp"
#include "metrics/school_metrics.hpp"

namespace lms {

namespace {

class AuthAuthenticator final : public Authenticator {
 public:
  AuthAuthenticator(Auth& auth, AccessTokens& access_tokens, const TokenBlacklist& blacklist, const Clock& clock)
      : auth_(auth), access_tokens_(access_tokens), blacklist_(blacklist), clock_(clock) {}

  BearerToken verify(std::string_view token) override {
    if (AccessTokens::is_meant(token)) return AccessTokenDigest{AccessTokens::digest_of(token)};
    if (auto known = verified_.find(token, clock_.now())) return *std::move(known);
    TokenVerdict verdict = auth_.tokens().decode(token, TokenType::access);
    if (const auto* fault = std::get_if<TokenFault>(&verdict)) throw token_error(*fault);
    verified_.remember(token, std::get<TokenClaims>(verdict));
    return std::get<TokenClaims>(std::move(verdict));
  }
  Principal admit(const BearerToken& token, const std::string& address) override {
    if (const auto* digest = std::get_if<AccessTokenDigest>(&token)) return access_tokens_.admit(digest->text, address);
    return auth_.authenticate(std::get<TokenClaims>(token));
  }
  bool waits() const noexcept override { return blacklist_.waits(); }
  bool use_is_due(const BearerToken& token) override {
    const auto* digest = std::get_if<AccessTokenDigest>(&token);
    return digest != nullptr && access_tokens_.use_is_due(digest->text);
  }
  void note_use(const BearerToken& token, const std::string& address) override {
    if (const auto* digest = std::get_if<AccessTokenDigest>(&token)) access_tokens_.note_use(digest->text, address);
  }

 private:
  Auth& auth_;
  AccessTokens& access_tokens_;
  const TokenBlacklist& blacklist_;
  const Clock& clock_;
  VerifiedTokens verified_;
};

TokenOptions token_options(const Settings& settings) {
  TokenOptions options;
  options.algorithm = settings.algorithm;
  options.secret = settings.secret_key;
  options.previous_secrets = settings.secret_key_previous;
  options.private_key = settings.jwt_private_key;
  options.previous_keys = settings.jwt_previous_keys;
  options.issuer = settings.jwt_issuer;
  options.audience = settings.jwt_audience;
  options.leeway = settings.jwt_leeway;
  options.access = settings.access_token_lifetime;
  options.refresh = settings.refresh_token_lifetime;
  options.password_reset = settings.password_reset_token_lifetime;
  options.email_verification = settings.email_verification_token_lifetime;
  options.mfa_challenge = settings.mfa_challenge_token_lifetime;
  return options;
}

/// What all nodes of the school know, and nobody else.
const std::string& signing_secret(const Settings& settings) {
  return settings.algorithm == TokenAlgorithm::hs256 ? settings.secret_key : settings.jwt_private_key;
}

PasswordHasher::Options hasher_options(const Settings& settings) {
  return {.memory_kib = static_cast<std::uint32_t>(settings.argon2_memory_kib),
          .iterations = static_cast<std::uint32_t>(settings.argon2_iterations),
          .parallelism = 1,
          .max_concurrent = static_cast<std::size_t>(settings.argon2_max_concurrent)};
}

/// A host that fills the struct itself may leave the key out: tokens then live as long as this process.
Settings completed(Settings settings, Random& random) {
  if (settings.secret_key.empty() && settings.environment == Environment::development &&
      settings.algorithm == TokenAlgorithm::hs256)
    settings.secret_key = random.token(32);
  return settings;
}

Backends completed(Backends backends) {
  if (!backends.storage) backends.storage = open_memory_storage();
  if (!backends.clock) backends.clock = std::make_shared<SystemClock>();
  if (!backends.random) backends.random = std::make_shared<SystemRandom>();
  if (!backends.log) backends.log = std::make_shared<NullLogSink>();
  return backends;
}

/// That of the storage is never out alone, so there is nothing to decide.
std::shared_ptr<TokenBlacklist> blacklist_of(const Backends& backends, const Settings& settings, const Logger& logger) {
  if (!settings.access_token_blacklist_enabled) return std::make_shared<NoBlacklist>();
  if (!backends.token_blacklist) return std::make_shared<StorageBlacklist>(*backends.storage, *backends.clock);
  using enum WatchedBlacklist::Outage;
  const bool fail_closed =
      settings.access_token_blacklist_fail_closed.value_or(settings.environment != Environment::development);
  return std::make_shared<WatchedBlacklist>(backends.token_blacklist, fail_closed ? refuse : admit, logger);
}

std::shared_ptr<RateLimiter> rate_limiter_of(const Backends& backends, const Settings& settings, const Logger& logger) {
  std::unique_ptr<RateLimiter> own;
  if (!backends.rate_limiter || !settings.rate_limit_fail_closed)
    own = open_memory_rate_limiter({.most_keys = static_cast<std::size_t>(settings.rate_limit_max_keys),
                                    .penalties = settings.rate_limit_penalties});
  if (!backends.rate_limiter) return own;
  return std::make_shared<WatchedRateLimiter>(backends.rate_limiter, std::move(own), logger);
}

SessionOptions session_options(const Settings& settings) {
  return {.idle_timeout = settings.session_timeout,
          .reuse_grace = settings.refresh_reuse_grace,
          .max_per_user = settings.max_sessions_per_user,
          .max_age = settings.session_max_age,
          .need_verified_email = settings.require_email_verification};
}

/// The front end's pages, or those of the server itself.
std::string pages_of(const Settings& settings) {
  if (!settings.frontend_url.empty()) return settings.frontend_url;
  if (!settings.public_url.empty()) return settings.public_url + "/account";
  return "http://localhost:" + std::to_string(settings.port) + "/account";
}

AccountOptions account_options(const Settings& settings) {
  return {.pages = pages_of(settings), .require_verification = settings.require_email_verification};
}

MfaOptions mfa_options(const Settings& settings) {
  return {.school = settings.project_name,
          .mailed_code_length = settings.mfa_login_code_length,
          .mailed_code_life = settings.mfa_login_code_lifetime};
}

/// With what it stands on, for the storage may outlive the school.
struct OwningFernet {
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Random> random;
  Fernet fernet;

  OwningFernet(const std::vector<std::string>& keys, std::shared_ptr<Clock> c, std::shared_ptr<Random> r)
      : clock(std::move(c)), random(std::move(r)), fernet(keys, *clock, *random) {}
};

std::shared_ptr<const Fernet> fernet_of(const std::vector<std::string>& keys, const Backends& backends) {
  const auto owning = std::make_shared<const OwningFernet>(keys, backends.clock, backends.random);
  return {owning, &owning->fernet};
}

/// The storage may outlive the school.
void share_changes(const Backends& backends) {
  backends.storage->changes().share(
      backends.change_feed, [log = backends.log, clock = backends.clock](std::string_view cause) {
        const Logger logger(*log, *clock);
        if (cause.empty())
          logger.warning("app", "what other nodes write is known again");
        else
          logger.warning("app", "what other nodes write is not known: kept answers may be old", {{"error", cause}});
      });
}

constexpr std::string_view housekeeping = "housekeeping";
constexpr auto housekeeping_interval = std::chrono::hours{1};

}  // namespace

/// The whole school, each part built on those above it.
struct Lms::Parts {
  Backends backends;
  Settings settings;
  Storage& storage;
  Clock& clock;
  Random& random;
  Logger logger;
  std::shared_ptr<const Roles> roles;
  PasswordHasher hasher;
  Tokens tokens;
  std::shared_ptr<TokenBlacklist> blacklist;
  Events events;
  Audit audit;
  Jobs jobs;
  LogMailer log_mailer;
  Mails mails;
  Users users;
  UserImports user_imports;
  Lockout lockout;
  Auth auth;
  Accounts accounts;
  Mfa mfa;
  Router router;
  AccessTokens access_tokens;
  PersonalData personal_data;
  Courses courses;
  Enrollments enrollments;
  Quizzes quizzes;
  Certificates certificates;
  CoursePackages packages;
  AuthAuthenticator authenticator;
  std::shared_ptr<RateLimiter> rate_limiter;
  RateLimits rate_limits;
  IdempotentAnswers idempotent;
  KeptAnswers kept_answers;
  Pipeline pipeline;
  std::atomic<bool> stopping{false};

  Parts(Settings wanted, Backends given)
      : backends(completed(std::move(given))),
        settings(completed(std::move(wanted), *backends.random)),
        storage(*backends.storage),
        clock(*backends.clock),
        random(*backends.random),
        logger(*backends.log, clock),
        roles(std::make_shared<const Roles>(backends.roles)),
        hasher(random, hasher_options(settings)),
        tokens(token_options(settings), clock, random),
        blacklist(blacklist_of(backends, settings, logger)),
        events(storage, clock, random),
        audit(storage, clock, logger),
        jobs(storage, clock, random, audit, logger),
        log_mailer(logger, settings.environment == Environment::development ? LogMailer::Shows::text
                                                                            : LogMailer::Shows::subject),
        mails(storage, clock, jobs, backends.mailer ? *backends.mailer : log_mailer,
              {.school = settings.project_name, .templates_dir = settings.mail_templates_dir}),
        users(storage, clock, random, events, audit, hasher, *roles,
              {.passwords = {.min_length = static_cast<std::size_t>(settings.password_min_length),
                             .school = settings.project_name},
               .language = settings.default_language,
               .timezone = settings.default_timezone}),
        user_imports(storage, clock, events, audit, users, hasher),
        lockout(storage, clock, events, audit, logger,
                {.max_failed_attempts = settings.max_failed_attempts, .duration = settings.lockout_duration}),
        auth(storage, clock, random, events, audit, users, hasher, tokens, *blacklist, lockout, roles, logger,
             session_options(settings)),
        accounts(storage, clock, random, events, audit, users, hasher, lockout, auth, mails, logger,
                 account_options(settings)),
        mfa(storage, clock, random, events, audit, users, lockout, auth, accounts, mails, logger,
            mfa_options(settings)),
        router(settings.api_prefix),
        access_tokens(storage, clock, random, events, audit, users, auth, accounts, mails, router, logger),
        personal_data(storage, clock, events, audit, users, auth, jobs),
        courses(storage, clock, random, events, audit),
        enrollments(storage, clock, random, events, audit, courses),
        quizzes(storage, clock, random, events, audit, courses, enrollments),
        certificates(storage, clock, random, events, audit, enrollments, settings.public_url + settings.api_prefix),
        packages(storage, courses, quizzes),
        authenticator(auth, access_tokens, *blacklist, clock),
        rate_limiter(rate_limiter_of(backends, settings, logger)),
        rate_limits(settings, *rate_limiter, clock, logger),
        idempotent(storage, clock, random, signing_secret(settings), settings.idempotency_ttl),
        kept_answers(settings, storage, logger),
        pipeline(router, settings, storage, authenticator, rate_limits, idempotent, kept_answers.cache(), clock, random,
                 logger, backends.metrics.get()) {}

  HealthSources health_sources();
  bool is_admin(const Call& call);
  void make_first_admin();
  void tell_of_gaps() const;
  void keep_house();
  void watch();
  void schedule_housekeeping(Time at);
};

Lms::Lms(Settings settings, Backends backends) {
  if (!backends.storage) backends.storage = open_memory_storage();
  backends.storage->migrate();
  parts_ = std::make_unique<Parts>(std::move(settings), std::move(backends));
  if (const auto& keys = parts_->settings.encryption_keys; !keys.empty())
    parts_->storage.cipher().use(fernet_of(keys, parts_->backends));
  if (parts_->backends.change_feed) share_changes(parts_->backends);
  if (parts_->backends.metrics) parts_->watch();
  parts_->events.declare(event_types());
  parts_->audit.declare(audit_actions());
  parts_->enrollments.recount_by(parts_->jobs);
  add_personal_data(parts_->personal_data, *this);
  parts_->personal_data.on_erasure(
      [parts = parts_.get()](UnitOfWork& uow, const Erasure& erasure, const std::string& after) {
        return parts->idempotent.forget(uow, erasure.user_id, after);
      });
  parts_->keep_house();
  add_health_routes(parts_->router, parts_->health_sources());
  add_routes(parts_->router, *this);
  add_account_pages(parts_->router, parts_->settings.project_name);
  add_documentation_routes(parts_->router,
                           {.version = std::string(version()), .openapi = [this] { return openapi(); }});
  parts_->make_first_admin();
}

Lms::~Lms() {
  stop(std::chrono::seconds{0});
}

HealthSources Lms::Parts::health_sources() {
  HealthSources sources{
      .parts = {{.name = "database", .needed = true, .ping = [this] { storage.ping(); }}},
      .is_stopping = [this] { return stopping.load(); },
      .clock = clock,
      .version = std::string(version()),
      .active_tasks = [this] { return static_cast<std::int64_t>(jobs.running()); },
      .metrics = [this] { return backends.metrics ? std::optional(backends.metrics->text()) : std::nullopt; },
      .is_admin = [this](const Call& call) { return is_admin(call); },
      .metrics_token = settings.metrics_token,
      .tell =
          [this](const HealthPart& part, std::string_view cause) {
            logger.warning("app", "a part of the school does not answer", {{"part", part.name}, {"error", cause}});
          }};
  sources.parts.insert(sources.parts.end(), backends.health_parts.begin(), backends.health_parts.end());
  return sources;
}

/// Of routes that answer others, too, and so look at no token themselves.
bool Lms::Parts::is_admin(const Call& call) {
  const auto token = bearer_token(call.request().headers);
  if (!token) return false;
  try {
    const Principal who = authenticator.admit(authenticator.verify(*token), call.client_address());
    return who.role() == role::admin && !who.access_token();
  } catch (const Error&) {
    return false;
  }
}

void Lms::Parts::make_first_admin() {
  if (settings.admin_email.empty()) return;
  const auto admins =
      users.list(Principal::system(), {.page = {.page = 1, .page_size = 1}, .role = std::string(role::admin)});
  if (admins.total > 0) return;
  users.create(Principal::system(),
               {settings.admin_email, settings.admin_password, "Administrator", std::string(role::admin)});
  logger.info("security", "first admin made");
}

/// What an operator must know once: what people will find missing.
void Lms::Parts::tell_of_gaps() const {
  if (settings.environment != Environment::development) {
    if (!backends.mailer) logger.warning("app", "mails are not sent: SMTP_HOST is not set");
    if (!storage.cipher().has_keys())
      logger.warning("app",
                     "nobody can set up a second factor: ENCRYPTION_KEY is not set; `lms-server crypto "
                     "generate-key` prints one");
  }
  for (const std::string& file : mails.stray_templates())
    logger.warning("app", "a file in MAIL_TEMPLATES_DIR is no template of any mail", {{"file", file}});
}

/// What has to be done now and then.
void Lms::Parts::keep_house() {
  const std::vector<std::pair<std::string, std::function<std::size_t()>>> steps{
      {"sessions_purged", [this] { return auth.purge(); }},
      {"mails_purged", [this] { return accounts.purge(); }},
      {"challenges_purged", [this] { return mfa.purge(); }},
      {"idempotent_answers_purged", [this] { return idempotent.purge(); }},
      {"access_tokens_purged", [this] { return access_tokens.purge(); }},
      {"enrollments_expired", [this] { return enrollments.expire_overdue(); }},
      {"attempts_closed", [this] { return quizzes.close_overdue(); }}};
  jobs.handle(std::string(housekeeping), [this, steps](const Job&, std::stop_token) -> Value {
    schedule_housekeeping(clock.now() + housekeeping_interval);
    Object done;
    std::exception_ptr first_failure;
    for (const auto& [name, step] : steps) {
      try {
        done.append(name, static_cast<std::int64_t>(step()));
      } catch (const std::exception& error) {  // the others need not wait until it is mended
        logger.warning("tasks", "a step of housekeeping failed", {{"step", name}, {"error", error.what()}});
        if (!first_failure) first_failure = std::current_exception();
      }
    }
    if (first_failure) std::rethrow_exception(first_failure);
    return done;
  });
}

/// The storage, the events and the jobs may tell until the last of them ends.
void Lms::Parts::watch() {
  watch_storage(backends.metrics, storage);
  watch_events(*backends.metrics, events);
  watch_jobs(*backends.metrics, jobs);
  add_readings(*backends.metrics, {.storage = storage,
                                   .hasher = hasher,
                                   .limiter = *rate_limiter,
                                   .answers = kept_answers,
                                   .parts = health_sources().parts,
                                   .clock = clock,
                                   .version = std::string(version())});
}

/// One run an hour, on any number of nodes: the hour is part of the unique key.
void Lms::Parts::schedule_housekeeping(Time at) {
  const auto hour = std::chrono::floor<std::chrono::hours>(at);
  storage.write([&](UnitOfWork& uow) {
    jobs.enqueue(uow, std::string(housekeeping), Value(),
                 {.run_at = at, .unique_key = std::string(housekeeping) + "@" + to_iso8601(hour)});
  });
}

Users& Lms::users() noexcept {
  return parts_->users;
}
UserImports& Lms::user_imports() noexcept {
  return parts_->user_imports;
}
Lockout& Lms::lockout() noexcept {
  return parts_->lockout;
}
Auth& Lms::auth() noexcept {
  return parts_->auth;
}
Accounts& Lms::accounts() noexcept {
  return parts_->accounts;
}
Mfa& Lms::mfa() noexcept {
  return parts_->mfa;
}
AccessTokens& Lms::access_tokens() noexcept {
  return parts_->access_tokens;
}
PersonalData& Lms::personal_data() noexcept {
  return parts_->personal_data;
}
Courses& Lms::courses() noexcept {
  return parts_->courses;
}
Enrollments& Lms::enrollments() noexcept {
  return parts_->enrollments;
}
Quizzes& Lms::quizzes() noexcept {
  return parts_->quizzes;
}
Certificates& Lms::certificates() noexcept {
  return parts_->certificates;
}
CoursePackages& Lms::packages() noexcept {
  return parts_->packages;
}
Events& Lms::events() noexcept {
  return parts_->events;
}
Audit& Lms::audit() noexcept {
  return parts_->audit;
}
Jobs& Lms::jobs() noexcept {
  return parts_->jobs;
}
Mails& Lms::mails() noexcept {
  return parts_->mails;
}
RateLimits& Lms::rate_limits() noexcept {
  return parts_->rate_limits;
}
KeptAnswers& Lms::kept_answers() noexcept {
  return parts_->kept_answers;
}
Storage& Lms::storage() noexcept {
  return parts_->storage;
}
Clock& Lms::clock() noexcept {
  return parts_->clock;
}
Random& Lms::random() noexcept {
  return parts_->random;
}
const Logger& Lms::log() const noexcept {
  return parts_->logger;
}
const Settings& Lms::settings() const noexcept {
  return parts_->settings;
}
Router& Lms::router() noexcept {
  return parts_->router;
}

std::string Lms::openapi(int indent) const {
  const ApiInfo info{.title = parts_->settings.project_name,
                     .version = std::string(version()),
                     .server = parts_->settings.public_url.empty() ? "/" : parts_->settings.public_url,
                     .max_body = static_cast<std::size_t>(parts_->settings.max_body_kb) * 1024,
                     .error_format = parts_->settings.error_format,
                     .envelope = parts_->settings.response_envelope};
  return to_json(openapi_document(parts_->router, info, event_types()), indent);
}

std::optional<std::string> Lms::metrics_text() const {
  const auto& metrics = parts_->backends.metrics;
  return metrics ? std::optional(metrics->text()) : std::nullopt;
}

http::Plan Lms::plan(const http::Request& head) const noexcept {
  return parts_->pipeline.plan(head);
}

std::optional<http::Response> Lms::try_handle(http::Request& request) noexcept {
  return parts_->pipeline.try_handle(request);
}

http::Response Lms::handle(http::Request request) noexcept {
  return parts_->pipeline.handle(std::move(request));
}

void Lms::handle(http::Request request, http::Answer answer, const Executor& executor) noexcept {
  parts_->pipeline.handle(std::move(request), std::move(answer), executor);
}

http::Response Lms::refuse(int status, std::string_view reason, std::string_view message) const {
  return parts_->pipeline.refuse(status, reason, message);
}

void Lms::start(std::size_t job_threads) {
  parts_->tell_of_gaps();
  parts_->schedule_housekeeping(parts_->clock.now());
  parts_->jobs.start(job_threads);
}

void Lms::stop(std::chrono::milliseconds deadline) {
  parts_->stopping = true;
  parts_->jobs.stop(deadline);
}

std::string_view version() noexcept {
  return LMS_VERSION;
}

}  // namespace lms
