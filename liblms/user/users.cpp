#include <algorithm>
#include <utility>

#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "base/formats.hpp"
#include "base/search.hpp"
#include "base/session_ended.hpp"
#include "base/utf8.hpp"
#include "base/weak_password.hpp"

namespace lms {

namespace {

Profile profile_of(const User& user) {
  return {user.full_name, user.bio, user.language, user.timezone};
}

/// The names of the fields that differ, for the audit log: what stood there is the person's own.
Array changed_fields(const Profile& before, const Profile& after) {
  Array names;
  for (const Field& field : Profile::schema().fields())
    if (field.get(&before) != field.get(&after)) names.emplace_back(field.name);
  return names;
}

void set_profile(User& user, const Profile& profile) {
  user.full_name = profile.full_name;
  user.bio = profile.bio;
  user.language = profile.language;
  user.timezone = profile.timezone;
}

}  // namespace

std::map<UserId, std::string> names_of_users(UnitOfWork& uow, const std::vector<UserId>& ids) {
  std::map<UserId, std::string> names;
  if (ids.empty()) return names;
  for (User& user : Repository<User>(uow).select({.where = in("id", ids), .fields = {"id", "full_name"}}))
    names.emplace(user.id, std::move(user.full_name));
  return names;
}

std::string account_email(std::string_view given, const std::string& field) {
  auto email = normal_email(given);
  if (!email) throw invalid({"body", field}, "must be a mail address such as ada@example.org", "value_error.email");
  if (email->ends_with("@" + std::string(User::erased_domain)))
    throw invalid({"body", field}, "is kept for accounts that were erased", "value_error.email");
  return *std::move(email);
}

std::string email_key(std::string_view email) {
  std::string key = normal_email(email).value_or(std::string(email));
  std::transform(key.begin(), key.end(), key.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return key;
}

void PasswordPolicy::check(const std::string& password, std::string_view email, std::string_view full_name,
                           const std::string& field) const {
  const auto refuse = [&](std::string message, std::string type) {
    throw invalid({"body", field}, std::move(message), std::move(type));
  };
  if (count_code_points(password) < min_length)
    refuse("must have at least " + std::to_string(min_length) + " characters", "value_error.any_str.min_length");
  if (password.find_first_not_of(" \t\r\n") == std::string::npos)
    refuse("must not consist of blanks alone", "value_error.password.blank");
  if (is_too_common(password))
    refuse("is one of the first that anybody would guess; take a few words that do not belong together",
           "value_error.password.too_common");
  const std::string_view local = email.substr(0, email.find('@'));
  if (is_made_of(password, email) || is_made_of(password, local))
    refuse("must not be made of the address itself", "value_error.password.email");
  if (is_made_of(password, school)) refuse("must not be made of the school's name", "value_error.password.school");
  const auto names = words(full_name);
  const auto is_name = [&](const std::string& name) { return is_made_of(password, name); };
  if (is_made_of(password, full_name) || std::any_of(names.begin(), names.end(), is_name))
    refuse("must not be made of the person's own name", "value_error.password.name");
}

Users::Users(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, PasswordHasher& hasher,
             const Roles& roles, UserOptions options)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      hasher_(hasher),
      roles_(roles),
      options_(std::move(options)) {}

void Users::require_still(UnitOfWork& uow, const Principal& who) const {
  if (!who.session() && !who.access_token()) return;
  const auto user = Repository<User>(uow).find(who.user());
  if (!user || !user->is_active || user->role != who.role()) throw session_ended();
  for (const auto& hook : acting_hooks_) hook(uow, who);
}

User Users::editable(UnitOfWork& uow, UserId id) {
  User user = Repository<User>(uow).get(id);
  if (user.erased_at) throw conflict("account_erased", "The account was erased and stays as it is.");
  return user;
}

User Users::make(const NewUser& account, std::string password_hash) const {
  User user;
  user.email = account_email(account.email, "email");
  user.email_key = email_key(user.email);
  user.full_name = account.full_name;
  user.role = account.role.value_or(std::string(role::student));
  user.language = account.language.value_or(options_.language);
  user.timezone = account.timezone.value_or(options_.timezone);
  if (!roles_.exists(user.role)) throw invalid({"body", "role"}, "is not a role of this school", "type_error.enum");
  user.service_account = account.service_account;
  if (user.service_account && !password_hash.empty())
    throw invalid({"body", "password"}, "must be left out, for a service account has none",
                  "value_error.password.service_account");
  user.password_hash = std::move(password_hash);
  user.created_at = user.updated_at = clock_.now();
  user.id = UserId(random_.uuid(user.created_at));
  return user;
}

User Users::insert(UnitOfWork& uow, const Principal& who, User user) {
  if (!Repository<User>(uow).insert_if_absent(user))
    throw conflict("email_taken", "There is an account with this address already.");
  events_.emit(uow, events::user_registered, who, UserEvent::of(user));
  audit_.record(
      uow, who, audited::user_created, user.id,
      user.service_account ? Object{{"role", user.role}, {"service_account", true}} : Object{{"role", user.role}});
  return user;
}

User Users::create(const Principal& who, const NewUser& given) {
  require(who, Permission::manage_users);
  const NewUser account = validated(given);
  require_may_manage(who, account.role.value_or(std::string(role::student)));
  const bool has_password = !account.password.empty();
  if (has_password) options_.passwords.check(account.password, account.email, account.full_name);
  User user = make(account, has_password ? hasher_.hash(account.password) : std::string());
  if (has_password) user.email_verified_at = user.created_at;
  const bool is_invited = !has_password && !user.service_account;
  return storage_.write([&](UnitOfWork& uow) {
    require_still(uow, who);
    User made = insert(uow, who, user);
    if (is_invited)
      for (const auto& hook : invitation_hooks_) hook(uow, made);
    return made;
  });
}

std::vector<User> Users::create_many(const Principal& who, const std::vector<NewUser>& accounts,
                                     const std::string& shared_password) {
  require(who, Permission::manage_users);
  const std::string hash = hasher_.hash(shared_password);
  std::vector<User> users;
  users.reserve(accounts.size());
  for (const NewUser& given : accounts) {
    const NewUser account = validated(given);
    options_.passwords.check(shared_password, account.email, account.full_name);
    users.push_back(make(account, hash));
    users.back().email_verified_at = users.back().created_at;
  }
  storage_.write([&](UnitOfWork& uow) {
    for (const User& user : users) insert(uow, who, user);
  });
  return users;
}

User Users::get(const Principal& who, UserId id) {
  require_user(who);
  if (!who.is(id)) require(who, Permission::manage_users);
  return storage_.read([&](UnitOfWork& uow) { return Repository<User>(uow).get(id); });
}

std::optional<User> Users::find_by_email(const Principal& who, std::string_view email) {
  require(who, Permission::manage_users);
  return storage_.read(
      [&](UnitOfWork& uow) { return Repository<User>(uow).first(equal("email_key", email_key(email))); });
}

Page<User> Users::list(const Principal& who, const UserFilter& filter) {
  require(who, Permission::manage_users);
  std::vector<Condition> conditions;
  if (filter.q) conditions.push_back(matches(*filter.q));
  if (filter.role) conditions.push_back(equal("role", *filter.role));
  if (filter.is_active) conditions.push_back(equal("is_active", *filter.is_active));
  if (filter.service_account) conditions.push_back(equal("service_account", *filter.service_account));
  return storage_.read([&](UnitOfWork& uow) {
    return select_page<User>(uow, all_of(conditions), {{std::string(name_of(filter.sort)), filter.descending}},
                             filter.page);
  });
}

User Users::update_profile(const Principal& who, const Patch<Profile>& patch) {
  const UserId id = who.user();
  return storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User user = editable(uow, id);
    Profile profile = profile_of(user);
    patch.apply(profile);
    const bool renamed = profile.full_name != user.full_name;
    set_profile(user, profile);
    user.updated_at = clock_.now();
    users.update(user);
    events_.emit(uow, events::user_updated, who, UserEvent::of(user));
    if (renamed) audit_.record(uow, who, audited::user_updated, id, {{"fields", Array{"full_name"}}});
    return user;
  });
}

