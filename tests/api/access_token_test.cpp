#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/testing/event_recorder.hpp>
#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;
using namespace std::chrono_literals;
using enum http::Method;

namespace {

Object wanted(std::initializer_list<const char*> scopes, std::int64_t days = 90) {
  Array names;
  for (const char* scope : scopes) names.emplace_back(scope);
  return {{"name", "Nightly export"},
          {"scopes", std::move(names)},
          {"expires_in_days", days},
          {"password", School::password}};
}

Answered make(School& school, std::string_view session, std::initializer_list<const char*> scopes) {
  Answered made = school.post("/auth/tokens", wanted(scopes), session);
  REQUIRE(made.status == 201);
  return made;
}

std::string challenge(const Answered& answer) {
  const std::string* field = answer.headers.find("WWW-Authenticate");
  return field ? *field : std::string();
}

std::string first_fault(const Answered& answer) {
  return answer.body["detail"].as_array().at(0)["type"].as_string();
}

/// Counts its writes.
class CountingStorage final : public testing::StorageWrapper {
 public:
  CountingStorage() : StorageWrapper(open_memory_storage()) {}
  int writes = 0;
  bool fails = false;

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    ++writes;
    if (fails) throw unavailable("storage_busy", "Not now.");
    StorageWrapper::do_write(function, isolation);
  }
};

}  // namespace

