#include <lms/mfa.hpp>

#include <algorithm>
#include <utility>

#include <lms/qr_code.hpp>
#include <lms/repository.hpp>

#include "auth/mail_content.hpp"
#include "auth/refusals.hpp"
#include "auth/second_factor.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/removal.hpp"

namespace lms {

namespace {

/// Crockford's Base32: nothing in it is mistaken for something else.
constexpr std::string_view recovery_alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t recovery_groups = 3, recovery_group_length = 5;

constexpr auto mail_window = std::chrono::minutes{15};
constexpr auto setup_life = std::chrono::minutes{15};  // from the secret to its first code

Error invalid_challenge() {
  return unauthenticated("invalid_challenge", "The sign-in is unknown or over; sign in again.");
}
Error bad_code() {
  return unauthenticated("bad_code", "The code is wrong, late or used.");
}
Error wrong_code() {
  return invalid({"body", "code"}, "is wrong, late or used", "value_error.mfa.code");
}
/// A code as it was typed: in groups, in small letters.
std::string normal_code(std::string_view typed) {
  std::string code;
  for (const char c : typed)
    if (c != ' ' && c != '-') code += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return code;
}

std::string recovery_digest(UserId user, std::string_view code) {
  return sha256_hex(user.text() + ':' + std::string(code));
}

std::string random_digits(Random& random, std::int64_t length) {
  std::string digits;
  for (std::int64_t i = 0; i < length; ++i) digits += static_cast<char>('0' + random.below(10));
  return digits;
}

std::string random_recovery_code(Random& random) {
  std::string code;
  for (std::size_t group = 0; group < recovery_groups; ++group) {
    if (group > 0) code += '-';
    for (std::size_t i = 0; i < recovery_group_length; ++i)
      code += recovery_alphabet[static_cast<std::size_t>(random.below(recovery_alphabet.size()))];
  }
  return code;
}

Condition of_user(UserId user) {
  return equal("user_id", user);
}

std::vector<MfaMethod> methods_of(const SecondFactor& factor) {
  if (factor.mails_codes) return {MfaMethod::totp, MfaMethod::recovery_code, MfaMethod::email};
  return {MfaMethod::totp, MfaMethod::recovery_code};
}

void end_challenges(UnitOfWork& uow, const User& user) {
  Repository<SignInChallenge>(uow).remove_where(of_user(user.id));
}

/// All that there is of somebody's second factor.
void forget(UnitOfWork& uow, const User& user) {
  end_challenges(uow, user);
  Repository<RecoveryCode>(uow).remove_where(of_user(user.id));
  Repository<SecondFactor>(uow).remove_where(of_user(user.id));
}

/// Without its secrets, so that it can be seen and taken off where no key is left to read them.
std::optional<SecondFactor> enabled_factor(UnitOfWork& uow, UserId user) {
  auto found = Repository<SecondFactor>(uow).select(
      {.where = all_of({of_user(user), none_of({is_null("enabled_at")})}), .fields = {"enabled_at", "mails_codes"}});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}
bool is_enabled(UnitOfWork& uow, UserId user) {
  return enabled_factor(uow, user).has_value();
}
void require_enabled(UnitOfWork& uow, UserId user) {
  if (!is_enabled(uow, user)) throw conflict("mfa_not_enabled", "The account has no second factor.");
}

}  // namespace

Mfa::Mfa(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users, Lockout& lockout,
         Auth& auth, Accounts& accounts, Mails& mails, Logger& logger, MfaOptions options)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      users_(users),
      lockout_(lockout),
      auth_(auth),
      mails_(mails),
      logger_(logger),
      options_(std::move(options)) {
  if (options_.mailed_code_length < 6 || options_.mailed_code_length > 10)
    throw invalid({"MFA_LOGIN_CODE_LENGTH"}, "must be from 6 to 10", "value_error.number");
  if (options_.mailed_code_life < std::chrono::minutes{1})
    throw invalid({"MFA_LOGIN_CODE_EXPIRE_MINUTES"}, "must be at least 1", "value_error.number.not_ge");
  auth_.challenge_by([this](UnitOfWork& uow, const User& user) { return challenge(uow, user); });
  auth_.confirm_codes_by([this](const Principal& who, const User& user, const Confirmation& given,
                                const ClientInfo& client) { check_code(who, user, given, client); });
  lockout_.on_locked([](UnitOfWork& uow, const User& user, Factor) { end_challenges(uow, user); });
  // Until another factor was given: the mail box has proved itself, or is a new one.
  const auto mail_no_codes = [](UnitOfWork& uow, const User& user) {
    Repository<SecondFactor>(uow).update_all(of_user(user.id), {set("mails_codes", false)});
  };
  accounts.on_password_reset(mail_no_codes);
  accounts.on_email_changed(mail_no_codes);
  users_.on_removal(forget);
  accounts.on_claimed(forget);
  mails_.declare(mail_kind::login_code, [this](const Value& payload) { return compose_code(payload); });
  for (const MailKind* kind : {&mail_kind::mfa_enabled, &mail_kind::mfa_disabled, &mail_kind::recovery_codes_renewed})
    mails_.declare(*kind, [this](const Value& payload) { return compose_notice(storage_, payload); });
}

MfaStatus Mfa::status(const Principal& who) {
  refuse_access_token(who);
  const UserId id = who.user();
  return storage_.read([&](UnitOfWork& uow) {
    const auto factor = enabled_factor(uow, id);
    if (!factor) return MfaStatus{};
    return MfaStatus{
        .enabled = true,
        .enabled_at = factor->enabled_at,
        .methods = methods_of(*factor),
        .recovery_codes_left = static_cast<std::int64_t>(Repository<RecoveryCode>(uow).count(of_user(id)))};
  });
}

// --- turning it on and off ---

/// Does the change once password and code were right, and are so still.
template <class Change>
void Mfa::confirmed(const Principal& who, const Confirmation& given, const ClientInfo& client, Change&& change) {
  const User known = auth_.confirm(who, given, client);
  storage_.write([&](UnitOfWork& uow) {
    const User user = auth_.still_confirmed(uow, who, known);
    change(uow, user);
  });
}

MfaSetup Mfa::set_up(const Principal& who, const Confirmation& given, const ClientInfo& client) {
  MfaSetup setup{.secret = totp::make_secret(random_)};
  const bool replaces = status(who).enabled;
  confirmed(who, given, client, [&](UnitOfWork& uow, const User& user) {
    if (!replaces && is_enabled(uow, user.id))
      throw conflict("mfa_enabled_meanwhile", "A second factor was set up just now.");
    Repository<SecondFactor> factors(uow);
    SecondFactor factor = factors.find(user.id).value_or(SecondFactor{.user_id = user.id});
    factor.pending_secret = setup.secret;
    factor.pending_until = clock_.now() + setup_life;
    factors.upsert(factor, {"user_id"});
    setup.otpauth_uri = totp::uri({options_.school, user.email, setup.secret});
  });
  setup.qr_svg = qr_svg(setup.otpauth_uri);
  setup.qr_png = "data:image/png;base64," + to_base64(qr_png(setup.otpauth_uri));
  return setup;
}

RecoveryCodes Mfa::enable(const Principal& who, const MfaCode& given, const ClientInfo& client) {
  refuse_access_token(who);
  const UserId id = who.user();
  std::optional<RecoveryCodes> codes;
  storage_.write([&](UnitOfWork& uow) {
    codes.reset();  // of a run that was undone
    Repository<SecondFactor> factors(uow);
    const User user = Repository<User>(uow).get(id);
    auto factor = factors.find(id);
    if (!factor || !factor->pending_secret || clock_.now() >= factor->pending_until.value_or(Time()))
      throw conflict("mfa_not_set_up", "Set an authenticator app up first (`setup-mfa`).");
    const LoginAttempt attempt = lockout_.begin(uow, user.email, Factor::code);
    require_admitted(attempt);
    const auto step = totp::verify(*factor->pending_secret, normal_code(given.code), clock_.now());
    if (!step) return refuse(uow, who, attempt, user, client);
    lockout_.passed(uow, attempt);
    factor->secret = std::exchange(factor->pending_secret, std::nullopt);
    factor->used_step = *step;
    factor->enabled_at = clock_.now();
    factors.update(*factor);
    codes = make_recovery_codes(uow, id);
    auth_.end_sessions(uow, id, who.session());
    events_.emit(uow, events::user_mfa_enabled, who, UserEvent::of(user));
    mails_.send(uow, mail_kind::mfa_enabled, account_notice(user, clock_.now(), client));
    audit_.record(uow, who, audited::mfa_enabled, id);
  });
  if (!codes) throw wrong_code();
  return *std::move(codes);
}

/// That of `Auth::confirm`.
void Mfa::check_code(const Principal& who, const User& user, const Confirmation& given, const ClientInfo& client) {
  if (!storage_.read([&](UnitOfWork& uow) { return is_enabled(uow, user.id); })) return;
  if (given.code.empty())
    throw invalid({"body", "code"}, "is needed, for the account has a second factor", "value_error.missing");
  if (given.method == MfaMethod::email)
    throw invalid({"body", "method"}, "must be totp or recovery_code here", "value_error.mfa.method");
  const bool is_right = storage_.write([&](UnitOfWork& uow) {
    const LoginAttempt attempt = lockout_.begin(uow, user.email, Factor::code);
    require_admitted(attempt);
    const bool accepted = accept(uow, user, given.code, given.method);
    if (accepted)
      lockout_.passed(uow, attempt);
    else
      refuse(uow, who, attempt, user, client);
    return accepted;
  });
  if (!is_right) throw wrong_code();
}

void Mfa::disable(const Principal& who, const Confirmation& given, const ClientInfo& client) {
  confirmed(who, given, client, [&](UnitOfWork& uow, const User& user) {
    require_enabled(uow, user.id);
    turn_off(uow, who, user, audited::mfa_disabled, client);
  });
}

RecoveryCodes Mfa::renew_recovery_codes(const Principal& who, const Confirmation& given, const ClientInfo& client) {
  RecoveryCodes codes;
  confirmed(who, given, client, [&](UnitOfWork& uow, const User& user) {
    require_enabled(uow, user.id);
    codes = make_recovery_codes(uow, user.id);
    mails_.send(uow, mail_kind::recovery_codes_renewed, account_notice(user, clock_.now(), client));
    audit_.record(uow, who, audited::recovery_codes_renewed, user.id);
  });
  return codes;
}

void Mfa::remove(const Principal& who, UserId id) {
  require(who, Permission::manage_users);
  storage_.write([&](UnitOfWork& uow) {
    const User user = Repository<User>(uow).get(id);
    Users::require_may_manage(who, user.role);
    require_enabled(uow, id);
    auth_.end_sessions(uow, id);
    turn_off(uow, who, user, audited::mfa_removed, {});
  });
}

void Mfa::turn_off(UnitOfWork& uow, const Principal& who, const User& user, const AuditAction& action,
                   const ClientInfo& client) {
  forget(uow, user);
  events_.emit(uow, events::user_mfa_disabled, who, UserEvent::of(user));
  mails_.send(uow, mail_kind::mfa_disabled, account_notice(user, clock_.now(), client));
  audit_.record(uow, who, action, user.id);
}

RecoveryCodes Mfa::make_recovery_codes(UnitOfWork& uow, UserId user) const {
  Repository<RecoveryCode> stored(uow);
  stored.remove_where(of_user(user));
  RecoveryCodes codes;
  for (std::size_t i = 0; i < recovery_code_count; ++i) {
    codes.recovery_codes.push_back(random_recovery_code(random_));
    stored.insert({recovery_digest(user, normal_code(codes.recovery_codes.back())), user});
  }
  return codes;
}

/// Takes a code that is right, so that it is right no second time.
bool Mfa::accept(UnitOfWork& uow, const User& user, std::string_view typed, MfaMethod method) const {
  const std::string code = normal_code(typed);
  if (method == MfaMethod::recovery_code) {
    return Repository<RecoveryCode>(uow).remove_where(equal("digest", recovery_digest(user.id, code))) == 1;
  }
  Repository<SecondFactor> factors(uow);
  const auto factor = factors.find(user.id);
  if (!factor || !factor->secret) return false;
  const auto step = totp::verify(*factor->secret, code, clock_.now(), factor->used_step);
  return step &&
         factors.update_all(all_of({of_user(user.id), less("used_step", *step)}), {set("used_step", *step)}) == 1;
}

// --- signing in ---

std::optional<MfaChallenge> Mfa::challenge(UnitOfWork& uow, const User& user) {
  const auto factor = Repository<SecondFactor>(uow).find(user.id);
  if (!factor || !factor->secret) return std::nullopt;
  const auto token = auth_.tokens().create(TokenType::mfa_challenge, user.id);
  Repository<SignInChallenge>(uow).insert({.jti = token.claims.id,
                                           .user_id = user.id,
                                           .password_digest = sha256_hex(user.password_hash),
                                           .expires_at = token.claims.expires_at});
  return MfaChallenge{.challenge_token = token.text,
                      .methods = methods_of(*factor),
                      .expires_in = auth_.tokens().lifetime(TokenType::mfa_challenge).count()};
}

namespace {

struct Waiting {
  SignInChallenge challenge;
  User user;
};

/// The sign-in that a challenge token names. @throws Error unauthenticated `invalid_challenge`
Waiting waiting(UnitOfWork& uow, const Tokens& tokens, const std::string& token, Time now) {
  const TokenVerdict verdict = tokens.decode(token, TokenType::mfa_challenge);
  const auto* claims = std::get_if<TokenClaims>(&verdict);
  if (claims == nullptr) throw invalid_challenge();
  auto challenge = Repository<SignInChallenge>(uow).find(claims->id);
  if (!challenge || challenge->expires_at <= now) throw invalid_challenge();
  auto user = Repository<User>(uow).find(challenge->user_id);
  if (!user || !user->is_active || sha256_hex(user->password_hash) != challenge->password_digest)
    throw invalid_challenge();
  return {*std::move(challenge), *std::move(user)};
}

bool is_mailed_code(const SignInChallenge& challenge, std::string_view code, Time now) {
  return challenge.mailed_code && challenge.mailed_code_expires_at && now < *challenge.mailed_code_expires_at &&
         constant_time_equal(*challenge.mailed_code, code);
}

}  // namespace

/// Tells the log of a challenge that is none, when that is thrown.
template <class Work>
void Mfa::watched(const ClientInfo& client, Work&& work) const {
  try {
    storage_.write(work);
  } catch (const Error& error) {
    if (error.reason() == invalid_challenge().reason())
      logger_.warning("security", "sign-in challenge refused", Object{{"address", client.address}});
    throw;
  }
}

Login Mfa::finish(const MfaLogin& login, const ClientInfo& client) {
  std::optional<Login> opened;
  watched(client, [&](UnitOfWork& uow) {
    opened.reset();  // of a run that was undone
    const Time now = clock_.now();
    const auto [challenge, user] = waiting(uow, auth_.tokens(), login.challenge_token, now);
    const LoginAttempt attempt = lockout_.begin(uow, user.email, Factor::code);
    if (attempt.admission == LoginAttempt::Admission::busy) throw sign_in_busy();
    if (attempt.admission == LoginAttempt::Admission::locked) throw invalid_challenge();
    const bool is_right = login.method == MfaMethod::email ? is_mailed_code(challenge, normal_code(login.code), now)
                                                           : accept(uow, user, login.code, login.method);
    if (!is_right) return refuse(uow, Principal::anonymous(), attempt, user, client);
    Repository<SignInChallenge>(uow).remove(challenge.jti);
    lockout_.signed_in(uow, attempt);
    if (login.method != MfaMethod::email)
      Repository<SecondFactor>(uow).update_all(of_user(user.id), {set("mails_codes", true)});
    opened = auth_.open_session(uow, user, client, login.method);
  });
  if (!opened) throw bad_code();
  return *std::move(opened);
}

void Mfa::mail_code(const MfaMailRequest& request, const ClientInfo& client) {
  watched(client, [&](UnitOfWork& uow) {
    const Time now = clock_.now();
    Repository<SignInChallenge> challenges(uow);
    Waiting found = waiting(uow, auth_.tokens(), request.challenge_token, now);
    if (const auto factor = Repository<SecondFactor>(uow).find(found.user.id); factor && !factor->mails_codes)
      throw conflict("no_mailed_codes", "The password was reset by mail, so a code by mail would prove nothing more.");
    // Somebody who has the password can begin as many sign-ins as they like; the mails are counted together.
    std::int64_t mails = 0;
    for (const SignInChallenge& other :
         challenges.select({.where = all_of({of_user(found.user.id), greater("mailed_at", now - mail_window)})})) {
      mails += other.mails;
      const Time next = *other.mailed_at + mail_interval;
      if (next > now)
        throw too_many_requests("code_just_sent", "A code was sent a moment ago; look into the mail box.",
                                std::chrono::ceil<std::chrono::seconds>(next - now));
    }
    if (mails >= max_mails)
      throw too_many_requests("too_many_codes", "No more codes are mailed for a while; take another way to sign in.",
                              mail_window);
    ++found.challenge.mails;
    found.challenge.mailed_at = now;
    challenges.update(found.challenge);
    mails_.send(uow, mail_kind::login_code,
                Object{{"user_id", found.user.id.text()}, {"challenge", found.challenge.jti}}, {.priority = 1});
  });
  logger_.info("security", "sign-in code mailed", Object{{"address", client.address}});
}

std::optional<MailContent> Mfa::compose_code(const Value& payload) {
  const std::string& jti = payload["challenge"].as_string();
  return storage_.write([&](UnitOfWork& uow) -> std::optional<MailContent> {
    const Time now = clock_.now();
    Repository<SignInChallenge> challenges(uow);
    auto challenge = challenges.find(jti);
    if (!challenge || challenge->expires_at <= now) return std::nullopt;
    const auto user = Repository<User>(uow).find(challenge->user_id);
    if (!user) return std::nullopt;
    challenge->mailed_code = random_digits(random_, options_.mailed_code_length);
    challenge->mailed_code_expires_at = std::min<Time>(now + options_.mailed_code_life, challenge->expires_at);
    challenges.update(*challenge);
    MailContent content = mail_to(*user);
    content.values = {{"code", *challenge->mailed_code},
                      {"lifetime", std::chrono::ceil<std::chrono::minutes>(*challenge->mailed_code_expires_at - now)}};
    return content;
  });
}

/// Settles a code that was wrong; the caller throws once that is committed.
void Mfa::refuse(UnitOfWork& uow, const Principal& who, const LoginAttempt& attempt, const User& user,
                 const ClientInfo& client) const {
  lockout_.failed(uow, attempt, user, client.address);
  audit_.record(uow, who.from(client.address), audited::code_refused, user.id);
}

std::size_t Mfa::purge() {
  return remove_in_batches<SignInChallenge>(storage_, less_equal("expires_at", clock_.now() - mail_window));
}

}  // namespace lms
