#include <lms/auth.hpp>

#include <algorithm>
#include <utility>

#include <lms/repository.hpp>

#include "auth/device_text.hpp"
#include "auth/refusals.hpp"
#include "base/formats.hpp"
#include "base/removal.hpp"
#include "base/session_ended.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

/// What the session's refresh token says.
TokenClaims refresh_claims(const Session& session) {
  return {.subject = session.user_id,
          .role = {},
          .id = session.refresh_jti,
          .type = TokenType::refresh,
          .issued_at = std::chrono::floor<std::chrono::seconds>(session.last_seen_at),
          .expires_at = session.refresh_expires_at,
          .session = session.id};
}

/// The costly part of a try to sign in. What does not come about was no try.
template <class Work>
auto tried(Storage& storage, const Lockout& lockout, const LoginAttempt& attempt, Work&& work) {
  try {
    return work();
  } catch (const Error&) {
    storage.write([&](UnitOfWork& uow) { lockout.withdraw(uow, attempt); });
    throw;
  }
}

/// A second one would take the place of the first, and with it a second factor, say, without a sound.
template <class Function>
void set_once(Function& slot, Function function) {
  if (slot) throw internal("somebody sees to this part of signing in already");
  slot = std::move(function);
}

Condition alive(UserId user, Time now) {
  return all_of({equal("user_id", user), is_null("ended_at"), greater("expires_at", now)});
}

}  // namespace

Error token_error(TokenFault fault) {
  if (fault == TokenFault::expired) return unauthenticated("token_expired", "The token has expired.");
  return unauthenticated("invalid_token", "The token is not valid.");
}

Auth::Auth(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users,
           PasswordHasher& hasher, Tokens& tokens, TokenBlacklist& blacklist, Lockout& lockout,
           std::shared_ptr<const Roles> roles, Logger& logger, const SessionOptions& options)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      users_(users),
      hasher_(hasher),
      tokens_(tokens),
      blacklist_(blacklist),
      lockout_(lockout),
      roles_(std::move(roles)),
      logger_(logger),
      options_(options) {
  if (options_.idle_timeout.count() > 0 && options_.idle_timeout < tokens_.lifetime(TokenType::access))
    throw invalid({"SESSION_TIMEOUT_HOURS"}, "must not be shorter than the life of an access token",
                  "value_error.number.not_ge");
  if (options_.max_per_user < 1)
    throw invalid({"MAX_SESSIONS_PER_USER"}, "must be at least 1", "value_error.number.not_ge");
  users_.on_leaving(
      [](UnitOfWork& uow, const User& user) { Repository<Session>(uow).remove_where(equal("user_id", user.id)); });
  users_.on_acting([this](UnitOfWork& uow, const Principal& who) {
    if (who.session() && !is_alive(uow, *who.session())) throw session_ended();
  });
}

bool Auth::is_alive(UnitOfWork& uow, SessionId id) const {
  const auto session = Repository<Session>(uow).find(id);
  return session && !session->ended_at && session->expires_at > clock_.now();
}

User Auth::register_student(const Registration& given) {
  const Registration registration = validated(given);
  users_.password_policy().check(registration.password, registration.email, registration.full_name);
  const NewUser account{.email = registration.email,
                        .full_name = registration.full_name,
                        .language = registration.language,
                        .timezone = registration.timezone};
  const User user = users_.make(account, hasher_.hash(registration.password));
  const Principal themselves(user.id, user.role, roles_);
  return storage_.write([&](UnitOfWork& uow) {
    User made = users_.insert(uow, themselves, user);
    for (const auto& hook : registered_hooks_) hook(uow, made);
    return made;
  });
}