TEST_CASE("an access token is shown once, and listed without its text") {
  School school(School::quick_settings(), std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  const std::string session = school.signed_in("ada@example.org", role::instructor);
  testing::EventRecorder events(school.lms.events());
  const Answered made = make(school, session, {"courses:write", "courses:read", "courses:write"});
  const std::string text = made.text("token");
  CHECK(text.size() == 43);
  CHECK(made.text("beginning") == text.substr(0, 11));
  CHECK(made.body["scopes"] == parse_json(R"(["courses:read", "courses:write"])"));
  CHECK(made.text("created_at") == "2026-01-01T00:00:00Z");
  CHECK(made.text("expires_at") == "2026-04-01T00:00:00Z");
  CHECK(made.body["last_used_at"].is_null());
  CHECK(*made.headers.find("Location") == "/api/v1/auth/tokens/" + made.text("id"));
  CHECK(events.take_types() == std::vector<std::string>{"access_token.created"});

  school.clock->advance(1s);
  const Answered newer = make(school, session, {"users:read"});
  const Answered listed = school.get("/auth/tokens", session);
  REQUIRE(listed.number("total") == 2);
  CHECK(listed.body["items"].as_array()[0]["id"] == newer.body["id"]);
  const Answered one = school.get("/auth/tokens/" + made.text("id"), session);
  CHECK(one.body == listed.body["items"].as_array()[1]);
  for (const char* hidden : {"token", "digest"}) CHECK_FALSE(one.body.as_object().contains(hidden));
  CHECK(to_json(listed.body).find(text) == std::string::npos);
  for (const auto& line : school.log->lines()) CHECK(to_json(Value(line.fields)).find(text) == std::string::npos);

  events.take();
  CHECK(school.get("/courses", text).status == 200);
  CHECK(school.del("/auth/tokens/" + made.text("id"), session).status == 204);
  CHECK(events.take_types() == std::vector<std::string>{"access_token.revoked"});
  CHECK(school.get("/courses", text).code() == "invalid_token");
  CHECK(school.get("/auth/tokens/" + made.text("id"), session).status == 404);
  CHECK(school.del("/auth/tokens/" + made.text("id"), session).code() == "access_token_not_found");
  CHECK(school.get("/auth/tokens", session).number("total") == 1);
}

TEST_CASE("an access token may what its scopes say, and no more than its user") {
  School school;
  const std::string session = school.signed_in("ada@example.org", role::instructor);
  const std::string reads = make(school, session, {"courses:read"}).text("token");
  const std::string writes = make(school, session, {"courses:write"}).text("token");

  CHECK(school.get("/courses", reads).status == 200);
  const Answered refused = school.post("/courses", Object{{"title", "Knots"}}, reads);
  CHECK(refused.status == 403);
  CHECK(refused.code() == "insufficient_scope");
  CHECK(challenge(refused) == R"(Bearer error="insufficient_scope", scope="courses:write")");
  CHECK(school.get("/users/me", reads).code() == "insufficient_scope");
  // Who may not write is not told what is wrong with the input.
  CHECK(school.post("/courses", Object{{"titel", "Knots"}}, reads).code() == "insufficient_scope");

  const Answered course = school.post("/courses", Object{{"title", "Knots"}}, writes);
  CHECK(course.status == 201);
  CHECK(course.body["instructor_id"] == school.get("/users/me", session).body["id"]);
  CHECK(school.get("/courses/" + course.text("id"), writes).status == 200);
  CHECK(school.del("/courses/" + course.text("id"), writes).code() == "permission_denied");
  CHECK(school.get("/users/me", writes).code() == "insufficient_scope");

  // The role is asked at each call.
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const std::string id = school.get("/users/me", session).text("id");
  CHECK(school.put("/users/" + id + "/role", Object{{"role", "student"}}, admin).status == 200);
  CHECK(school.post("/courses", Object{{"title", "More knots"}}, writes).code() == "permission_denied");
}

TEST_CASE("no access token makes tokens, changes a password or sees sessions") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  Array all;
  for (const std::string& scope : school.lms.router().scopes()) all.emplace_back(scope);
  const Answered made = school.post(
      "/auth/tokens",
      Object{{"name", "Everything"}, {"scopes", all}, {"expires_in_days", 3'650}, {"password", School::password}},
      admin);
  REQUIRE(made.status == 201);
  const std::string token = made.text("token");
  CHECK(school.get("/users", token).status == 200);

  int tried = 0;
  for (const auto& route : school.lms.router().routes()) {
    if (route->tag != "auth" || route->ignores_token) continue;
    std::string path = route->path.substr(school.lms.settings().api_prefix.size());
    if (const auto parameter = path.find('{'); parameter != std::string::npos)
      path.replace(parameter, path.find('}') + 1 - parameter, made.text("id"));
    CAPTURE(path);
    const Answered answer = school.ask(route->method, path, {}, token);
    CHECK(answer.status == 403);
    CHECK(answer.code() == "insufficient_scope");
    CHECK(challenge(answer) == R"(Bearer error="insufficient_scope")");
    ++tried;
  }
  CHECK(tried > 15);

  // Nor does a host that asks the services.
  Auth& auth = school.lms.auth();
  AccessTokens& tokens = school.lms.access_tokens();
  const Principal who = auth.authenticate(token);
  const AccessTokenId id = *who.access_token();
  CHECK_THROWS_AS(tokens.create(who, {.name = "x", .scopes = {"users:read"}}), Error);
  CHECK_THROWS_AS(tokens.list(who), Error);
  CHECK_THROWS_AS(tokens.get(who, id), Error);
  CHECK_THROWS_AS(tokens.revoke(who, id), Error);
  CHECK_THROWS_AS(auth.sessions(who), Error);
  CHECK_THROWS_AS(auth.logout_everywhere(who), Error);
  CHECK_THROWS_WITH_AS(auth.change_password(who, {School::password, "a sea of small clouds"}),
                       doctest::Contains("No access token"), Error);
  CHECK(school.lms.access_tokens().get(Principal::system(), id).name == "Everything");
}

TEST_CASE("a host's own routes have scopes, and one without a tag is for people") {
  School school;
  const auto add = [&](const char* path, const char* tag, bool hidden) {
    Route route;
    route.path = path;
    route.operation = path + 1;
    route.tag = tag;
    route.summary = "A route of the host";
    route.output_mode = Output::free;
    route.hidden = hidden;
    route.handler = [](Call& call) {
      return json_response(200, Object{{"writes", call.who().has_scope("clubs:write")}});
    };
    school.lms.router().add(std::move(route));
  };
  add("/clubs", "clubs", false);
  add("/secret-club", "", true);
  const std::string session = school.signed_in("ada@example.org");
  const std::string token = make(school, session, {"clubs:read"}).text("token");
  CHECK(school.get("/clubs", token).body["writes"] == Value(false));
  CHECK(school.get("/clubs", session).body["writes"] == Value(true));
  CHECK(school.get("/secret-club", session).status == 200);
  CHECK(school.get("/secret-club", token).code() == "insufficient_scope");
}

TEST_CASE("what is asked of a new access token is held to the rules") {
  School school;
  const std::string session = school.signed_in("ada@example.org");
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered unknown = school.post("/auth/tokens", wanted({"courses:read", "course:read", "auth:write"}), session);
  CHECK(unknown.status == 422);
  const Array& faults = unknown.body["detail"].as_array();
  REQUIRE(faults.size() == 2);
  CHECK(faults[0]["loc"] == parse_json(R"(["body", "scopes", 1])"));
  CHECK(faults[0]["msg"].as_string().find("admin:read, admin:write") != std::string::npos);
  CHECK(faults[1]["loc"] == parse_json(R"(["body", "scopes", 2])"));
  CHECK(faults[1]["msg"].as_string().find("auth:") == std::string::npos);

  CHECK(first_fault(school.post("/auth/tokens", wanted({}), session)) == "value_error.list.min_items");
  CHECK(school.post("/auth/tokens", Object{{"scopes", Array{"courses:read"}}, {"password", School::password}}, session)
            .status == 422);
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}, 0), session).status == 422);
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}, 365), session).status == 201);
  const Answered long_life = school.post("/auth/tokens", wanted({"courses:read"}, 366), session);
  CHECK(long_life.body["detail"].as_array().at(0)["loc"] == parse_json(R"(["body", "expires_in_days"])"));
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}, 3'650), admin).status == 201);
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}, 3'651), admin).status == 422);
  CHECK(school.post("/auth/tokens", wanted({"courses:read"})).status == 401);
}

