#include "user/routes.hpp"

namespace lms {

void add_user_routes(Router& router, Users& users, UserImports& imports) {
  using enum http::Method;
  const RouteError last_admin{ErrorCode::conflict, "last_admin", "The school would be left without an admin."};
  const RouteError erased{ErrorCode::conflict, "account_erased", "The account was erased and stays as it is."};

  router.add({.method = get,
              .path = "/users/me",
              .operation = "getMe",
              .tag = "users",
              .summary = "The signed-in user",
              .output = &User::schema(),
              .handler = [&](Call& call) { return ok(users.get(call.who(), call.who().user())); }});

  router.add({.method = patch,
              .path = "/users/me",
              .operation = "updateMe",
              .tag = "users",
              .summary = "Change one's own profile",
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &Profile::schema(),
              .output = &User::schema(),
              .handler = [&](Call& call) { return ok(users.update_profile(call.who(), call.patch<Profile>())); }});

  router.add({.method = get,
              .path = "/users",
              .operation = "listUsers",
              .tag = "users",
              .summary = "Find users",
              .allow = Permission::manage_users,
              .query = &UserFilter::schema(),
              .output_mode = Output::page,
              .output = &User::schema(),
              .handler = [&](Call& call) { return ok(users.list(call.who(), call.query<UserFilter>())); }});

  router.add({.method = post,
              .path = "/users",
              .operation = "createUser",
              .tag = "users",
              .summary = "Make an account for somebody",
              .allow = Permission::manage_users,
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &NewUser::schema(),
              .output = &User::schema(),
              .status = 201,
              .errors = {{ErrorCode::conflict, "email_taken", "There is an account with this address already."}},
              .takes_idempotency_key = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const User user = users.create(call.who(), call.body<NewUser>());
                return created(user, prefix + "/users/" + user.id.text());
              }});

  router.add(
      {.method = post,
       .path = "/users/import",
       .operation = "importUsers",
       .tag = "users",
       .summary = "Make accounts from a CSV file",
       .description =
           "The first row names the columns, in any order: `email`, `full_name`, and if wanted `role`, `language`, "
           "`timezone`, `is_active`, and `password` or `password_hash` (Argon2id as a PHC string, or bcrypt). Who "
           "has neither is invited by mail. Each row stands for itself, and an account that exists is never made "
           "twice, so the same file can be sent again. At most 50,000 rows, 100 of them with a `password`.",
       .allow = Permission::manage_users,
       .weight = Weight::wait,
       .query = &UserImportOptions::schema(),
       .input_mode = Input::text,
       .input_example = "email,full_name,role\namina@example.org,Amina Okafor,instructor\n",
       .body_type = "text/csv",
       .output = &UserImportReport::schema(),
       .max_body = UserImports::max_bytes,
       .handler = [&](Call& call) {
         return ok(imports.run(call.who(), call.text(), call.query<UserImportOptions>()));
       }});

  router.add({.method = get,
              .path = "/users/{id}",
              .operation = "getUser",
              .tag = "users",
              .summary = "One user",
              .description = "People see themselves; others need `manage_users`.",
              .output = &User::schema(),
              .handler = [&](Call& call) { return ok(users.get(call.who(), call.id<UserId>("id"))); }});

  router.add({.method = patch,
              .path = "/users/{id}",
              .operation = "updateUser",
              .tag = "users",
              .summary = "Change or deactivate an account",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &Account::schema(),
              .output = &User::schema(),
              .errors = {last_admin, erased},
              .handler = [&](Call& call) {
                return ok(users.update(call.who(), call.id<UserId>("id"), call.patch<Account>()));
              }});

  router.add({.method = put,
              .path = "/users/{id}/role",
              .operation = "changeUserRole",
              .tag = "users",
              .summary = "Give an account another role",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &RoleChange::schema(),
              .output = &User::schema(),
              .errors = {last_admin, erased},
              .handler = [&](Call& call) {
                return ok(users.change_role(call.who(), call.id<UserId>("id"), call.body<RoleChange>().role));
              }});

  router.add({.method = del,
              .path = "/users/{id}",
              .operation = "deleteUser",
              .tag = "users",
              .summary = "Remove an account",
              .description = "Only an account without courses, enrolments or certificates; deactivate others.",
              .allow = Permission::manage_users,
              .weight = Weight::wait,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {last_admin,
                         {ErrorCode::conflict, "user_in_use",
                          "The account has courses, enrolments or certificates. Deactivate it instead."}},
              .handler = [&](Call& call) {
                users.remove(call.who(), call.id<UserId>("id"));
                return no_content();
              }});
}

}  // namespace lms