/// Every refusal takes the same way through here, so that it costs the same: one write that counts and looks the
/// account up, one hash, one write that settles.
SignIn Auth::login(const Credentials& credentials, const ClientInfo& client) {
  struct Begun {
    LoginAttempt attempt;
    std::optional<User> user;
  };
  const Begun begun = storage_.write([&](UnitOfWork& uow) {
    return Begun{lockout_.begin(uow, credentials.email, Factor::password),
                 Repository<User>(uow).first(equal("email_key", email_key(credentials.email)))};
  });
  const LoginAttempt& attempt = begun.attempt;
  const std::optional<User>& user = begun.user;
  if (attempt.admission == LoginAttempt::Admission::busy) throw sign_in_busy();

  struct Check {
    bool is_right;
    std::optional<std::string> stronger_hash;
  };
  const Check check = tried(storage_, lockout_, attempt, [&] {
    if (!user) hasher_.verify_nothing(credentials.password);
    Check made{user && hasher_.verify(credentials.password, user->password_hash) && user->is_active &&
                   attempt.admission == LoginAttempt::Admission::admitted,
               std::nullopt};
    if (made.is_right && hasher_.needs_rehash(user->password_hash))
      made.stronger_hash = hasher_.hash(credentials.password);
    return made;
  });

  enum class Outcome { refused, unverified, signed_in };
  std::optional<SignIn> answer;
  const Outcome outcome = storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    auto current = check.is_right ? users.find(user->id) : std::nullopt;
    if (!current || !current->is_active || current->password_hash != user->password_hash) {
      refuse(uow, Principal::anonymous(), attempt, user, client);
      return Outcome::refused;
    }
    if (check.stronger_hash) {
      current->password_hash = *check.stronger_hash;
      users.update(*current);
    }
    if (options_.need_verified_email && !current->email_verified_at) {
      lockout_.passed(uow, attempt);
      return Outcome::unverified;
    }
    if (auto challenge = challenge_ ? challenge_(uow, *current) : std::nullopt) {
      lockout_.passed(uow, attempt);
      answer = *std::move(challenge);
    } else {
      lockout_.signed_in(uow, attempt);
      answer = open_session(uow, *current, client);
    }
    return Outcome::signed_in;
  });
  if (outcome == Outcome::refused) throw bad_credentials();
  if (outcome == Outcome::unverified)
    throw forbidden("email_not_verified", "Verify the address first, with the mail that was sent to it.");
  return *std::move(answer);
}

void Auth::challenge_by(std::function<std::optional<MfaChallenge>(UnitOfWork&, const User&)> ask) {
  set_once(challenge_, std::move(ask));
}

void Auth::confirm_codes_by(
    std::function<void(const Principal&, const User&, const Confirmation&, const ClientInfo&)> check) {
  set_once(check_code_, std::move(check));
}

void Auth::authenticate_by(std::function<std::optional<Principal>(std::string_view)> ask) {
  set_once(authenticate_, std::move(ask));
}

/// Settles a try that was in vain; the caller then throws.
void Auth::refuse(UnitOfWork& uow, const Principal& who, const LoginAttempt& attempt, const std::optional<User>& user,
                  const ClientInfo& client) const {
  const auto cause = [&]() -> std::string_view {
    if (attempt.admission == LoginAttempt::Admission::locked) return "locked";
    if (!user) return "unknown address";
    return user->is_active ? "wrong password" : "deactivated or wrong password";
  };
  lockout_.failed(uow, attempt, user, client.address);
  // Strangers, and who is locked out already, may fail as often as they like: they write to the log, which is rotated,
  // and not to what stays for ever.
  if (who.is_anonymous() || attempt.admission == LoginAttempt::Admission::locked) {
    Object fields{
        {"address", client.address}, {"user_id", user ? Value(user->id.text()) : Value()}, {"cause", cause()}};
    const std::string_view what = who.is_anonymous() ? "sign-in refused" : "password refused";
    uow.after_commit(
        [&logger = logger_, what, fields = std::move(fields)] { logger.warning("security", what, fields); });
  } else {
    audit_.record(uow, who.from(client.address), audited::password_refused, user->id, {{"cause", cause()}});
  }
}

User Auth::confirm_password(const Principal& who, std::string_view password, const std::string& field,
                            const ClientInfo& client) {
  refuse_access_token(who);
  const UserId id = who.user();
  std::optional<User> user;
  const LoginAttempt attempt = storage_.write([&](UnitOfWork& uow) {
    user = Repository<User>(uow).get(id);
    LoginAttempt begun = lockout_.begin(uow, user->email, Factor::password);
    if (begun.admission == LoginAttempt::Admission::locked) refuse(uow, who, begun, user, client);
    return begun;
  });
  require_admitted(attempt);
  const bool is_right =
      tried(storage_, lockout_, attempt, [&] { return hasher_.verify(password, user->password_hash); });
  storage_.write([&](UnitOfWork& uow) {
    if (is_right)
      lockout_.passed(uow, attempt);
    else
      refuse(uow, who, attempt, user, client);
  });
  if (!is_right) throw invalid({"body", field}, "is not the current password", "value_error.password.wrong");
  return *std::move(user);
}

