#include <lms/lockout.hpp>

#include <algorithm>
#include <utility>

#include <lms/repository.hpp>

#include "auth/login_failures.hpp"
#include "base/formats.hpp"
#include "base/removal.hpp"

namespace lms {

const Schema& LockoutStatus::schema() {
  static const Schema schema =
      define<LockoutStatus>("LockoutStatus", "How many sign-ins with an address have failed, and whether it is locked.")
          .field("locked", &LockoutStatus::locked, {.doc = "Whether every sign-in with the address is refused."})
          .field("failed_attempts", &LockoutStatus::failed_attempts,
                 {.doc = "Wrong passwords of the last `LOCKOUT_DURATION_MINUTES`."})
          .field("failed_codes", &LockoutStatus::failed_codes, {.doc = "Wrong second factors, likewise."})
          .field("remaining_attempts", &LockoutStatus::remaining_attempts,
                 {.doc = "Wrong passwords until the address is locked; 0 while it is."})
          .field("remaining_codes", &LockoutStatus::remaining_codes, {.doc = "Wrong second factors, likewise."})
          .field("locked_until", &LockoutStatus::locked_until, {.doc = "When the lock ends by itself."})
          .field("remaining_seconds", &LockoutStatus::remaining_seconds, {.doc = "Seconds until then."});
  return schema;
}

namespace events {
const EventType user_locked{"user.locked", "Too many sign-ins failed; all are refused for a while.",
                            &UserEvent::schema};
const EventType user_unlocked{"user.unlocked", "A lock was ended before its time, by an admin or with a new password.",
                              &UserEvent::schema};
}  // namespace events

namespace audited {
const AuditAction sign_in_locked{
    "auth.locked", "Too many sign-ins failed; all with the address are refused for a while.", AuditOutcome::refused};
const AuditAction sign_in_unlocked{"auth.unlocked", "A lock was ended before its time."};
}  // namespace audited

Lockout::Lockout(Storage& storage, Clock& clock, Events& events, Audit& audit, Logger& logger, LockoutOptions options)
    : storage_(storage), clock_(clock), events_(events), audit_(audit), logger_(logger), options_(options) {
  if (options_.max_failed_attempts < 1)
    throw invalid({"MAX_FAILED_ATTEMPTS"}, "must be at least 1", "value_error.number.not_ge");
  if (options_.duration < std::chrono::minutes{1})
    throw invalid({"LOCKOUT_DURATION_MINUTES"}, "must be at least 1", "value_error.number.not_ge");
}

LoginAttempt Lockout::begin(UnitOfWork& uow, std::string_view email, Factor factor) const {
  using enum LoginAttempt::Admission;
  const Time now = clock_.now();
  auto failures = LoginFailures::load(uow, LoginFailures::digest_of(email), now, options_.duration);
  LoginAttempt attempt{failures.login, factor, admitted, now, failures.locked_until};
  if (failures.locked_until || failures.count_failed(factor) >= options_.max_failed_attempts)
    attempt.admission = locked;
  else if (failures.count_all(factor) >= options_.max_failed_attempts)
    attempt.admission = busy;
  else
    failures.tries.push_back({factor, now, false});
  // A refused one is written, too, so that it costs what others cost.
  failures.last_attempt_at = now;
  failures.save(uow, options_.duration);
  return attempt;
}

void Lockout::failed(UnitOfWork& uow, const LoginAttempt& attempt, const std::optional<User>& user,
                     const std::string& from) const {
  const Time now = clock_.now();
  auto failures = LoginFailures::load(uow, attempt.login, now, options_.duration);
  failures.last_attempt_at = now;
  bool locks = false;
  if (attempt.admission == LoginAttempt::Admission::admitted) {
    failures.take_back(attempt.factor, attempt.at);
    failures.tries.push_back({attempt.factor, now, true});
    locks = !failures.locked_until && failures.count_failed(attempt.factor) >= options_.max_failed_attempts;
    if (locks) failures.locked_until = now + options_.duration;
  }
  failures.save(uow, options_.duration);
  if (!locks) return;
  Object details{{"factor", name_of(attempt.factor)}, {"minutes", std::int64_t{options_.duration.count()}}};
  if (!user) {
    details.append("address", from);
    uow.after_commit([&logger = logger_, details = std::move(details)] {
      logger.warning("security", "sign-in with an address without account locked", details);
    });
    return;
  }
  events_.emit(uow, events::user_locked, Principal::system(), UserEvent::of(*user));
  for (const auto& hook : locked_hooks_) hook(uow, *user, attempt.factor);
  audit_.record(uow, Principal::anonymous().from(from), audited::sign_in_locked, user->id, std::move(details));
}

void Lockout::passed(UnitOfWork& uow, const LoginAttempt& attempt) const {
  auto failures = LoginFailures::load(uow, attempt.login, clock_.now(), options_.duration);
  failures.take_back(attempt.factor, attempt.at);
  failures.forget_failed(attempt.factor);
  failures.save(uow, options_.duration);
}

void Lockout::signed_in(UnitOfWork& uow, const LoginAttempt& attempt) const {
  auto failures = LoginFailures::load(uow, attempt.login, clock_.now(), options_.duration);
  failures.take_back(attempt.factor, attempt.at);
  failures.forget_failed(Factor::password);
  failures.forget_failed(Factor::code);
  failures.save(uow, options_.duration);
}

void Lockout::withdraw(UnitOfWork& uow, const LoginAttempt& attempt) const {
  auto failures = LoginFailures::load(uow, attempt.login, clock_.now(), options_.duration);
  failures.take_back(attempt.factor, attempt.at);
  failures.save(uow, options_.duration);
}

bool Lockout::forget(UnitOfWork& uow, std::string_view email) const {
  const auto failures = LoginFailures::load(uow, LoginFailures::digest_of(email), clock_.now(), options_.duration);
  Repository<LoginFailures>(uow).remove_where(equal("login", failures.login));
  return failures.locked_until.has_value();
}

void Lockout::clear(UnitOfWork& uow, const Principal& who, const User& user) const {
  if (forget(uow, user.email)) events_.emit(uow, events::user_unlocked, who, UserEvent::of(user));
}

LockoutStatus Lockout::status_of(UnitOfWork& uow, std::string_view email) const {
  const Time now = clock_.now();
  const auto failures = LoginFailures::load(uow, LoginFailures::digest_of(email), now, options_.duration);
  LockoutStatus status;
  status.locked = failures.locked_until.has_value();
  status.failed_attempts = failures.count_failed(Factor::password);
  status.failed_codes = failures.count_failed(Factor::code);
  status.locked_until = failures.locked_until;
  if (status.locked)
    status.remaining_seconds = std::chrono::ceil<std::chrono::seconds>(*failures.locked_until - now).count();
  const auto left = [&](std::int64_t failed) {
    return status.locked ? 0 : std::max<std::int64_t>(0, options_.max_failed_attempts - failed);
  };
  status.remaining_attempts = left(status.failed_attempts);
  status.remaining_codes = left(status.failed_codes);
  return status;
}

Lockout::Login Lockout::resolve(UnitOfWork& uow, std::string_view login_id) const {
  Repository<User> users(uow);
  if (const auto id = UserId::parse(login_id)) {
    User user = users.get(*id);
    return {user.email, std::move(user)};
  }
  const auto email = normal_email(login_id);
  if (!email) throw not_found("user_not_found", "This is neither a mail address nor the id of a user.");
  return {*email, users.first(equal("email_key", email_key(*email)))};
}

LockoutStatus Lockout::status(const Principal& who, std::string_view login_id) {
  require(who, Permission::manage_users);
  return storage_.read([&](UnitOfWork& uow) { return status_of(uow, resolve(uow, login_id).email); });
}

LockoutStatus Lockout::unlock(const Principal& who, std::string_view login_id) {
  require(who, Permission::manage_users);
  return storage_.write([&](UnitOfWork& uow) {
    const Login login = resolve(uow, login_id);
    const bool was_locked = forget(uow, login.email);
    if (was_locked && login.user) events_.emit(uow, events::user_unlocked, who, UserEvent::of(*login.user));
    if (was_locked && login.user) audit_.record(uow, who, audited::sign_in_unlocked, login.user->id);
    return status_of(uow, login.email);
  });
}

std::size_t Lockout::purge() {
  return remove_in_batches<LoginFailures>(storage_, less_equal("expires_at", clock_.now()));
}

}  // namespace lms
