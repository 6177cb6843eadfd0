#include "auth/personal_data_routes.hpp"

#include "auth/sign_in_call.hpp"

namespace lms {

void add_personal_data_routes(Router& router, PersonalData& data) {
  using enum http::Method;
  const RouteError last_admin{ErrorCode::conflict, "last_admin", "The school would be left without an admin."};
  const auto accepted = [](const Erasure& erasure) {
    auto response = ok(erasure);
    response.status = 202;
    return response;
  };

  const auto document = [&data](const Call& call, UserId id) {
    return http::Response{
        .status = 200,
        .headers = {{"Content-Type", "application/json"},
                    {"Content-Disposition", "attachment; filename=\"person-" + id.text() + ".json\""}},
        .body = data.export_person(call.who(), id)};
  };

  router.add({.method = get,
              .path = "/users/me/export",
              .operation = "exportMe",
              .tag = "personal-data",
              .summary = "Everything that the school holds about you",
              .description = "One document: the account, and a list for each kind of thing.",
              .weight = Weight::wait,
              .output_mode = Output::free,
              .is_file = true,
              .handler = [document](Call& call) { return document(call, call.who().user()); }});

  router.add({.method = get,
              .path = "/users/{id}/export",
              .operation = "exportUser",
              .tag = "personal-data",
              .summary = "Everything that the school holds about a person",
              .description =
                  "One document: the account, and a list for each kind of thing. People get their own; others "
                  "need `manage_users`.",
              .weight = Weight::wait,
              .output_mode = Output::free,
              .is_file = true,
              .handler = [document](Call& call) { return document(call, call.id<UserId>("id")); }});

  router.add({.method = post,
              .path = "/users/{id}/erase",
              .operation = "eraseUser",
              .tag = "personal-data",
              .summary = "Erase a person, for good",
              .description =
                  "Name, addresses and all that says whose account it was go, here and in what other parts of "
                  "the school hold; a job finishes that. Enrolments, progress and scores stay without the "
                  "name. Nothing brings it back.",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &ErasureRequest::schema(),
              .output = &Erasure::schema(),
              .status = 202,
              .errors = {last_admin,
                         {ErrorCode::conflict, "own_account", "One's own account is erased at `/users/me/erase`."}},
              .body_optional = true,
              .handler = [&data, accepted](Call& call) {
                const auto request = call.body().is_null() ? ErasureRequest{} : call.body<ErasureRequest>();
                return accepted(data.erase(call.who(), call.id<UserId>("id"), request));
              }});

  router.add({.method = post,
              .path = "/users/me/erase",
              .operation = "eraseMe",
              .tag = "personal-data",
              .summary = "Erase one's own account, for good",
              .description = "As `POST /users/{id}/erase`, and takes the password, and a code where there is a second "
                             "factor.",
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &OwnErasureRequest::schema(),
              .output = &Erasure::schema(),
              .status = 202,
              .errors = {last_admin, refused::password_changed(), refused::account_locked(), refused::sign_in_busy()},
              .handler = [&data, accepted](Call& call) {
                return accepted(data.erase_self(call.who(), call.body<OwnErasureRequest>(), client_of(call)));
              }});
}

}  // namespace lms