User Auth::confirm(const Principal& who, const Confirmation& given, const ClientInfo& client) {
  User user = confirm_password(who, given.password, "password", client);
  if (check_code_) check_code_(who, user, given, client);
  return user;
}

User Auth::still_confirmed(UnitOfWork& uow, const Principal& who, const User& confirmed) const {
  users_.require_still(uow, who);
  User user = Repository<User>(uow).get(confirmed.id);
  if (!user.is_active) throw session_ended();
  if (user.password_hash != confirmed.password_hash)
    throw conflict("password_changed_meanwhile", "The password was changed by somebody else at the same time.");
  return user;
}

void Auth::check_new_password(const User& user, const std::string& password, const ClientInfo& client) const {
  try {
    users_.password_policy().check(password, user.email, user.full_name, "new_password");
  } catch (const Error& error) {
    log_refused_input(error, client);
    throw;
  }
}

void Auth::log_refused_input(const Error& error, const ClientInfo& client) const {
  constexpr std::size_t most = 10, longest = 100;
  Array faults;
  for (const Fault& fault : error.faults()) {
    if (faults.size() == most) break;
    std::string place;
    for (const PathStep& step : fault.loc)
      if (const auto* name = std::get_if<std::string>(&step)) place += (place.empty() ? "" : ".") + *name;
    faults.push_back(std::string(cut_utf8(place, longest)) + ": " + fault.type);
  }
  logger_.warning("security", "sign-in input refused",
                  Object{{"address", client.address}, {"faults", std::move(faults)}});
}

Login Auth::open_session(UnitOfWork& uow, const User& user, const ClientInfo& client,
                         std::optional<MfaMethod> factor) const {
  make_room(uow, user);
  Session session;
  session.user_id = user.id;
  session.created_at = clock_.now();
  session.id = SessionId(random_.uuid(session.created_at));
  session.device = device_text(client.device);
  session.address = client.address;
  renew(session);
  Repository<Session>(uow).insert(session);
  const Principal themselves(user.id, user.role, roles_, session.id);
  events_.emit(uow, events::user_logged_in, themselves, UserEvent::of(user));
  Object details;
  if (factor) details.append("second_factor", name_of(*factor));
  audit_.record(uow, themselves.from(client.address), audited::signed_in, user.id, std::move(details));
  return {tokens_of(user, session), user};
}

/// They are removed, not ended, so that somebody who signs in again and again fills no table.
void Auth::make_room(UnitOfWork& uow, const User& user) const {
  Repository<Session> sessions(uow);
  const Condition living = alive(user.id, clock_.now());
  const auto count = static_cast<std::int64_t>(sessions.count(living));
  if (count < options_.max_per_user) return;
  const auto longest_unused = sessions.select({.where = living,
                                               .order = {ascending("last_seen_at")},
                                               .fields = {"id"},
                                               .limit = static_cast<std::size_t>(count - options_.max_per_user + 1)});
  for (const Session& session : longest_unused) {
    sessions.remove(session.id);
    events_.emit(uow, events::user_session_ended, Principal::system(), UserEvent::of(user));
  }
}

/// Gives the session another refresh token, and with it more time.
void Auth::renew(Session& session) const {
  const Time now = clock_.now();
  session.refresh_jti = random_.token(16);
  session.last_seen_at = now;
  session.refresh_expires_at = std::chrono::floor<std::chrono::seconds>(now) + tokens_.lifetime(TokenType::refresh);
  session.expires_at = session.refresh_expires_at;
  if (options_.idle_timeout.count() > 0) session.expires_at = std::min(session.expires_at, now + options_.idle_timeout);
  if (options_.max_age.count() > 0)
    session.expires_at = std::min<Time>(session.expires_at, session.created_at + options_.max_age);
}

TokenPair Auth::tokens_of(const User& user, const Session& session) const {
  return {tokens_.create(TokenType::access, user.id, user.role, session.id).text,
          tokens_.create(refresh_claims(session)), "bearer", tokens_.lifetime(TokenType::access).count()};
}

