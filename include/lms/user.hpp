#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/password.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// A person with an account.
struct LMS_API User {
  UserId id;
  std::string email;      ///< as given, the domain in ASCII and lower case; unique without regard to case
  std::string email_key;  ///< lower case, what `email` is unique by
  std::string full_name;
  std::string role{role::student};
  std::string bio;
  std::string language = "en";   ///< preferred, `en` or `pt-BR`
  std::string timezone = "UTC";  ///< IANA name
  bool is_active = true;
  std::string password_hash;  ///< PHC text; empty: nobody can sign in; hidden in every answer, and not for handing on
  bool service_account = false;              ///< of a machine: has no password, never signs in, gets no mail
  std::optional<Time> email_verified_at;     ///< since when the address is known to be the person's
  std::optional<std::string> pending_email;  ///< the address that it shall be, once that is known
  std::optional<Time> erased_at;  ///< since when nothing here says whose it was; such an account stays as it is
  Time created_at;
  Time updated_at;

  static constexpr std::string_view erased_name = "Erased user";
  static constexpr std::string_view erased_domain = "erased.invalid";  ///< of what stands in place of their addresses

  static const Schema& schema();
};

/// What a new account needs. Only an admin may choose a role.
struct LMS_API NewUser {
  std::string email = {};
  std::string password = {};  ///< empty: the person is invited to choose one
  std::string full_name = {};
  std::optional<std::string> role = {};
  bool service_account = false;              ///< for a machine, which calls by access tokens: then without a password
  std::optional<std::string> language = {};  ///< none: the school's, as the next
  std::optional<std::string> timezone = {};

  static const Schema& schema();
};

/// What people may change of themselves.
struct LMS_API Profile {
  std::string full_name;
  std::string bio;
  std::string language = "en";
  std::string timezone = "UTC";

  static const Schema& schema();
};

/// What an admin may change of an account: the profile, and whether it is active.
struct LMS_API Account {
  Profile profile;
  bool is_active = true;

  static const Schema& schema();
};

struct LMS_API RoleChange {
  std::string role;

  static const Schema& schema();
};

enum class UserSort { created_at, full_name, email };
constexpr auto names_of(UserSort) {
  return std::array<std::string_view, 3>{"created_at", "full_name", "email"};
}

struct LMS_API UserFilter {
  PageRequest page;
  std::optional<std::string> q = {};  ///< words of the name or address
  std::optional<std::string> role = {};
  std::optional<bool> is_active = {};
  std::optional<bool> service_account = {};
  UserSort sort = UserSort::created_at;
  bool descending = false;

  static const Schema& schema();
};

/// The data of `user.…` events.
struct LMS_API UserEvent {
  UserId user_id;
  std::string email;
  std::string full_name;
  std::string role;

  static UserEvent of(const User& user) { return {user.id, user.email, user.full_name, user.role}; }
  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType user_registered, user_updated, user_role_changed, user_deactivated, user_reactivated,
    user_deleted;
}

namespace audited {
extern LMS_API const AuditAction user_created, user_updated, user_role_changed, user_deactivated, user_reactivated,
    user_deleted;
}

/// Which passwords a school accepts; the longest is 1,024 bytes.
struct PasswordPolicy {
  std::size_t min_length = 8;  ///< code points
  std::string school = {};     ///< its name, which is no password either
  /// Refuses what is too short, blank, among the first that anybody would guess (`12345678`, `Password1!`), or made of
  /// the person's own address or name, or of the school's.
  /// @throws Error invalid at `body`/`field`.
  LMS_API void check(const std::string& password, std::string_view email, std::string_view full_name,
                     const std::string& field = "password") const;
};

struct UserOptions {
  PasswordPolicy passwords = {};
  std::string language = "en";   ///< of new accounts that do not say theirs, `de` or `pt-BR`; of their first mail, too
  std::string timezone = "UTC";  ///< likewise; IANA name
};

/// The school's people. Thread-safe; each call is one transaction. What becomes of accounts is audited, and of a change
/// of one's own profile the name.
class LMS_API Users {
 public:
  Users(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, PasswordHasher& hasher,
        const Roles& roles, UserOptions options = {});

  /// Makes an account for somebody, whose address is taken to be theirs; the role is `student` unless given. Without a
  /// password the person is invited; a service account is not. Emits `user.registered`.
  /// @throws Error forbidden without `manage_users`; invalid for an unknown role, a weak password, the password of a
  ///   service account or no mail address; conflict `email_taken`.
  User create(const Principal& who, const NewUser& account);
  /// The same for many people at once who share one password: hashed once, one transaction.
  std::vector<User> create_many(const Principal& who, const std::vector<NewUser>& accounts,
                                const std::string& shared_password);

