#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lms/error.hpp>
#include <lms/export.hpp>
#include <lms/id.hpp>

namespace lms {

/// Something a role may be allowed to do. Hosts add their own by name.
struct Permission {
  std::string_view name;

  static const Permission create_course, update_course, delete_course, view_analytics, manage_enrollments, manage_users,
      manage_quizzes;
};
inline constexpr Permission Permission::create_course{"create_course"};
inline constexpr Permission Permission::update_course{"update_course"};
inline constexpr Permission Permission::delete_course{"delete_course"};
inline constexpr Permission Permission::view_analytics{"view_analytics"};
inline constexpr Permission Permission::manage_enrollments{"manage_enrollments"};
inline constexpr Permission Permission::manage_users{"manage_users"};
inline constexpr Permission Permission::manage_quizzes{"manage_quizzes"};

namespace role {
inline constexpr std::string_view admin = "admin";
inline constexpr std::string_view instructor = "instructor";
inline constexpr std::string_view student = "student";
}  // namespace role

/// Which role may do what. Starts with admin (everything), instructor (`create_course`, `update_course`,
/// `view_analytics`, `manage_quizzes`) and student (nothing special).
/// Set up before the school starts; read-only and thread-safe from then on.
class LMS_API Roles {
 public:
  Roles();

  /// Adds a role, or permissions to one that exists.
  void grant(std::string role, const std::set<std::string, std::less<>>& permissions);
  bool exists(std::string_view role) const noexcept;
  bool may(std::string_view role, Permission permission) const noexcept;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> permissions_;
};

/// On whose behalf a call is made. Cheap to copy.
class LMS_API Principal {
 public:
  /// Nobody in particular: sees what is public.
  static Principal anonymous();
  /// The school itself: may do everything; for start-up, jobs and command lines.
  static Principal system();
  Principal(UserId user, std::string role, std::shared_ptr<const Roles> roles,
            std::optional<SessionId> session = std::nullopt);

  bool is_anonymous() const noexcept { return !system_ && !user_; }
  bool is_system() const noexcept { return system_; }
  bool is_admin() const noexcept { return system_ || role_ == role::admin; }
  bool is(UserId user) const noexcept { return user_ == user; }
  bool may(Permission permission) const noexcept;

  /// @throws Error unauthenticated if anonymous; internal for the system, which is no user.
  UserId user() const;
  const std::optional<UserId>& maybe_user() const noexcept { return user_; }
  const std::string& role() const noexcept { return role_; }
  const std::optional<SessionId>& session() const noexcept { return session_; }

  /// The same, by an access token that was made for these scopes (docs/access-tokens.md).
  Principal by(AccessTokenId token, std::vector<std::string> scopes) const;
  const std::optional<AccessTokenId>& access_token() const noexcept { return access_token_; }
  /// Whether a call of this scope (`courses:read`) is within what the access token is for; `courses:write` holds
  /// `courses:read`. True for everybody who does not call by one. It gives no permission: `may` has to hold as well.
  bool has_scope(std::string_view scope) const noexcept;

  /// The same, calling from there: the client's network address.
  Principal from(std::string address) const;
  /// Empty if the call came from no client, as those of the school itself, or if nobody said from which.
  const std::string& address() const noexcept { return address_; }

 private:
  Principal() = default;

  bool system_ = false;
  std::optional<UserId> user_;
  std::string role_;
  std::shared_ptr<const Roles> roles_;
  std::optional<SessionId> session_;
  std::string address_;
  std::optional<AccessTokenId> access_token_;
  std::shared_ptr<const std::vector<std::string>> scopes_;
};

/// @throws Error unauthenticated `not_authenticated` if anonymous.
LMS_API void require_user(const Principal& who);
/// For what nobody does by an access token, as making another one.
/// @throws Error unauthenticated if anonymous, forbidden `insufficient_scope` for an access token.
LMS_API void refuse_access_token(const Principal& who);
/// @throws Error unauthenticated if anonymous, forbidden `admin_required` unless an admin or the system.
LMS_API void require_admin(const Principal& who);
/// @throws Error unauthenticated if anonymous, forbidden `permission_denied` if the role lacks the permission.
LMS_API void require(const Principal& who, Permission permission);
/// For things that belong to somebody: admins may always, others need the permission and must be the owner.
/// @throws Error as require; forbidden `not_owner`.
LMS_API void require_owner(const Principal& who, UserId owner, Permission permission);

}  // namespace lms
