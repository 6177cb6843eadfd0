#include <lms/accounts.hpp>

#include <algorithm>
#include <utility>

#include <lms/repository.hpp>

#include "auth/account_records.hpp"
#include "auth/mail_content.hpp"
#include "base/crypto.hpp"
#include "base/formats.hpp"
#include "base/removal.hpp"

namespace lms {

namespace {

constexpr auto day = std::chrono::days{1};
/// What strangers ask for comes after everything else in the queue, however much it is.
const MailSendOptions for_strangers{.priority = -1};
constexpr std::size_t most_verifications = 5, most_resets = 10, most_changes = 10, most_notices = 5;  // a day

}  // namespace

/// A mail with a link, whose token is good while what it is about stays the same.
struct AccountLinkKind {
  const MailKind& mail;
  TokenType token;
  std::string_view page;
  bool (*is_wanted)(const User&);
  std::string (*subject)(const User&);
  std::string (*recipient)(const User&) = [](const User& user) { return user.email; };

  std::string proof(const User& user) const { return sha256_hex(subject(user)); }
};

namespace {

const AccountLinkKind link_kinds[] = {
    {.mail = mail_kind::verify_email,
     .token = TokenType::email_verification,
     .page = "/verify-email",
     .is_wanted = [](const User& user) { return !user.email_verified_at; },
     .subject = [](const User& user) { return user.email_key; }},
    {.mail = mail_kind::email_change_verify,
     .token = TokenType::email_verification,
     .page = "/verify-email",
     .is_wanted = [](const User& user) { return user.pending_email.has_value(); },
     .subject = [](const User& user) { return user.pending_email.value_or("") + '\n' + user.password_hash; },
     .recipient = [](const User& user) { return user.pending_email.value_or(""); }},
    {.mail = mail_kind::password_reset,
     .token = TokenType::password_reset,
     .page = "/reset-password",
     .is_wanted = [](const User&) { return true; },
     .subject = [](const User& user) { return user.password_hash; }},
    {.mail = mail_kind::invitation,
     .token = TokenType::password_reset,
     .page = "/accept-invitation",
     .is_wanted = [](const User& user) { return user.password_hash.empty(); },
     .subject = [](const User& user) { return user.password_hash; }},
};

struct Found {
  AccountLink link;
  User user;
};

void require_other(const std::string& address, const User& user) {
  if (email_key(address) == user.email_key)
    throw invalid({"body", "new_email"}, "is the address of the account already", "value_error.email.same");
}

std::optional<Found> find_link(UnitOfWork& uow, const TokenClaims& claims, Time now) {
  auto link = Repository<AccountLink>(uow).find(claims.id);
  if (!link || link->expires_at <= now) return std::nullopt;
  auto user = Repository<User>(uow).find(link->user_id);
  if (!user || !user->is_active || user->service_account) return std::nullopt;
  for (const AccountLinkKind& kind : link_kinds)
    if (link->kind == kind.mail.name && link->proof == kind.proof(*user))
      return Found{*std::move(link), *std::move(user)};
  return std::nullopt;
}

}  // namespace

Accounts::Accounts(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users,
                   PasswordHasher& hasher, Lockout& lockout, Auth& auth, Mails& mails, Logger& logger,
                   AccountOptions options)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      users_(users),
      hasher_(hasher),
      lockout_(lockout),
      auth_(auth),
      mails_(mails),
      logger_(logger),
      options_(std::move(options)) {
  declare_mails();
  auth_.on_registered([this](UnitOfWork& uow, const User& user) {
    may_mail(uow, user.email, mail_kind::verify_email, most_verifications);
    send(uow, mail_kind::verify_email, user, for_strangers);
  });
  auth_.on_password_changed([this](UnitOfWork& uow, const User& user, const ClientInfo& client) {
    end_email_change(uow, user.id);
    mails_.send(uow, mail_kind::password_changed, account_notice(user, clock_.now(), client));
  });
  lockout_.on_locked([this](UnitOfWork& uow, const User& user, Factor factor) {
    Object notice = account_notice(user, clock_.now(), {});
    notice.append("factor", name_of(factor));
    mails_.send(uow, mail_kind::account_locked, std::move(notice));
  });
  users_.on_invited([this](UnitOfWork& uow, const User& user) { send(uow, mail_kind::invitation, user); });
  users_.on_removal(
      [](UnitOfWork& uow, const User& user) { Repository<AccountLink>(uow).remove_where(equal("user_id", user.id)); });
}

// --- mails ---

void Accounts::declare_mails() {
  for (const AccountLinkKind& kind : link_kinds)
    mails_.declare(kind.mail, [this, &kind](const Value& payload) { return compose_link(kind, payload); });

  mails_.declare(mail_kind::account_exists, [this](const Value& payload) -> std::optional<MailContent> {
    const auto user = storage_.read([&](UnitOfWork& uow) { return reader_of(uow, payload); });
    if (!user) return std::nullopt;
    return mail_to(*user);
  });
  const auto declare_notice = [this](const MailKind& kind, auto complete) {
    mails_.declare(kind, [this, complete](const Value& payload) {
      auto content = compose_notice(storage_, payload);
      if (content) complete(*content, payload);
      return content;
    });
  };
  // To the address that the account had then, whatever it has now.
  const auto to_the_old_address = [](MailContent& content, const Value& payload) {
    content.to = payload["to"].as_string();
    content.values.emplace("address", payload["address"].as_string());
  };
  declare_notice(mail_kind::password_changed, [](MailContent&, const Value&) {});
  declare_notice(mail_kind::email_change_requested, to_the_old_address);
  declare_notice(mail_kind::email_changed, to_the_old_address);
  declare_notice(mail_kind::account_locked, [this](MailContent& content, const Value& payload) {
    const bool by_codes = payload["factor"] == Value(name_of(Factor::code));
    content.values.erase("device");
    content.values.emplace("lifetime", lockout_.options().duration);
    content.values.emplace("codes", std::string(by_codes ? "yes" : ""));
  });
}

/// Counts a mail to an address, and says whether it may be sent.
bool Accounts::may_mail(UnitOfWork& uow, std::string_view email, const MailKind& kind, std::size_t most_a_day,
                        std::chrono::seconds interval) const {
  const Time now = clock_.now();
  Repository<AccountMail> mails(uow);
  const std::string recipient = sha256_hex(email_key(email));
  const auto today = mails.select(
      {.where = all_of({equal("recipient", recipient), greater("sent_at", now - day), equal("kind", kind.name)}),
       .limit = most_a_day});
  const bool is_soon =
      std::any_of(today.begin(), today.end(), [&](const AccountMail& mail) { return mail.sent_at > now - interval; });
  if (is_soon || today.size() >= most_a_day) return false;
  mails.insert({Id<AccountMailTag>(random_.uuid(now)), recipient, std::string(kind.name), now});
  return true;
}

/// Also for nobody, so that it costs the same; what is sent to nobody is not wanted when its turn comes.
void Accounts::send(UnitOfWork& uow, const MailKind& kind, const std::optional<User>& user,
                    const MailSendOptions& options) {
  mails_.send(uow, kind, Object{{"user_id", user ? Value(user->id.text()) : Value()}}, options);
}

/// The link that was mailed is good for nothing then, and none is mailed any more.
void Accounts::end_email_change(UnitOfWork& uow, UserId id) const {
  Repository<User>(uow).update_all(equal("id", id), {{"pending_email", {}, false}});
  Repository<AccountLink>(uow).remove_where(
      all_of({equal("user_id", id), equal("kind", mail_kind::email_change_verify.name)}));
}

std::optional<MailContent> Accounts::compose_link(const AccountLinkKind& kind, const Value& payload) {
  const std::chrono::seconds life = &kind.mail == &mail_kind::invitation
                                        ? std::chrono::seconds(options_.invitation_life)
                                        : auth_.tokens().lifetime(kind.token);
  return storage_.write([&](UnitOfWork& uow) -> std::optional<MailContent> {
    const auto user = reader_of(uow, payload);
    if (!user || !kind.is_wanted(*user)) return std::nullopt;
    const Time now = std::chrono::floor<std::chrono::seconds>(clock_.now());
    const TokenClaims claims{.subject = user->id,
                             .role = {},
                             .id = random_.token(16),
                             .type = kind.token,
                             .issued_at = now,
                             .expires_at = now + life,
                             .session = std::nullopt};
    Repository<AccountLink>(uow).insert(
        {claims.id, user->id, std::string(kind.mail.name), kind.proof(*user), claims.expires_at});

    MailContent content = mail_to(*user);
    content.to = kind.recipient(*user);
    // Whose address it is nobody knows yet, and a name is a text that anybody may have sent there.
    if (kind.token == TokenType::email_verification) content.name.clear();
    content.values = {{"link", options_.pages + std::string(kind.page) + "#token=" + auth_.tokens().create(claims)},
                      {"lifetime", std::chrono::ceil<std::chrono::minutes>(life)}};
    if (const auto& names = kind.mail.values; std::find(names.begin(), names.end(), "address") != names.end())
      content.values.emplace("address", content.to);
    return content;
  });
}

Error Accounts::refused(std::string_view what, const ClientInfo& client) const {
  logger_.warning("security", what, Object{{"address", client.address}});
  return invalid({"body", "token"}, "is unknown, used or too old; ask for another mail", "value_error.token");
}

// --- the address ---

std::optional<User> Accounts::register_student(const Registration& registration, const ClientInfo& client) {
  try {
    User made = auth_.register_student(registration);
    if (!options_.require_verification) return made;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid) auth_.log_refused_input(error, client);
    if (error.reason() != "email_taken" || !options_.require_verification) throw;
    logger_.warning("security", "registration for an address that is taken", Object{{"address", client.address}});
    storage_.write([&](UnitOfWork& uow) {
      const auto user = Repository<User>(uow).first(equal("email_key", email_key(registration.email)));
      if (may_mail(uow, registration.email, mail_kind::account_exists, most_notices))
        send(uow, mail_kind::account_exists, user, for_strangers);
    });
  }
  return std::nullopt;
}