User Users::update(const Principal& who, UserId id, const Patch<Account>& patch) {
  require(who, Permission::manage_users);
  return storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User user = editable(uow, id);
    require_may_manage(who, user.role);
    Account account{profile_of(user), user.is_active};
    patch.apply(account);
    const bool was_active = user.is_active;
    if (was_active && !account.is_active) {
      require_other_admin(uow, user);
      tell_leaving(uow, user);
    }
    const bool switched = was_active != account.is_active;
    const Array changed = changed_fields(profile_of(user), account.profile);
    const bool updated = !switched || !changed.empty();
    set_profile(user, account.profile);
    user.is_active = account.is_active;
    user.updated_at = clock_.now();
    users.update(user);
    if (updated) events_.emit(uow, events::user_updated, who, UserEvent::of(user));
    if (switched)
      events_.emit(uow, user.is_active ? events::user_reactivated : events::user_deactivated, who, UserEvent::of(user));
    if (!changed.empty()) audit_.record(uow, who, audited::user_updated, id, {{"fields", changed}});
    if (switched) audit_.record(uow, who, user.is_active ? audited::user_reactivated : audited::user_deactivated, id);
    return user;
  });
}

User Users::change_role(const Principal& who, UserId id, const std::string& role) {
  require(who, Permission::manage_users);
  if (!roles_.exists(role)) throw invalid({"body", "role"}, "is not a role of this school", "type_error.enum");
  return storage_.write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User user = editable(uow, id);
    require_may_manage(who, user.role);
    require_may_manage(who, role);
    if (user.role == role) return user;
    require_other_admin(uow, user);
    const std::string before = std::exchange(user.role, role);
    user.updated_at = clock_.now();
    users.update(user);
    events_.emit(uow, events::user_role_changed, who, UserEvent::of(user));
    audit_.record(uow, who, audited::user_role_changed, id, {{"role", from_to(before, role)}});
    return user;
  });
}