/// Whether it is the newest exchange once more: two requests of one client that raced, or one whose answer was lost.
bool Auth::is_repeated(const Session& session, const TokenClaims& refresh, const ClientInfo& client) const {
  return options_.reuse_grace.count() > 0 && session.previous_jti == refresh.id &&
         clock_.now() <= session.last_seen_at + options_.reuse_grace && session.device == device_text(client.device);
}

TokenPair Auth::refresh(const std::string& refresh_token, const ClientInfo& client) {
  const auto tell_refused = [&](std::string_view fault) {
    logger_.warning("security", "refresh token refused", Object{{"address", client.address}, {"fault", fault}});
  };
  const TokenVerdict verdict = tokens_.decode(refresh_token, TokenType::refresh);
  if (const auto* fault = std::get_if<TokenFault>(&verdict)) {
    tell_refused(name_of(*fault));
    throw token_error(*fault);
  }
  const auto& claims = std::get<TokenClaims>(verdict);
  if (!claims.session) throw token_error(TokenFault::malformed);

  // The end of a session whose token was reused has to be committed, so it is an outcome, not an exception.
  const auto exchange = [&](UnitOfWork& uow) -> std::optional<TokenPair> {
    Repository<Session> sessions(uow);
    auto session = sessions.find(*claims.session);
    const Time now = clock_.now();
    if (!session || session->ended_at || session->expires_at <= now) throw session_ended();
    const bool is_repeat = session->refresh_jti != claims.id && is_repeated(*session, claims, client);
    if (session->refresh_jti != claims.id && !is_repeat) {
      session->ended_at = now;
      sessions.update(*session);
      events_.emit(uow, events::user_session_ended, Principal::system(),
                   UserEvent::of(Repository<User>(uow).get(session->user_id)));
      audit_.record(uow, Principal::anonymous().from(client.address), audited::token_reused, session->user_id,
                    {{"session_id", session->id.text()}});
      return std::nullopt;
    }
    const auto user = Repository<User>(uow).find(session->user_id);
    if (!user || !user->is_active) throw session_ended();
    if (is_repeat) return tokens_of(*user, *session);
    if (!client.address.empty()) session->address = client.address;
    if (!client.device.empty()) session->device = device_text(client.device);
    session->previous_jti = session->refresh_jti;
    renew(*session);
    sessions.update(*session);
    return tokens_of(*user, *session);
  };
  std::optional<TokenPair> pair;
  try {
    pair = storage_.write(exchange);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::unauthenticated) tell_refused(error.reason());
    throw;
  }
  if (!pair) throw unauthenticated("token_reused", "This refresh token was used before; the session has been ended.");
  return *std::move(pair);
}

void Auth::logout(const Principal& who, const TokenClaims& access) {
  refuse_access_token(who);
  const UserId id = who.user();
  if (!who.session()) blacklist_.revoke(access.id, access.expires_at);
  storage_.write([&](UnitOfWork& uow) {
    if (who.session())
      Repository<Session>(uow).update_all(all_of({equal("id", *who.session()), is_null("ended_at")}),
                                          {set("ended_at", clock_.now())});
    events_.emit(uow, events::user_logged_out, who, UserEvent::of(Repository<User>(uow).get(id)));
  });
  if (!who.session()) return;
  // What is committed stands, and the end of the session alone refuses the token.
  try {
    blacklist_.revoke(access.id, access.expires_at);
  } catch (const Error& error) {
    logger_.warning("security", "token not revoked", Object{{"user_id", id.text()}, {"error", error.what()}});
  }
}

void Auth::logout_everywhere(const Principal& who) {
  refuse_access_token(who);
  const UserId id = who.user();
  storage_.write([&](UnitOfWork& uow) {
    const auto ended = static_cast<std::int64_t>(end_sessions(uow, id));
    events_.emit(uow, events::user_logged_out, who, UserEvent::of(Repository<User>(uow).get(id)));
    audit_.record(uow, who, audited::signed_out_everywhere, id, {{"sessions", ended}});
  });
}

std::size_t Auth::end_sessions(UnitOfWork& uow, UserId user, std::optional<SessionId> but) const {
  std::vector<Condition> ending{equal("user_id", user), is_null("ended_at")};
  if (but) ending.push_back(none_of({equal("id", *but)}));
  return Repository<Session>(uow).update_all(all_of(std::move(ending)), {set("ended_at", clock_.now())});
}