TEST_CASE("a user has at most fifty access tokens that are alive") {
  School school;
  const std::string session = school.signed_in("ada@example.org");
  const auto user = school.lms.users().find_by_email(Principal::system(), "ada@example.org");
  const Principal ada = school.lms.auth().principal_of(*user);  // whom no session ends
  AccessTokens& tokens = school.lms.access_tokens();
  for (int i = 0; i < 49; ++i)
    tokens.create(ada, {.name = "x",
                        .scopes = {"courses:read"},
                        .expires_in_days = 1,
                        .confirmation = {.password = School::password}});
  const Answered last = make(school, session, {"courses:read"});
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}), session).code() == "too_many_access_tokens");
  CHECK(school.del("/auth/tokens/" + last.text("id"), session).status == 204);
  make(school, session, {"courses:read"});
  CHECK(school.post("/auth/tokens", wanted({"courses:read"}), session).code() == "too_many_access_tokens");

  school.clock->advance(std::chrono::days{1});
  CHECK(tokens.create(ada, {.name = "x", .scopes = {"courses:read"}, .confirmation = {.password = School::password}})
            .token.size() == 43);
  CHECK(tokens.list(ada).total == 51);  // what expired of late is seen
  CHECK(tokens.purge() == 0);
  school.clock->advance(std::chrono::days{30});
  CHECK(tokens.purge() == 49);
  CHECK(tokens.list(ada).total == 2);
}

