#include <doctest/doctest.h>

#include "support/school.hpp"

using namespace lms;
using lms::test::School;

TEST_CASE("an admin makes, finds, changes and removes accounts") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto made = school.post("/users",
                                Object{{"email", "ines@example.org"},
                                       {"password", School::password},
                                       {"full_name", "Inés Prado"},
                                       {"role", "instructor"}},
                                admin);
  REQUIRE(made.status == 201);
  CHECK(*made.headers.find("Location") == "/api/v1/users/" + made.text("id"));
  const std::string path = "/users/" + made.text("id");

  SUBCASE("found by the beginning of a name, blind to accents") {
    const auto found = school.get("/users?q=ines", admin);
    CHECK(found.number("total") == 1);
    CHECK(found.body["items"].as_array()[0]["full_name"] == Value("Inés Prado"));
    CHECK(school.get("/users?role=student", admin).number("total") == 0);
    CHECK(school.get("/users?sort=email&descending=true", admin).body["items"].as_array()[0]["email"] ==
          Value("ines@example.org"));
  }
  SUBCASE("changed") {
    CHECK(school.patch(path, Object{{"full_name", "Inés P."}}, admin).text("full_name") == "Inés P.");
    CHECK(school.get("/users?q=prado", admin).number("total") == 0);
    CHECK(school.put(path + "/role", Object{{"role", "student"}}, admin).text("role") == "student");
    CHECK(school.put(path + "/role", Object{{"role", "emperor"}}, admin).status == 422);
  }
  SUBCASE("deactivated, which ends the sessions, and opened again") {
    const auto login =
        school.post("/auth/login", Object{{"email", "ines@example.org"}, {"password", School::password}});
    CHECK(school.patch(path, Object{{"is_active", false}}, admin).body["is_active"] == Value(false));
    CHECK(school.get("/users/me", login.text("access_token")).status == 401);
    testing::EventRecorder recorder(school.lms.events());
    school.patch(path, Object{{"is_active", true}, {"bio", "Back."}}, admin);
    CHECK(recorder.take_types() == std::vector<std::string>{"user.updated", "user.reactivated"});
    CHECK(school.get("/users/me", login.text("access_token")).status == 401);
  }
  SUBCASE("removed, unless something hangs on the account") {
    CHECK(school.del(path, admin).status == 204);
    CHECK(school.get(path, admin).status == 404);
    const std::string teacher = school.signed_in("tom@example.org", role::instructor);
    school.published_course(teacher);
    const std::string tom = school.get("/users/me", teacher).text("id");
    const auto refused = school.del("/users/" + tom, admin);
    CHECK(refused.status == 409);
    CHECK(refused.code() == "user_in_use");
    CHECK(refused.text("detail").find("Deactivate it") != std::string::npos);
    CHECK(school.get("/users/me", teacher).status == 200);
  }
}

TEST_CASE("people see and change themselves, not others") {
  School school;
  const std::string ada = school.signed_in("ada@example.org");
  const std::string eve = school.signed_in("eve@example.org");
  const std::string ada_id = school.get("/users/me", ada).text("id");
  CHECK(school.get("/users/" + ada_id, ada).status == 200);
  CHECK(school.get("/users/" + ada_id, eve).status == 403);
  CHECK(school.get("/users", eve).code() == "permission_denied");
  CHECK(school.get("/users").status == 401);
  CHECK(school.patch("/users/me", Object{{"bio", "Likes engines."}, {"language", "pt-BR"}}, ada).text("bio") ==
        "Likes engines.");
  CHECK(school.patch("/users/me", Object{{"role", "admin"}}, ada).status == 422);
  CHECK(school.patch("/users/me", Object{{"is_active", false}}, ada).status == 422);
}

TEST_CASE("names, time zones and addresses that nobody can have are refused, each at its field") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto refused_at = [](const lms::test::Answered& answered) {
    CHECK(answered.status == 422);
    const Array& faults = answered.body["detail"].as_array();
    REQUIRE(faults.size() == 1);
    return faults[0]["loc"].as_array().back().as_string();
  };
  const auto change = [&](const char* field, const char* text) {
    return school.patch("/users/me", Object{{field, text}}, admin);
  };
  for (const char* name : {"  ", "\u200b", "Ada\nByron", "Ada\u202e"})
    CHECK(refused_at(change("full_name", name)) == "full_name");
  CHECK(change("full_name", "  Ada Byron ").text("full_name") == "Ada Byron");
  CHECK(refused_at(change("timezone", "Europe/Atlantis")) == "timezone");
  CHECK(change("timezone", "Europe/Lisbon").text("timezone") == "Europe/Lisbon");

  const auto with_email = [&](const char* email) {
    return school.post("/users", Object{{"email", email}, {"password", School::password}, {"full_name", "Jo"}}, admin);
  };
  CHECK(refused_at(with_email("jö@example.org")) == "email");
  CHECK(with_email("Jo@BÜCHER.example").text("email") == "Jo@xn--bcher-kva.example");
  CHECK(with_email("jo@bücher.example").code() == "email_taken");
  const auto login = school.post("/auth/login", Object{{"email", "JO@bücher.example"}, {"password", School::password}});
  CHECK(login.status == 200);
  CHECK_THROWS_AS(school.lms.users().create(Principal::system(), {"nobody", School::password, "No", std::nullopt}),
                  Error);
}