void Accounts::resend_verification(const AddressRequest& request, const ClientInfo& client) {
  const bool is_sent = storage_.write([&](UnitOfWork& uow) {
    const auto user = Repository<User>(uow).first(equal("email_key", email_key(request.email)));
    if (!may_mail(uow, request.email, mail_kind::verify_email, most_verifications)) return false;
    send(uow, mail_kind::verify_email, user, for_strangers);
    return true;
  });
  if (!is_sent) logger_.warning("security", "too many mails asked for", Object{{"address", client.address}});
}

void Accounts::verify_email(const MailedToken& given, const ClientInfo& client) {
  const TokenVerdict verdict = auth_.tokens().decode(given.token, TokenType::email_verification);
  const auto* claims = std::get_if<TokenClaims>(&verdict);
  const bool is_done = claims != nullptr && storage_.write([&](UnitOfWork& uow) {
    const Time now = clock_.now();
    auto found = find_link(uow, *claims, now);
    if (!found) return false;
    User& user = found->user;
    const Principal themselves = auth_.principal_of(user);
    Repository<AccountLink>(uow).remove(found->link.jti);
    if (found->link.kind == mail_kind::verify_email.name) {
      user.email_verified_at = now;
      Repository<User>(uow).update(user);
      events_.emit(uow, events::user_email_verified, themselves, UserEvent::of(user));
      return true;
    }
    std::string before = move(uow, themselves, user, *user.pending_email, now);
    tell_old_address(uow, mail_kind::email_changed, user, std::move(before), user.email, client);
    audit_.record(uow, themselves.from(client.address), audited::email_changed, user.id);
    return true;
  });
  if (!is_done) throw refused("token to verify an address refused", client);
}

