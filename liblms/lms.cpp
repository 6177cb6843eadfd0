#include <atomic>
#include <utility>

#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>
#include <lms/password.hpp>

#include "api.hpp"
#include "auth/verified_tokens.hpp"
#include "http/authenticator.hpp"
#include "http/documentation.hpp"
#include "http/health.hpp"
#include "http/idempotency.hpp"
#include "http/openapi.hpp"
#include "http/pipeline.hpp"

namespace lms {

namespace {

class AuthAuthenticator final : public Authenticator {
 public:
  AuthAuthenticator(Auth& auth, const Clock& clock) : auth_(auth), clock_(clock) {}

  TokenClaims verify(std::string_view token) override {
    if (auto known = verified_.find(token, clock_.now())) return *std::move(known);
    TokenVerdict verdict = auth_.tokens().decode(token, TokenType::access);
    if (const auto* fault = std::get_if<TokenFault>(&verdict)) throw token_error(*fault);
    verified_.remember(token, std::get<TokenClaims>(verdict));
    return std::get<TokenClaims>(std::move(verdict));
  }
  Principal admit(const TokenClaims& claims) override { return auth_.authenticate(claims); }

 private:
  Auth& auth_;
  const Clock& clock_;
  VerifiedTokens verified_;
};

TokenOptions token_options(const Settings& settings) {
  TokenOptions options;
  options.secret = settings.secret_key;
  options.issuer = settings.jwt_issuer;
  options.audience = settings.jwt_audience;
  options.leeway = settings.jwt_leeway;
  options.access = settings.access_token_lifetime;
  options.refresh = settings.refresh_token_lifetime;
  return options;
}

PasswordHasher::Options hasher_options(const Settings& settings) {
  return {.memory_kib = static_cast<std::uint32_t>(settings.argon2_memory_kib),
          .iterations = static_cast<std::uint32_t>(settings.argon2_iterations),
          .parallelism = 1,
          .max_concurrent = static_cast<std::size_t>(settings.argon2_max_concurrent)};
}

/// A host that fills the struct itself may leave the key out: tokens then live as long as this process.
Settings completed(Settings settings, Random& random) {
  if (settings.secret_key.empty() && settings.environment == Environment::development)
    settings.secret_key = random.token(32);
  return settings;
}

Backends completed(Backends backends) {
  if (!backends.storage) backends.storage = open_memory_storage();
  if (!backends.clock) backends.clock = std::make_shared<SystemClock>();
  if (!backends.random) backends.random = std::make_shared<SystemRandom>();
  if (!backends.log) backends.log = std::make_shared<NullLogSink>();
  if (!backends.token_blacklist)
    backends.token_blacklist = std::make_shared<StorageBlacklist>(*backends.storage, *backends.clock);
  return backends;
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
  TokenBlacklist& blacklist;
  Events events;
  Jobs jobs;
  Users users;
  Auth auth;
  Courses courses;
  Enrollments enrollments;
  Quizzes quizzes;
  Certificates certificates;
  CoursePackages packages;
  AuthAuthenticator authenticator;
  Router router;
  IdempotentAnswers idempotent;
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
        blacklist(*backends.token_blacklist),
        events(storage, clock, random),
        jobs(storage, clock, random, logger),
        users(storage, clock, random, events, hasher, *roles,
              {.min_length = static_cast<std::size_t>(settings.password_min_length)}),
        auth(storage, clock, random, events, users, hasher, tokens, blacklist, roles, logger),
        courses(storage, clock, random, events),
        enrollments(storage, clock, random, events, courses),
        quizzes(storage, clock, random, events, courses, enrollments),
        certificates(storage, clock, random, events, enrollments, settings.public_url + settings.api_prefix),
        packages(storage, courses, quizzes),
        authenticator(auth, clock),
        router(settings.api_prefix),
        idempotent(storage, clock, random, settings.secret_key, settings.idempotency_ttl),
        pipeline(router, settings, storage, authenticator, idempotent, clock, random, logger) {}

  bool ready() noexcept;
  void make_first_admin();
  void keep_house();
  void schedule_housekeeping(Time at);
};

Lms::Lms(Settings settings, Backends backends) {
  if (!backends.storage) backends.storage = open_memory_storage();
  backends.storage->migrate();
  parts_ = std::make_unique<Parts>(std::move(settings), std::move(backends));
  parts_->events.declare(event_types());
  parts_->enrollments.recount_by(parts_->jobs);
  parts_->keep_house();
  add_health_routes(parts_->router, [parts = parts_.get()] { return parts->ready(); });
  add_routes(parts_->router, *this);
  add_documentation_routes(parts_->router,
                           {.version = std::string(version()), .openapi = [this] { return openapi(); }});
  parts_->make_first_admin();
}

Lms::~Lms() {
  stop(std::chrono::seconds{0});
}

bool Lms::Parts::ready() noexcept {
  if (stopping) return false;
  try {
    storage.ping();
    return true;
  } catch (const std::exception& error) {
    logger.warning("app", "storage does not answer", Object{{"error", error.what()}});
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

/// What has to be done now and then.
void Lms::Parts::keep_house() {
  jobs.handle(std::string(housekeeping), [this](const Job&, std::stop_token) -> Value {
    schedule_housekeeping(clock.now() + housekeeping_interval);
    const auto counted = [](std::size_t count) { return static_cast<std::int64_t>(count); };
    return Object{{"sessions_purged", counted(auth.purge())},
                  {"idempotent_answers_purged", counted(idempotent.purge())},
                  {"enrollments_expired", counted(enrollments.expire_overdue())},
                  {"attempts_closed", counted(quizzes.close_overdue())}};
  });
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
Auth& Lms::auth() noexcept {
  return parts_->auth;
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
Jobs& Lms::jobs() noexcept {
  return parts_->jobs;
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
                     .error_format = parts_->settings.error_format};
  return to_json(openapi_document(parts_->router, info, event_types()), indent);
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