TEST_CASE("those of others are for those who manage users") {
  School school;
  const std::string ada = school.signed_in("ada@example.org", role::instructor);
  const std::string eve = school.signed_in("eve@example.org", role::instructor);
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered made = make(school, ada, {"courses:read"});
  const std::string path = "/auth/tokens/" + made.text("id");
  const std::string of_ada = "?user_id=" + made.text("user_id");

  CHECK(school.get(path, eve).code() == "access_token_not_found");
  CHECK(school.del(path, eve).code() == "access_token_not_found");
  CHECK(school.get("/auth/tokens" + of_ada, eve).code() == "permission_denied");
  CHECK(school.get("/auth/tokens", eve).number("total") == 0);
  CHECK(school.get("/auth/tokens" + of_ada, ada).number("total") == 1);
  Object for_ada = wanted({"courses:read"});
  for_ada.set("user_id", made.text("user_id"));
  CHECK(school.post("/auth/tokens", for_ada, eve).code() == "permission_denied");
  CHECK(school.post("/auth/tokens", for_ada, ada).status == 201);
  CHECK(school.post("/auth/tokens", for_ada, admin).code() == "not_a_service_account");
  for_ada.set("user_id", "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40");
  CHECK(school.post("/auth/tokens", for_ada, admin).code() == "user_not_found");

  CHECK(school.get("/auth/tokens" + of_ada, admin).number("total") == 2);
  CHECK(school.get(path, admin).status == 200);
  CHECK(school.del(path, admin).status == 204);
  CHECK(school.get("/courses", made.text("token")).status == 401);
  for (const char* malformed : {"/auth/tokens/1", "/auth/tokens/%00", "/auth/tokens/..%2f"})
    CHECK(school.get(malformed, ada).status >= 400);
}