void Accounts::change_email(const Principal& who, const EmailChange& change, const ClientInfo& client) {
  const std::string address = account_email(change.new_email, "new_email");
  const User confirmed = auth_.confirm(who, change.confirmation, client);
  require_other(address, confirmed);
  storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User user = auth_.still_confirmed(uow, who, confirmed);
    // Whose address it is nobody knows yet: one account does not write to many.
    if (!may_mail(uow, user.email, mail_kind::email_change_requested, most_changes, std::chrono::seconds{0}))
      throw too_many_requests("too_many_changes", "Another address was asked for too often today; try again tomorrow.",
                              std::chrono::hours{24});
    user.pending_email = address;
    user.updated_at = clock_.now();
    users.update(user);
    const auto owner = users.first(equal("email_key", email_key(address)));
    const MailKind& kind = owner ? mail_kind::account_exists : mail_kind::email_change_verify;
    if (may_mail(uow, address, kind, owner ? most_notices : most_changes)) send(uow, kind, owner ? owner : user);
    tell_old_address(uow, mail_kind::email_change_requested, user, user.email, address, client);
    audit_.record(uow, who, audited::email_change_requested, user.id);
  });
}

void Accounts::cancel_email_change(const Principal& who) {
  refuse_access_token(who);
  storage_.write([&](UnitOfWork& uow) {
    if (!Repository<User>(uow).get(who.user()).pending_email)
      throw not_found("no_pending_email", "No other address was asked for.");
    end_email_change(uow, who.user());
    audit_.record(uow, who, audited::email_change_cancelled, who.user());
  });
}

User Accounts::correct_email(const Principal& who, UserId id, const EmailCorrection& correction) {
  require(who, Permission::manage_users);
  refuse_access_token(who);
  if (who.is(id))
    throw conflict("own_account", "One's own address is changed by `auth/change-email`, which asks for the password.");
  const std::string address = account_email(correction.new_email, "new_email");
  return storage_.write([&](UnitOfWork& uow) {
    User user = Users::editable(uow, id);
    Users::require_may_manage(who, user.role);
    require_other(address, user);
    const bool was_verified = user.email_verified_at.has_value();
    std::string before = move(uow, who, user, address, std::nullopt);
    auth_.end_sessions(uow, id);
    // Who reads there may know the password, and need not learn what to sign in with.
    if (was_verified) tell_old_address(uow, mail_kind::email_changed, user, std::move(before), {}, {});
    send(uow, user.password_hash.empty() ? mail_kind::invitation : mail_kind::verify_email, user);
    audit_.record(uow, who, audited::email_corrected, id);
    return user;
  });
}