TEST_CASE("the last admin stays") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string path = "/users/" + school.get("/users/me", admin).text("id");
  CHECK(school.del(path, admin).code() == "last_admin");
  CHECK(school.patch(path, Object{{"is_active", false}}, admin).code() == "last_admin");
  CHECK(school.put(path + "/role", Object{{"role", "student"}}, admin).code() == "last_admin");
  // Who was invited and has no password yet would leave nobody who can sign in.
  school.post("/users", Object{{"email", "invited@example.org"}, {"full_name", "Invited"}, {"role", "admin"}}, admin);
  CHECK(school.put(path + "/role", Object{{"role", "student"}}, admin).code() == "last_admin");
  school.signed_in("second@example.org", role::admin);
  CHECK(school.put(path + "/role", Object{{"role", "student"}}, admin).status == 200);
}

TEST_CASE("a host's own role works as granted") {
  Backends backends;
  backends.roles.grant("librarian", {"create_course", "update_course"});
  Lms school(School::quick_settings(), std::move(backends));
  school.users().create(Principal::system(), {"lib@example.org", School::password, "Lib", "librarian"});
  const auto login = std::get<Login>(school.auth().login({"lib@example.org", School::password}));
  const Principal librarian = school.auth().authenticate(login.tokens.access_token);
  Course draft;
  draft.title = "Catalogues";
  CHECK(school.courses().create(librarian, draft).slug == "catalogues");
  CHECK_THROWS_WITH_AS(school.users().list(librarian, {}), "This needs the permission manage_users.", Error);
}

TEST_CASE("who may manage users but is no admin makes no admins and touches none") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = school.signed_in("ada@example.org");
  const auto id = [&](const std::string& token) { return *UserId::parse(school.get("/users/me", token).text("id")); };
  const auto roles = [] {
    auto made = std::make_shared<Roles>();
    made->grant("registrar", {"manage_users"});
    return made;
  }();
  const Principal registrar(id(ada), "registrar", roles);
  Users& users = school.lms.users();
  const auto refused = [](auto&& call) {
    try {
      call();
      return std::string("nothing");
    } catch (const Error& error) {
      return error.reason();
    }
  };
  CHECK(refused([&] { users.change_role(registrar, id(ada), "admin"); }) == "admin_required");
  CHECK(refused([&] { users.change_role(registrar, id(admin), "student"); }) == "admin_required");
  CHECK(refused([&] { users.update(registrar, id(admin), {{"is_active", false}}); }) == "admin_required");
  CHECK(refused([&] { users.remove(registrar, id(admin)); }) == "admin_required");
  CHECK(refused([&] {
          users.create(registrar, {"eve@example.org", School::password, "Eve", std::string(role::admin)});
        }) == "admin_required");
  CHECK(refused([&] { school.lms.mfa().remove(registrar, id(admin)); }) == "admin_required");
  CHECK(refused([&] { school.lms.auth().sessions(registrar, id(admin)); }) == "admin_required");
  CHECK(refused([&] { school.lms.auth().end_sessions_of(registrar, id(admin)); }) == "admin_required");
  CHECK(refused([&] { school.lms.accounts().correct_email(registrar, id(admin), {"eve@example.org"}); }) ==
        "admin_required");
  CHECK(refused([&] { school.lms.personal_data().erase(registrar, id(admin), {}); }) == "admin_required");
  const User robot = users.create(
      Principal::system(),
      {.email = "robot@example.org", .full_name = "Robot", .role = std::string(role::admin), .service_account = true});
  CHECK(refused([&] {
          school.lms.access_tokens().create(
              registrar,
              {.name = "x", .scopes = {"users:read"}, .user_id = robot.id, .confirmation = {School::password}});
        }) == "admin_required");
  CHECK(users.change_role(registrar, id(ada), "instructor").role == "instructor");
}