TEST_CASE("bad access tokens are refused, most of them without a look into storage") {
  const auto storage = std::make_shared<CountingStorage>();
  School school(School::quick_settings(), storage);
  const std::string session = school.signed_in("ada@example.org");
  const std::string good = make(school, session, {"courses:read"}).text("token");
  REQUIRE(school.get("/courses", good).status == 200);

  std::string checksum = good, upper = good, lower = good, swapped = good;
  checksum.back() = checksum.back() == 'x' ? 'y' : 'x';
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  std::swap(swapped[8], swapped[20]);
  if (swapped == good) swapped[8] = swapped[8] == 'a' ? 'b' : 'a';
  const int before = storage->writes;
  for (const std::string& bad :
       {checksum, upper, lower, swapped, std::string("lmspat_"), good.substr(7), good.substr(0, 42), good + "x",
        "lmspat_" + good, "LMSPAT_" + good.substr(7), std::string("lmspat_") + std::string(10'000, 'a'), good + ".a.b",
        "lmspat_" + session, std::string("lmspat_0000000000000000000000000000002C8GjS"), good + " " + good}) {
    CAPTURE(bad);
    const Answered answer = school.get("/courses", bad);
    CHECK(answer.status == 401);
    CHECK(answer.code() == "invalid_token");
    CHECK(challenge(answer) == R"(Bearer error="invalid_token")");
  }
  CHECK(storage->writes == before);

  // One that is well-formed and made up is a matter for the log.
  const auto refusals = [&] {
    std::vector<std::string> causes;
    for (const auto& line : school.log->lines())
      if (line.message == "access token refused") causes.push_back(line.fields.find("cause")->as_string());
    return causes;
  };
  CHECK(refusals() == std::vector<std::string>{"unknown"});

  http::Request in_query;
  in_query.target = "/api/v1/users/me?access_token=" + good;
  in_query.headers.add("Host", "localhost");
  CHECK(school.send(std::move(in_query)).status == 401);
  http::Request as_basic;
  as_basic.target = "/api/v1/users/me";
  as_basic.headers.add("Host", "localhost");
  as_basic.headers.add("Authorization", "Basic " + good);
  CHECK(school.send(std::move(as_basic)).status == 401);
  CHECK(school.post("/auth/refresh", Object{{"refresh_token", good}}).code() == "invalid_token");
}

TEST_CASE("an access token ends with its time and its user, and with nothing else") {
  School school;
  const std::string session = school.signed_in("ada@example.org");
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered made = make(school, session, {"users:read"});
  const std::string token = made.text("token");
  const std::string user = "/users/" + made.text("user_id");
  const auto asked = [&] { return school.get("/users/me", token); };

  // It is no part of a sign-in.
  const Object change{{"current_password", School::password}, {"new_password", "a sea of small clouds"}};
  CHECK(school.post("/auth/change-password", change, session).status == 204);
  CHECK(asked().status == 200);
  CHECK(school.post("/auth/logout-all", {}, session).status == 204);
  CHECK(school.get("/users/me", session).status == 401);
  CHECK(asked().status == 200);
  for (int i = 0; i < 6; ++i)
    school.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", "wrong wrong"}});
  CHECK(asked().status == 200);

  CHECK(school.patch(user, Object{{"is_active", false}}, admin).status == 200);
  CHECK(asked().status == 401);
  CHECK(asked().code() == "account_deactivated");
  CHECK(school.patch(user, Object{{"is_active", true}}, admin).status == 200);
  CHECK(asked().status == 200);

  school.clock->advance(std::chrono::days{90} - 1s);
  CHECK(asked().status == 200);
  school.clock->advance(1s);
  CHECK(asked().code() == "token_expired");

  const std::string again =
      school.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", "a sea of small clouds"}})
          .text("access_token");
  Object with_new_password = wanted({"users:read"});
  with_new_password.set("password", "a sea of small clouds");
  const std::string other = school.post("/auth/tokens", with_new_password, again).text("token");
  CHECK(school.get("/users/me", other).status == 200);
  const std::string root =
      school.post("/auth/login", Object{{"email", "root@example.org"}, {"password", School::password}})
          .text("access_token");
  CHECK(school.del(user, root).status == 204);
  CHECK(school.get("/users/me", other).code() == "invalid_token");
}

TEST_CASE("when it was last used is written once a minute, whatever it is used for") {
  const auto storage = std::make_shared<CountingStorage>();
  School school(School::quick_settings(), storage);
  const std::string session = school.signed_in("ada@example.org", role::instructor);
  const Answered made = make(school, session, {"courses:write"});
  const std::string token = made.text("token");
  const auto shown = [&] { return school.get("/auth/tokens/" + made.text("id"), session); };

  school.clock->advance(5s);
  const int before = storage->writes;
  for (int i = 0; i < 5; ++i) CHECK(school.get("/courses", token).status == 200);
  CHECK(school.get("/courses/none-such", token).status == 404);
  CHECK(storage->writes == before + 1);
  CHECK(shown().text("last_used_at") == "2026-01-01T00:00:05Z");
  CHECK(shown().text("last_used_address") == "127.0.0.1");

  school.clock->advance(60s);
  CHECK(school.post("/courses", Object{{"title", "Knots"}}, token).status == 201);
  CHECK(shown().text("last_used_at") == "2026-01-01T00:01:05Z");
  school.clock->advance(60s);
  CHECK(school.get("/users/me", token).status == 403);
  CHECK(shown().text("last_used_at") == "2026-01-01T00:02:05Z");

  // A host without HTTP.
  school.clock->advance(60s);
  CHECK(school.lms.access_tokens().authenticate(token, "192.0.2.9").has_scope("courses:read"));
  CHECK(shown().text("last_used_at") == "2026-01-01T00:03:05Z");
  CHECK(shown().text("last_used_address") == "192.0.2.9");

  // What cannot be written refuses nobody.
  school.clock->advance(60s);
  storage->fails = true;
  CHECK(school.get("/courses", token).status == 200);
  storage->fails = false;
  CHECK(school.log->has(LogLevel::warning, "use of an access token not written"));
}

TEST_CASE("an event loop is asked to wait only when the use has to be written") {
  School school;
  const std::string session = school.signed_in("ada@example.org");
  const std::string token = make(school, session, {"courses:read"}).text("token");
  const auto at_once = [&](const std::string& bearer) {
    http::Request request;
    request.target = "/api/v1/courses";
    request.headers.add("Host", "localhost");
    request.headers.add("Authorization", "Bearer " + bearer);
    return school.lms.try_handle(request).has_value();
  };
  CHECK(at_once(session));
  CHECK_FALSE(at_once(token));
  CHECK(school.get("/courses", token).status == 200);
  CHECK(at_once(token));
  school.clock->advance(60s);
  CHECK_FALSE(at_once(token));
  CHECK(at_once(token.substr(0, 42)));  // refused
}

TEST_CASE("logs and audit log say that it was a token") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered made = make(school, admin, {"users:write"});
  const Answered user =
      school.post("/users", Object{{"email", "bob@example.org"}, {"full_name", "Bob"}}, made.text("token"));
  REQUIRE(user.status == 201);
  CHECK(school.get("/courses", made.text("token")).status == 403);

  const auto row = [&](const char* action) {
    const Answered rows = school.get(std::string("/admin/audit?action=") + action, admin);
    REQUIRE(rows.status == 200);
    return rows.body["items"].as_array().at(0);
  };
  CHECK(row("user.created")["details"] == Value(Object{{"role", "student"}, {"access_token_id", made.text("id")}}));
  CHECK(row("user.created")["actor"] == made.body["user_id"]);
  CHECK(row("access_token.created")["subject"] == made.body["id"]);
  CHECK(row("access_token.created")["details"]["scopes"] == Value(Array{"users:write"}));

  const auto lines = school.log->lines();
  const auto told = [&](std::string_view message) {
    return std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
      const Value* token = line.fields.find("access_token_id");
      return line.message == message && token && *token == made.body["id"];
    });
  };
  CHECK(told("request completed") == 2);
  CHECK(told("call refused") == 1);
}

