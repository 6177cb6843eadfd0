#include <lms/auth.hpp>

#include <utility>

#include <lms/repository.hpp>

#include "base/utf8.hpp"

namespace lms {

namespace {

UserEvent event_data(const User& user) {
  return {user.id, user.email, user.full_name, user.role};
}

Error bad_credentials() {
  return unauthenticated("bad_credentials", "The address or the password is wrong.");
}
Error session_ended() {
  return unauthenticated("session_ended", "The session has ended; sign in again.");
}

Condition alive(UserId user, Time now) {
  return all_of({equal("user_id", user), is_null("ended_at"), greater("expires_at", now)});
}

}  // namespace

Error token_error(TokenFault fault) {
  if (fault == TokenFault::expired) return unauthenticated("token_expired", "The token has expired.");
  return unauthenticated("invalid_token", "The token is not valid.");
}

Auth::Auth(Storage& storage, Clock& clock, Random& random, Events& events, Users& users, PasswordHasher& hasher,
           Tokens& tokens, TokenBlacklist& blacklist, std::shared_ptr<const Roles> roles, Logger& logger)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      users_(users),
      hasher_(hasher),
      tokens_(tokens),
      blacklist_(blacklist),
      roles_(std::move(roles)),
      logger_(logger) {
  users_.on_leaving(
      [](UnitOfWork& uow, const User& user) { Repository<Session>(uow).remove_where(equal("user_id", user.id)); });
}

User Auth::register_student(const Registration& given) {
  const Registration registration = validated(given);
  users_.password_policy().check(registration.password, registration.email, registration.full_name);
  const NewUser account{registration.email, registration.password, registration.full_name, std::nullopt};
  const User user = users_.make(account, hasher_.hash(registration.password));
  const Principal themselves(user.id, user.role, roles_);
  return storage_.write([&](UnitOfWork& uow) { return users_.insert(uow, themselves, user); });
}

Login Auth::login(const Credentials& credentials, const ClientInfo& client) {
  const auto user = storage_.read(
      [&](UnitOfWork& uow) { return Repository<User>(uow).first(equal("email_key", email_key(credentials.email))); });
  // An unknown address costs one hash too, so that time does not tell accounts apart.
  if (!user) hasher_.verify_nothing(credentials.password);
  if (!user || !hasher_.verify(credentials.password, user->password_hash) || !user->is_active) {
    logger_.warning("security", "login refused",
                    Object{{"address", client.address}, {"user_id", user ? Value(user->id.text()) : Value()}});
    throw bad_credentials();
  }
  const std::optional<std::string> stronger_hash =
      hasher_.needs_rehash(user->password_hash) ? std::optional(hasher_.hash(credentials.password)) : std::nullopt;
  return storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    auto current = users.find(user->id);
    if (!current || !current->is_active || current->password_hash != user->password_hash) throw bad_credentials();
    if (stronger_hash) {
      current->password_hash = *stronger_hash;
      users.update(*current);
    }
    Session session;
    session.user_id = current->id;
    session.created_at = clock_.now();
    session.id = SessionId(random_.uuid(session.created_at));
    session.device = cut_utf8(client.device, 255);
    session.address = client.address;
    const TokenPair pair = issue(*current, session);
    Repository<Session>(uow).insert(session);
    events_.emit(uow, events::user_logged_in, Principal(current->id, current->role, roles_, session.id),
                 event_data(*current));
    return Login{pair, *current};
  });
}

TokenPair Auth::issue(const User& user, Session& session) const {
  const auto access = tokens_.create(TokenType::access, user.id, user.role, session.id);
  const auto refresh = tokens_.create(TokenType::refresh, user.id, {}, session.id);
  session.refresh_jti = refresh.claims.id;
  session.expires_at = refresh.claims.expires_at;
  session.last_seen_at = clock_.now();
  return {access.text, refresh.text, "bearer", tokens_.lifetime(TokenType::access).count()};
}

TokenPair Auth::refresh(const std::string& refresh_token, const ClientInfo& client) {
  const TokenVerdict verdict = tokens_.decode(refresh_token, TokenType::refresh);
  if (const auto* fault = std::get_if<TokenFault>(&verdict)) throw token_error(*fault);
  const auto& claims = std::get<TokenClaims>(verdict);
  if (!claims.session) throw token_error(TokenFault::malformed);

  // The end of a session whose token was reused has to be committed, so it is an outcome, not an exception.
  const auto pair = storage_.write([&](UnitOfWork& uow) -> std::optional<TokenPair> {
    Repository<Session> sessions(uow);
    auto session = sessions.find(*claims.session);
    const Time now = clock_.now();
    if (!session || session->ended_at || session->expires_at <= now) throw session_ended();
    if (session->refresh_jti != claims.id) {
      session->ended_at = now;
      sessions.update(*session);
      events_.emit(uow, events::user_session_ended, Principal::system(),
                   event_data(Repository<User>(uow).get(session->user_id)));
      return std::nullopt;
    }
    const auto user = Repository<User>(uow).find(session->user_id);
    if (!user || !user->is_active) throw session_ended();
    if (!client.address.empty()) session->address = client.address;
    TokenPair fresh = issue(*user, *session);
    sessions.update(*session);
    return fresh;
  });
  if (!pair) {
    logger_.warning(
        "security", "refresh token reused: session ended",
        Object{
            {"address", client.address}, {"user_id", claims.subject.text()}, {"session_id", claims.session->text()}});
    throw unauthenticated("token_reused", "This refresh token was used before; the session has been ended.");
  }
  return *pair;
}