void Users::remove(const Principal& who, UserId id) {
  require(who, Permission::manage_users);
  const auto remove_user = [&](UnitOfWork& uow) {
    Repository<User> users(uow);
    const User user = users.get(id);
    require_may_manage(who, user.role);
    require_other_admin(uow, user);
    tell_leaving(uow, user);
    for (const auto& hook : removal_hooks_) hook(uow, user);
    users.remove(id);
    events_.emit(uow, events::user_deleted, who, UserEvent::of(user));
    audit_.record(uow, who, audited::user_deleted, id, {{"role", user.role}});
  };
  try {
    storage_.write(remove_user);
  } catch (const Error& error) {
    // What people have done is known in rooms above; here only storage knows that there is something.
    if (error.reason() != User::schema().table() + "_in_use") throw;
    throw conflict("user_in_use",
                   "Courses, enrolments or certificates belong to this account and stay. Deactivate it instead "
                   "(`is_active`: false).");
  }
}

void Users::require_may_manage(const Principal& who, std::string_view role) {
  require(who, Permission::manage_users);
  if (role == role::admin) require_admin(who);
}

void Users::erase(UnitOfWork& uow, User& user) {
  require_other_admin(uow, user);
  tell_leaving(uow, user);
  for (const auto& hook : removal_hooks_) hook(uow, user);
  user.email = "erased-" + user.id.text() + '@' + std::string(User::erased_domain);
  user.email_key = email_key(user.email);
  user.full_name = User::erased_name;
  user.password_hash.clear();
  user.is_active = false;
  user.email_verified_at.reset();
  user.pending_email.reset();
  user.erased_at = user.updated_at = clock_.now();
  const Profile blank{.full_name = user.full_name, .bio = {}};
  set_profile(user, blank);
  Repository<User>(uow).update(user);
}

void Users::tell_leaving(UnitOfWork& uow, const User& user) const {
  for (const auto& hook : leaving_hooks_) hook(uow, user);
}

/// Active admins besides those.
Condition Users::other_admins(const std::vector<UserId>& leaving) {
  return all_of({equal("role", role::admin), equal("is_active", true), equal("service_account", false),
                 none_of({in("id", leaving), equal("password_hash", "")})});
}

void Users::require_other_admin(UnitOfWork& uow, const User& leaving) const {
  if (leaving.role != role::admin || !leaving.is_active || leaving.service_account) return;
  if (!Repository<User>(uow).exists(other_admins({leaving.id})))
    throw conflict("last_admin", "The school would be left without an admin.");
}

}  // namespace lms