TEST_CASE("a token is made with the password, and its owner is told") {
  School school;
  const std::string session = school.signed_in("ada@example.org");
  Object wish = wanted({"courses:read"});
  wish.erase("password");
  CHECK(first_fault(school.post("/auth/tokens", wish, session)) == "value_error.missing");
  wish.set("password", "not this one");
  CHECK(first_fault(school.post("/auth/tokens", wish, session)) == "value_error.password.wrong");
  CHECK(school.get("/auth/tokens", session).number("total") == 0);
  const Answered made = make(school, session, {"courses:read"});
  school.do_jobs();
  const Mail mail = school.mailer->mails().back();
  CHECK(mail.to == "ada@example.org");
  CHECK(mail.text.find("“Nightly export”") != std::string::npos);
  CHECK(mail.text.find(made.text("token")) == std::string::npos);

  // A program that links the library vouches for itself.
  const User robot = school.lms.users().create(Principal::system(), {.email = "robot@example.org",
                                                                     .full_name = "Robot",
                                                                     .role = std::string(role::instructor),
                                                                     .service_account = true});
  CHECK_NOTHROW(school.lms.access_tokens().create(Principal::system(),
                                                  {.name = "Robot", .scopes = {"courses:read"}, .user_id = robot.id}));
}

TEST_CASE("to read or erase what is held about a person takes a scope of its own") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  school.signed_in("ada@example.org");
  const std::string ada = school.lms.users().find_by_email(Principal::system(), "ada@example.org")->id.text();
  const std::string people = make(school, admin, {"users:write"}).text("token");
  CHECK(school.get("/users/" + ada, people).status == 200);
  CHECK(school.get("/users/" + ada + "/export", people).code() == "insufficient_scope");
  CHECK(school.post("/users/" + ada + "/erase", {}, people).code() == "insufficient_scope");
  const std::string reading = make(school, admin, {"personal-data:read"}).text("token");
  CHECK(school.post("/users/" + ada + "/erase", {}, reading).code() == "insufficient_scope");
  const std::string erasing = make(school, admin, {"personal-data:write"}).text("token");
  CHECK(school.post("/users/" + ada + "/erase", {}, erasing).status == 202);
}
