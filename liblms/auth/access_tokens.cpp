#include <lms/access_token.hpp>

#include <algorithm>
#include <utility>

#include <lms/accounts.hpp>
#include <lms/repository.hpp>
#include <lms/router.hpp>

#include "auth/access_token_text.hpp"
#include "auth/mail_content.hpp"
#include "base/crypto.hpp"
#include "base/removal.hpp"
#include "base/session_ended.hpp"

namespace lms {

namespace {

constexpr std::size_t shown_characters = 4;
constexpr std::size_t most_remembered = 10'000;

AccessTokenEvent event_data(const AccessToken& token) {
  return {token.id, token.user_id, token.name, token.scopes, token.expires_at};
}

/// For the audit log. The name is the person's own.
Object details_of(const AccessToken& token) {
  Array scopes;
  for (const std::string& scope : token.scopes) scopes.emplace_back(scope);
  return {
      {"user_id", token.user_id.text()}, {"scopes", std::move(scopes)}, {"expires_at", to_iso8601(token.expires_at)}};
}

std::string listed(const std::vector<std::string>& scopes) {
  std::string text;
  for (const std::string& scope : scopes) text += (text.empty() ? "" : ", ") + scope;
  return text;
}

/// A token that `who` may know of.
AccessToken known_token(UnitOfWork& uow, const Principal& who, AccessTokenId id) {
  auto token = Repository<AccessToken>(uow).find(id);
  if (!token || !(who.is(token->user_id) || who.may(Permission::manage_users)))
    throw not_found("access_token_not_found", "Access token not found.");
  return *std::move(token);
}

}  // namespace

AccessTokens::AccessTokens(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users,
                           Auth& auth, Accounts& accounts, Mails& mails, const Router& router, Logger& logger)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      auth_(auth),
      mails_(mails),
      router_(router),
      logger_(logger) {
  const auto remove_all = [](UnitOfWork& uow, const User& user) {
    Repository<AccessToken>(uow).remove_where(equal("user_id", user.id));
  };
  users.on_removal(remove_all);
  users.on_acting([this](UnitOfWork& uow, const Principal& who) {
    if (!who.access_token()) return;
    const auto token = Repository<AccessToken>(uow).find(*who.access_token());
    if (!token || token->expires_at <= clock_.now()) throw session_ended();
  });
  accounts.on_claimed(remove_all);
  mails_.declare(mail_kind::access_token_created, [&storage](const Value& payload) {
    auto content = compose_notice(storage, payload);
    if (content) content->values.emplace("token", payload["token"].as_string());
    return content;
  });
  auth.authenticate_by([this](std::string_view text) -> std::optional<Principal> {
    if (!is_meant(text)) return std::nullopt;
    return authenticate(text);
  });
}

void AccessTokens::check(const Principal& who, const NewAccessToken& wanted) const {
  std::vector<Fault> faults;
  const std::vector<std::string> known = router_.scopes();
  for (std::size_t i = 0; i < wanted.scopes.size(); ++i)
    if (!std::binary_search(known.begin(), known.end(), wanted.scopes[i]))
      faults.push_back({{"body", "scopes", i}, "is no scope; there are: " + listed(known), "type_error.enum"});
  if (std::chrono::days(wanted.expires_in_days) > longest_life && !who.may(Permission::manage_users))
    faults.push_back({{"body", "expires_in_days"},
                      "must be at most " + std::to_string(longest_life.count()),
                      "value_error.number.not_le"});
  if (!faults.empty()) throw invalid(std::move(faults));
}

CreatedAccessToken AccessTokens::create(const Principal& who, const NewAccessToken& given, const ClientInfo& client) {
  refuse_access_token(who);
  NewAccessToken wanted = validated(given);
  const UserId owner = wanted.user_id ? *wanted.user_id : who.user();
  if (!who.is(owner)) require(who, Permission::manage_users);
  check(who, wanted);
  std::optional<User> confirmed;
  if (who.maybe_user()) confirmed = auth_.confirm(who, wanted.confirmation, client);
  std::sort(wanted.scopes.begin(), wanted.scopes.end());
  wanted.scopes.erase(std::unique(wanted.scopes.begin(), wanted.scopes.end()), wanted.scopes.end());

  const std::string text = make_access_token(random_);
  AccessToken token;
  token.user_id = owner;
  token.name = wanted.name;
  token.digest = digest_of(text);
  token.beginning = text.substr(0, access_token_prefix.size() + shown_characters);
  token.scopes = wanted.scopes;
  token.created_at = clock_.now();
  token.expires_at = token.created_at + std::chrono::days(wanted.expires_in_days);
  token.id = AccessTokenId(random_.uuid(token.created_at));
  storage_.write([&](UnitOfWork& uow) {
    if (confirmed) auth_.still_confirmed(uow, who, *confirmed);
    const User user = Repository<User>(uow).get(owner);
    if (!who.is(owner)) Users::require_may_manage(who, user.role);
    if (!who.is(owner) && !user.service_account)
      throw forbidden("not_a_service_account", "People make their access tokens themselves.");
    if (!user.is_active) throw conflict("account_deactivated", "The account is deactivated.");
    Repository<AccessToken> tokens(uow);
    const Condition alive = all_of({equal("user_id", owner), greater("expires_at", token.created_at)});
    if (tokens.count(alive, most_per_user) >= most_per_user)
      throw conflict("too_many_access_tokens", "An account may have " + std::to_string(most_per_user) +
                                                   " access tokens: revoke those that are not needed.");
    tokens.insert(token);
    if (!user.service_account) {
      Object notice = account_notice(user, token.created_at, client);
      notice.append("token", token.name);
      mails_.send(uow, mail_kind::access_token_created, std::move(notice));
    }
    events_.emit(uow, events::access_token_created, who, event_data(token));
    audit_.record(uow, who, audited::access_token_created, token.id, details_of(token));
  });
  return {std::move(token), text};
}

Page<AccessToken> AccessTokens::list(const Principal& who, const AccessTokenFilter& filter) {
  refuse_access_token(who);
  const UserId owner = filter.user_id ? *filter.user_id : who.user();
  if (!who.is(owner)) require(who, Permission::manage_users);
  return storage_.read([&](UnitOfWork& uow) {
    return select_page<AccessToken>(uow, equal("user_id", owner), {descending("created_at")}, filter.page);
  });
}

AccessToken AccessTokens::get(const Principal& who, AccessTokenId id) {
  refuse_access_token(who);
  return storage_.read([&](UnitOfWork& uow) { return known_token(uow, who, id); });
}

void AccessTokens::revoke(const Principal& who, AccessTokenId id) {
  refuse_access_token(who);
  storage_.write([&](UnitOfWork& uow) {
    const AccessToken token = known_token(uow, who, id);
    if (!who.is(token.user_id)) Users::require_may_manage(who, Repository<User>(uow).get(token.user_id).role);
    Repository<AccessToken>(uow).remove(id);
    events_.emit(uow, events::access_token_revoked, who, event_data(token));
    audit_.record(uow, who, audited::access_token_revoked, id, details_of(token));
  });
}

std::size_t AccessTokens::purge() {
  return remove_in_batches<AccessToken>(storage_, less_equal("expires_at", clock_.now() - kept_expired));
}

// --- who calls ---

bool AccessTokens::is_meant(std::string_view text) noexcept {
  return text.starts_with(access_token_prefix);
}

std::string AccessTokens::digest_of(std::string_view text) {
  if (!is_access_token(text)) throw token_error(TokenFault::malformed);
  return sha256_hex(text);
}

Principal AccessTokens::authenticate(std::string_view text, const std::string& address) {
  const std::string digest = digest_of(text);
  Principal caller = admit(digest, address);
  note_use(digest, address);
  return caller;
}

Principal AccessTokens::admit(const std::string& digest, const std::string& address) {
  struct Found {
    std::optional<AccessToken> token;
    std::vector<User> users;
  };
  Found found = storage_.read([&](UnitOfWork& uow) {
    Found read{Repository<AccessToken>(uow).first(equal("digest", digest)), {}};
    if (read.token)
      read.users = Repository<User>(uow).select(
          {.where = equal("id", read.token->user_id), .fields = {"id", "role", "is_active"}, .limit = 1});
    return read;
  });
  if (!found.token || found.users.empty())
    throw refused("unknown", nullptr, address, token_error(TokenFault::malformed));
  if (found.token->expires_at <= clock_.now())
    throw refused("expired", &*found.token, address, token_error(TokenFault::expired));
  const User& user = found.users.front();
  if (!user.is_active)
    throw refused("deactivated account", &*found.token, address,
                  unauthenticated("account_deactivated", "The account that the token acts for is deactivated."));
  return auth_.principal_of(user).by(found.token->id, std::move(found.token->scopes)).from(address);
}

/// Tells the log, and hands the error back.
Error AccessTokens::refused(std::string_view cause, const AccessToken* token, const std::string& address,
                            Error error) const {
  logger_.warning("security", "access token refused",
                  Object{{"cause", cause},
                         {"access_token_id", token != nullptr ? Value(token->id.text()) : Value()},
                         {"user_id", token != nullptr ? Value(token->user_id.text()) : Value()},
                         {"address", address}});
  return error;
}

bool AccessTokens::use_is_due(const std::string& digest) const {
  const Time now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto last = uses_.find(digest);
  return last == uses_.end() || last->second + use_interval <= now;
}

/// Whether it is the caller who writes: of many at once, one.
bool AccessTokens::claim_use(const std::string& digest, Time now) {
  const std::lock_guard lock(mutex_);
  if (uses_.size() >= most_remembered) uses_.clear();
  const auto [last, is_new] = uses_.try_emplace(digest, now);
  if (!is_new && last->second + use_interval > now) return false;
  last->second = now;
  return true;
}

void AccessTokens::note_use(const std::string& digest, const std::string& address) {
  const Time now = clock_.now();
  if (!claim_use(digest, now)) return;
  // Another process may have written already.
  const Condition due = all_of(
      {equal("digest", digest), any_of({is_null("last_used_at"), less_equal("last_used_at", now - use_interval)})});
  const std::optional<std::string> from = address.empty() ? std::nullopt : std::optional(address);
  try {
    storage_.write([&](UnitOfWork& uow) {
      Repository<AccessToken>(uow).update_all(due, {set("last_used_at", now), set("last_used_address", from)});
    });
  } catch (const Error& error) {
    logger_.warning("app", "use of an access token not written", Object{{"error", error.what()}});
  }
}

}  // namespace lms