void Auth::change_password(const Principal& who, const PasswordChange& change, const ClientInfo& client) {
  const User user = confirm_password(who, change.current_password, "current_password", client);
  check_new_password(user, change.new_password, client);
  const std::string hash = hasher_.hash(change.new_password);
  storage_.write([&](UnitOfWork& uow) {
    User current = still_confirmed(uow, who, user);
    current.password_hash = hash;
    current.updated_at = clock_.now();
    Repository<User>(uow).update(current);
    lockout_.clear(uow, who, current);
    end_sessions(uow, user.id, who.session());
    events_.emit(uow, events::user_password_changed, who, UserEvent::of(current));
    for (const auto& hook : password_hooks_) hook(uow, current, client);
    audit_.record(uow, who, audited::password_changed, user.id);
  });
}

std::vector<SessionView> Auth::sessions(const Principal& who) {
  refuse_access_token(who);
  return storage_.read([&](UnitOfWork& uow) { return sessions_of(uow, who, who.user()); });
}

std::vector<SessionView> Auth::sessions(const Principal& who, UserId user) {
  return storage_.read([&](UnitOfWork& uow) {
    require_may_see_sessions(uow, who, user);
    return sessions_of(uow, who, user);
  });
}

void Auth::end_sessions_of(const Principal& who, UserId id) {
  if (who.is(id)) return logout_everywhere(who);
  storage_.write([&](UnitOfWork& uow) {
    const User user = require_may_see_sessions(uow, who, id);
    const auto ended = static_cast<std::int64_t>(end_sessions(uow, id));
    if (ended == 0) return;
    events_.emit(uow, events::user_session_ended, who, UserEvent::of(user));
    audit_.record(uow, who, audited::sessions_ended, id, {{"sessions", ended}});
  });
}

User Auth::require_may_see_sessions(UnitOfWork& uow, const Principal& who, UserId id) const {
  require(who, Permission::manage_users);
  refuse_access_token(who);
  User user = Repository<User>(uow).get(id);
  Users::require_may_manage(who, user.role);
  return user;
}

std::vector<SessionView> Auth::sessions_of(UnitOfWork& uow, const Principal& who, UserId user) const {
  auto sessions = Repository<Session>(uow).select({.where = alive(user, clock_.now()),
                                                   .order = {descending("created_at")},
                                                   .limit = static_cast<std::size_t>(options_.max_per_user)});
  std::vector<SessionView> views;
  views.reserve(sessions.size());
  for (Session& session : sessions) {
    const bool is_current = who.session() == session.id;
    views.push_back({std::move(session), is_current});
  }
  return views;
}

void Auth::end_session(const Principal& who, SessionId id) {
  refuse_access_token(who);
  const UserId user = who.user();
  storage_.write([&](UnitOfWork& uow) {
    const auto ended = Repository<Session>(uow).update_all(all_of({equal("id", id), alive(user, clock_.now())}),
                                                           {set("ended_at", clock_.now())});
    if (ended == 0) throw not_found("session_not_found", "Session not found.");
    events_.emit(uow, events::user_session_ended, who, UserEvent::of(Repository<User>(uow).get(user)));
  });
}

Principal Auth::authenticate(const TokenClaims& access) {
  const auto user = storage_.read([&](UnitOfWork& uow) -> std::optional<User> {
    if (blacklist_.is_revoked(access.id)) throw unauthenticated("token_revoked", "The token has been revoked.");
    if (access.session && !is_alive(uow, *access.session)) return std::nullopt;
    auto found = Repository<User>(uow).select(
        {.where = equal("id", access.subject), .fields = {"id", "role", "is_active"}, .limit = 1});
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  });
  if (!user || !user->is_active) throw session_ended();
  return {user->id, user->role, roles_, access.session};
}

Principal Auth::authenticate(std::string_view access_token) {
  if (authenticate_)
    if (auto known = authenticate_(access_token)) return *std::move(known);
  const TokenVerdict verdict = tokens_.decode(access_token, TokenType::access);
  if (const auto* fault = std::get_if<TokenFault>(&verdict)) throw token_error(*fault);
  return authenticate(std::get<TokenClaims>(verdict));
}

std::size_t Auth::purge() {
  return remove_in_batches<Session>(storage_, less("expires_at", clock_.now())) + lockout_.purge() + blacklist_.purge();
}

}  // namespace lms