void Auth::logout(const Principal& who, const TokenClaims& access) {
  const UserId id = who.user();
  if (!who.session()) blacklist_.revoke(access.id, access.expires_at);
  storage_.write([&](UnitOfWork& uow) {
    if (who.session())
      Repository<Session>(uow).update_all(all_of({equal("id", *who.session()), is_null("ended_at")}),
                                          {set("ended_at", clock_.now())});
    events_.emit(uow, events::user_logged_out, who, event_data(Repository<User>(uow).get(id)));
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
  const UserId id = who.user();
  storage_.write([&](UnitOfWork& uow) {
    end_sessions(uow, id);
    events_.emit(uow, events::user_logged_out, who, event_data(Repository<User>(uow).get(id)));
  });
}

std::size_t Auth::end_sessions(UnitOfWork& uow, UserId user, std::optional<SessionId> but) const {
  std::vector<Condition> ending{equal("user_id", user), is_null("ended_at")};
  if (but) ending.push_back(none_of({equal("id", *but)}));
  return Repository<Session>(uow).update_all(all_of(std::move(ending)), {set("ended_at", clock_.now())});
}

void Auth::change_password(const Principal& who, const PasswordChange& change) {
  const UserId id = who.user();
  const User user = storage_.read([&](UnitOfWork& uow) { return Repository<User>(uow).get(id); });
  if (!hasher_.verify(change.current_password, user.password_hash))
    throw invalid({"body", "current_password"}, "is not the current password", "value_error.password.wrong");
  users_.password_policy().check(change.new_password, user.email, user.full_name, "new_password");
  const std::string hash = hasher_.hash(change.new_password);
  storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User current = users.get(id);
    if (current.password_hash != user.password_hash)
      throw conflict("password_changed_meanwhile", "The password was changed by somebody else at the same time.");
    current.password_hash = hash;
    current.updated_at = clock_.now();
    users.update(current);
    end_sessions(uow, id, who.session());
    events_.emit(uow, events::user_password_changed, who, event_data(current));
  });
}

std::vector<Session> Auth::sessions(const Principal& who) {
  const UserId id = who.user();
  return storage_.read([&](UnitOfWork& uow) {
    return Repository<Session>(uow).select(
        {.where = alive(id, clock_.now()), .order = {descending("created_at")}, .limit = 100});
  });
}

void Auth::end_session(const Principal& who, SessionId id) {
  const UserId user = who.user();
  storage_.write([&](UnitOfWork& uow) {
    const auto ended = Repository<Session>(uow).update_all(all_of({equal("id", id), alive(user, clock_.now())}),
                                                           {set("ended_at", clock_.now())});
    if (ended == 0) throw not_found("session_not_found", "Session not found.");
    events_.emit(uow, events::user_session_ended, who, event_data(Repository<User>(uow).get(user)));
  });
}

Principal Auth::authenticate(const TokenClaims& access) {
  const auto user = storage_.read([&](UnitOfWork& uow) -> std::optional<User> {
    if (blacklist_.is_revoked(access.id)) throw unauthenticated("token_revoked", "The token has been revoked.");
    if (access.session) {
      const auto session = Repository<Session>(uow).find(*access.session);
      if (!session || session->ended_at || session->expires_at <= clock_.now()) return std::nullopt;
    }
    auto found = Repository<User>(uow).select(
        {.where = equal("id", access.subject), .fields = {"id", "role", "is_active"}, .limit = 1});
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  });
  if (!user || !user->is_active) throw session_ended();
  return {user->id, user->role, roles_, access.session};
}

Principal Auth::authenticate(std::string_view access_token) {
  const TokenVerdict verdict = tokens_.decode(access_token, TokenType::access);
  if (const auto* fault = std::get_if<TokenFault>(&verdict)) throw token_error(*fault);
  return authenticate(std::get<TokenClaims>(verdict));
}

std::size_t Auth::purge() {
  const Time now = clock_.now();
  return blacklist_.purge() + storage_.write([&](UnitOfWork& uow) {
    return Repository<Session>(uow).remove_where(less("expires_at", now));
  });
}

}  // namespace lms
