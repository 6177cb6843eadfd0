#include <lms/principal.hpp>

#include <algorithm>

namespace lms {

Roles::Roles() {
  using P = Permission;
  const auto names = [](std::initializer_list<P> permissions) {
    std::set<std::string, std::less<>> result;
    for (P permission : permissions) result.emplace(permission.name);
    return result;
  };
  grant(std::string(role::admin), names({P::create_course, P::update_course, P::delete_course, P::view_analytics,
                                         P::manage_enrollments, P::manage_users, P::manage_quizzes}));
  grant(std::string(role::instructor),
        names({P::create_course, P::update_course, P::view_analytics, P::manage_quizzes}));
  grant(std::string(role::student), {});
}

void Roles::grant(std::string role, const std::set<std::string, std::less<>>& permissions) {
  permissions_[std::move(role)].insert(permissions.begin(), permissions.end());
}

bool Roles::exists(std::string_view role) const noexcept {
  return permissions_.find(role) != permissions_.end();
}

bool Roles::may(std::string_view role, Permission permission) const noexcept {
  if (role == role::admin) return true;
  const auto found = permissions_.find(role);
  return found != permissions_.end() && found->second.find(permission.name) != found->second.end();
}

std::vector<std::string> Roles::names() const {
  std::vector<std::string> names;
  for (const auto& [role, permissions] : permissions_) names.push_back(role);
  return names;
}

Principal Principal::anonymous() {
  return {};
}

Principal Principal::system() {
  Principal principal;
  principal.system_ = true;
  return principal;
}

Principal::Principal(UserId user, std::string role, std::shared_ptr<const Roles> roles,
                     std::optional<SessionId> session)
    : user_(user), role_(std::move(role)), roles_(std::move(roles)), session_(session) {}

bool Principal::may(Permission permission) const noexcept {
  return system_ || (roles_ && roles_->may(role_, permission));
}

Principal Principal::from(std::string address) const {
  Principal caller = *this;
  caller.address_ = std::move(address);
  return caller;
}

Principal Principal::by(AccessTokenId token, std::vector<std::string> scopes) const {
  Principal caller = *this;
  caller.access_token_ = token;
  caller.scopes_ = std::make_shared<const std::vector<std::string>>(std::move(scopes));
  return caller;
}

bool Principal::has_scope(std::string_view scope) const noexcept {
  if (!scopes_) return true;
  constexpr std::string_view read = ":read", write = ":write";
  const std::string_view subject = scope.substr(0, scope.rfind(':'));
  return std::any_of(scopes_->begin(), scopes_->end(), [&](const std::string& held) {
    const bool writes = held.size() == subject.size() + write.size() && held.starts_with(subject) &&
                        held.ends_with(write) && scope.ends_with(read);
    return held == scope || writes;
  });
}

UserId Principal::user() const {
  if (user_) return *user_;
  if (system_) throw internal("the system is no user");
  throw unauthenticated("not_authenticated", "Sign in first: send an access token as a bearer token.");
}

void require_user(const Principal& who) {
  if (who.is_anonymous())
    throw unauthenticated("not_authenticated", "Sign in first: send an access token as a bearer token.");
}

void refuse_access_token(const Principal& who) {
  require_user(who);
  if (who.access_token()) throw forbidden("insufficient_scope", "No access token may do this: sign in.");
}

void require_admin(const Principal& who) {
  require_user(who);
  if (!who.is_admin()) throw forbidden("admin_required", "Only an admin may do this.");
}

void require(const Principal& who, Permission permission) {
  require_user(who);
  if (!who.may(permission))
    throw forbidden("permission_denied", "This needs the permission " + std::string(permission.name) + ".");
}

void require_owner(const Principal& who, UserId owner, Permission permission) {
  require(who, permission);
  if (!who.is_admin() && !who.is(owner)) throw forbidden("not_owner", "This belongs to somebody else.");
}

}  // namespace lms