  /// @throws Error not_found; forbidden unless `who` is that user or may `manage_users`.
  User get(const Principal& who, UserId id);
  std::optional<User> find_by_email(const Principal& who, std::string_view email);
  /// @throws Error forbidden without `manage_users`.
  Page<User> list(const Principal& who, const UserFilter& filter);

  /// Changes `who`'s own profile. Emits `user.updated`.
  User update_profile(const Principal& who, const Patch<Profile>& patch);
  /// Changes an account; deactivating ends its sessions. Emits `user.updated`, and `user.deactivated` or
  /// `user.reactivated` for what they say.
  /// @throws Error forbidden without `manage_users`, and `admin_required` for admins; conflict `last_admin` when no
  ///   active admin would be left who can sign in, `account_erased`.
  User update(const Principal& who, UserId id, const Patch<Account>& patch);
  /// Emits `user.role_changed`. @throws Error as update; invalid for an unknown role.
  User change_role(const Principal& who, UserId id, const std::string& role);
  /// Removes an account that has no courses, enrolments or certificates; others can be deactivated.
  /// Emits `user.deleted`. @throws Error as update; conflict `user_in_use`.
  void remove(const Principal& who, UserId id);
  /// Told in the transaction that deactivates, removes or erases an account, before it does. Set up before the first
  /// call.
  void on_leaving(std::function<void(UnitOfWork&, const User&)> hook) { leaving_hooks_.push_back(std::move(hook)); }

  /// Told in the transaction that removes or erases an account, before it does. Set up as that.
  void on_removal(std::function<void(UnitOfWork&, const User&)> hook) { removal_hooks_.push_back(std::move(hook)); }
  /// Told in the transaction that makes an account without a password. Set up as that.
  void on_invited(std::function<void(UnitOfWork&, const User&)> hook) { invitation_hooks_.push_back(std::move(hook)); }

  // --- for services that have decided who may ---

  /// Only admins make admins, and change what is one's.
  /// @throws Error forbidden without `manage_users`; `admin_required` for that role, unless an admin.
  static void require_may_manage(const Principal& who, std::string_view role);

  /// For what waits before it writes, as for a hash: whether who signed in, or calls by an access token, may still act.
  /// To be asked in the transaction that writes. What a host lets in by itself it has to see to.
  /// @throws Error unauthenticated `session_ended`.
  void require_still(UnitOfWork& uow, const Principal& who) const;
  /// Asked by that, too, and throws the same. Set up before the first call.
  void on_acting(std::function<void(UnitOfWork&, const Principal&)> hook) { acting_hooks_.push_back(std::move(hook)); }

  /// The account, if it may still be changed. @throws Error not_found; conflict `account_erased`.
  static User editable(UnitOfWork& uow, UserId id);

  /// Makes an account without storing it. @throws Error invalid for an unknown role or an address that is none.
  User make(const NewUser& account, std::string password_hash) const;
  /// Stores a made account. Emits `user.registered`. @throws Error conflict `email_taken`.
  User insert(UnitOfWork& uow, const Principal& who, User user);
  /// Takes off an account what says whose it is, its password too, and deactivates it for good. Whoever calls it says
  /// so in events and audit log. @throws Error conflict `last_admin`.
  void erase(UnitOfWork& uow, User& user);
  const PasswordPolicy& password_policy() const noexcept { return options_.passwords; }

 private:
  friend class UserImports;  // makes and changes many accounts in one transaction

  static Condition other_admins(const std::vector<UserId>& leaving);
  void require_other_admin(UnitOfWork& uow, const User& leaving) const;
  void tell_leaving(UnitOfWork& uow, const User& user) const;

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  PasswordHasher& hasher_;
  const Roles& roles_;
  UserOptions options_;
  std::vector<std::function<void(UnitOfWork&, const User&)>> leaving_hooks_, removal_hooks_, invitation_hooks_;
  std::vector<std::function<void(UnitOfWork&, const Principal&)>> acting_hooks_;
};

/// The names of those of the users that exist, read at once.
LMS_API std::map<UserId, std::string> names_of_users(UnitOfWork& uow, const std::vector<UserId>& ids);

/// An address as accounts have it. @throws Error invalid at `body`/`field` for what is none, or kept for the erased.
LMS_API std::string account_email(std::string_view given, const std::string& field);

/// What `email` is unique by: neither case nor the spelling of an international domain tells addresses apart.
LMS_API std::string email_key(std::string_view email);

}  // namespace lms