/// Returns the address before. Links that were mailed are good for nothing then.
std::string Accounts::move(UnitOfWork& uow, const Principal& who, User& user, std::string address,
                           std::optional<Time> verified_at) const {
  Repository<User> users(uow);
  std::string before = std::exchange(user.email, std::move(address));
  user.email_key = email_key(user.email);
  if (users.exists(all_of({equal("email_key", user.email_key), none_of({equal("id", user.id)})})))
    throw conflict("email_taken", "There is another account with this address.");
  user.pending_email.reset();
  user.email_verified_at = verified_at;
  user.updated_at = clock_.now();
  users.update(user);
  Repository<AccountLink>(uow).remove_where(equal("user_id", user.id));
  for (const Hook& hook : email_hooks_) hook(uow, user);
  events_.emit(uow, events::user_email_changed, who, UserEvent::of(user));
  return before;
}

void Accounts::tell_old_address(UnitOfWork& uow, const MailKind& kind, const User& user, std::string old_address,
                                std::string new_address, const ClientInfo& client) const {
  Object notice = account_notice(user, clock_.now(), client);
  notice.append("to", std::move(old_address));
  notice.append("address", std::move(new_address));
  mails_.send(uow, kind, std::move(notice));
}

// --- the password ---

void Accounts::request_password_reset(const AddressRequest& request, const ClientInfo& client) {
  const bool is_sent = storage_.write([&](UnitOfWork& uow) {
    const auto user = Repository<User>(uow).first(equal("email_key", email_key(request.email)));
    if (!may_mail(uow, request.email, mail_kind::password_reset, most_resets)) return false;
    send(uow, mail_kind::password_reset, user, for_strangers);
    return true;
  });
  logger_.info("security", is_sent ? "password reset asked for" : "too many mails asked for",
               Object{{"address", client.address}});
}

void Accounts::reset_password(const PasswordReset& reset, const ClientInfo& client) {
  const TokenVerdict verdict = auth_.tokens().decode(reset.token, TokenType::password_reset);
  const auto* claims = std::get_if<TokenClaims>(&verdict);
  const auto asked = [&](UnitOfWork& uow) { return find_link(uow, *claims, clock_.now()); };
  const auto begun = claims == nullptr ? std::nullopt : storage_.read(asked);
  if (!begun) throw refused("token to set a password refused", client);
  auth_.check_new_password(begun->user, reset.new_password, client);
  const std::string hash = hasher_.hash(reset.new_password);
  const bool is_done = storage_.write([&](UnitOfWork& uow) {
    auto found = asked(uow);
    if (!found) return false;
    User& user = found->user;
    const Principal themselves = auth_.principal_of(user);
    user.password_hash = hash;
    user.updated_at = clock_.now();
    user.pending_email.reset();
    const bool is_claimed = !user.email_verified_at;
    if (is_claimed) user.email_verified_at = user.updated_at;  // the mail came where it should
    Repository<User>(uow).update(user);
    Repository<AccountLink>(uow).remove_where(equal("user_id", user.id));
    lockout_.clear(uow, themselves, user);
    auth_.end_sessions(uow, user.id);
    events_.emit(uow, events::user_password_changed, themselves, UserEvent::of(user));
    for (const Hook& hook : reset_hooks_) hook(uow, user);
    if (is_claimed)
      for (const Hook& hook : claim_hooks_) hook(uow, user);
    mails_.send(uow, mail_kind::password_changed, account_notice(user, user.updated_at, client));
    audit_.record(uow, themselves.from(client.address), audited::password_reset, user.id);
    return true;
  });
  if (!is_done) throw refused("token to set a password refused", client);
}

// --- invitations ---

void Accounts::invite(const Principal& who, UserId id) {
  require(who, Permission::manage_users);
  storage_.write([&](UnitOfWork& uow) {
    const User user = Repository<User>(uow).get(id);
    if (!user.password_hash.empty() || !user.is_active)
      throw conflict("account_in_use", "Only active accounts without a password are invited.");
    if (user.service_account) throw conflict("service_account", "A service account never signs in.");
    send(uow, mail_kind::invitation, user);
    audit_.record(uow, who, audited::invitation_sent, id);
  });
}

std::size_t Accounts::purge() {
  const Time now = clock_.now();
  return remove_in_batches<AccountLink>(storage_, less_equal("expires_at", now)) +
         remove_in_batches<AccountMail>(storage_, less_equal("sent_at", now - day));
}

}  // namespace lms
