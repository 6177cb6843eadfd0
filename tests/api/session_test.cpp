#include <doctest/doctest.h>

#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "api/login_race.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;
using namespace std::chrono_literals;

namespace {

class CountingStorage final : public testing::StorageWrapper {
 public:
  CountingStorage() : StorageWrapper(open_memory_storage()) {}
  int writes = 0;

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    ++writes;
    StorageWrapper::do_write(function, isolation);
  }
};

struct BrokenBlacklist final : TokenBlacklist {
  void revoke(std::string_view, Time) override {}
  bool is_revoked(std::string_view) override { return false; }
  std::size_t purge() override { throw internal("broken"); }
};

constexpr const char* ada = "ada@example.org";

Settings with(std::chrono::hours timeout, std::chrono::seconds grace = 0s, std::int64_t most = 50) {
  Settings settings = School::quick_settings();
  settings.session_timeout = timeout;
  settings.refresh_reuse_grace = grace;
  settings.max_sessions_per_user = most;
  return settings;
}

void register_ada(School& school) {
  school.lms.auth().register_student({ada, School::password, "Ada Byron"});
}

/// A request of a device.
Answered post(School& school, std::string_view path, const Value& body, const std::string& device,
              std::string_view from = "192.0.2.7") {
  http::Request request;
  request.method = http::Method::post;
  request.target = school.lms.settings().api_prefix + std::string(path);
  request.headers.add("Host", "localhost");
  request.headers.add("User-Agent", device);
  request.headers.add("Content-Type", "application/json");
  request.peer = from;
  request.body = to_json(body);
  return school.send(std::move(request));
}

Answered login(School& school, const std::string& device = "phone") {
  return post(school, "/auth/login", Object{{"email", ada}, {"password", School::password}}, device);
}

Answered refresh(School& school, const Answered& tokens, const std::string& device = "phone",
                 std::string_view from = "192.0.2.7") {
  return post(school, "/auth/refresh", Object{{"refresh_token", tokens.text("refresh_token")}}, device, from);
}

}  // namespace

TEST_CASE("the list of sessions says where and when, and which one asks") {
  School school;
  register_ada(school);
  const auto phone = login(school, "phone");
  school.clock->advance(60s);
  const auto laptop = login(school, "laptop");
  school.clock->advance(60s);
  const auto renewed = refresh(school, phone, "phone 2", "192.0.2.8");

  const auto listed = school.get("/auth/sessions", laptop.text("access_token"));
  REQUIRE(listed.status == 200);
  const Array& items = listed.body["items"].as_array();
  REQUIRE(items.size() == 2);
  CHECK(items[0]["device"] == Value("laptop"));
  CHECK(items[0]["address"] == Value("192.0.2.7"));
  CHECK(items[0]["current"] == Value(true));
  CHECK(items[0]["created_at"] == Value("2026-01-01T00:01:00Z"));
  CHECK(items[0]["expires_at"] == Value("2026-01-02T00:01:00Z"));
  CHECK(items[1]["device"] == Value("phone 2"));
  CHECK(items[1]["address"] == Value("192.0.2.8"));
  CHECK(items[1]["current"] == Value(false));
  CHECK(items[1]["created_at"] == Value("2026-01-01T00:00:00Z"));
  CHECK(items[1]["last_seen_at"] == Value("2026-01-01T00:02:00Z"));
  CHECK(items[1]["expires_at"] == Value("2026-01-02T00:02:00Z"));
  for (const char* hidden : {"refresh_jti", "previous_jti", "refresh_expires_at", "ended_at"})
    CHECK_FALSE(items[0].as_object().contains(hidden));

  const auto seen_by_phone = school.get("/auth/sessions", renewed.text("access_token"));
  CHECK(seen_by_phone.body["items"].as_array()[1]["current"] == Value(true));
}

TEST_CASE("who manages users sees and ends somebody's sessions, and nobody else does") {
  School school;
  register_ada(school);
  const std::string phone = login(school, "phone").text("access_token");
  login(school, "laptop");
  const std::string path = "/users/" + school.get("/users/me", phone).text("id") + "/sessions";
  const std::string admin = school.signed_in("head@example.org", role::admin);
  CHECK(school.get(path, phone).status == 403);
  CHECK(school.del(path, phone).status == 403);
  const Array listed = school.get(path, admin).body["items"].as_array();
  REQUIRE(listed.size() == 2);
  CHECK(listed[0]["current"] == Value(false));

  CHECK(school.del(path, admin).status == 204);
  CHECK(school.get("/users/me", phone).code() == "session_ended");
  CHECK(school.get(path, admin).body["items"].as_array().empty());
  CHECK(school.del(path, admin).status == 204);
  const Value audit = school.get("/admin/audit?action=auth.sessions_ended", admin).body;
  REQUIRE(audit["items"].as_array().size() == 1);  // what changed nothing is not recorded
  CHECK(audit["items"].as_array()[0]["details"]["sessions"] == Value(2));
  CHECK(school.get("/users/01a00000-0000-7000-8000-000000000000/sessions", admin).status == 404);

  const std::string own = "/users/" + school.get("/users/me", admin).text("id") + "/sessions";
  CHECK(school.del(own, admin).status == 204);  // nobody else did that
  const Value credentials = Object{{"email", "head@example.org"}, {"password", School::password}};
  const std::string later = school.post("/auth/login", credentials).text("access_token");
  CHECK(school.get("/admin/audit?action=auth.sessions_ended", later).body["items"].as_array().size() == 1);
  CHECK(school.get("/admin/audit?action=auth.signed_out_everywhere", later).body["items"].as_array().size() == 1);
}

TEST_CASE("a device is shown as one line, whatever it calls itself") {
  School school;
  register_ada(school);
  const auto shown = [&](const std::string& device) {
    const auto session = login(school, device);
    school.clock->advance(1s);
    const auto listed = school.get("/auth/sessions", session.text("access_token"));
    return listed.body["items"].as_array().front()["device"].as_string();
  };
  CHECK(shown("Mozilla/5.0 (Android; T\xc3\xa9l\xc3\xa9phone)") == "Mozilla/5.0 (Android; T\xc3\xa9l\xc3\xa9phone)");
  CHECK(shown("a\tb\x1b[31mc\x7f") == "ab[31mc");
  CHECK(shown("no UTF-8: \xff\xfe\xc3 end") == "no UTF-8:  end");
  CHECK(shown("gpj.\u202eexe\u2028\u0085!") == "gpj.exe!");
  CHECK(shown(std::string(5'000, 'x')) == std::string(255, 'x'));
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xa4";
  CHECK(shown(umlauts) == umlauts.substr(0, 254));  // not in the middle of one
}

TEST_CASE("a session that is not refreshed ends, one that is goes on") {
  School school(with(2h));
  register_ada(school);
  auto used = login(school);
  const auto unused = login(school);
  for (int i = 0; i < 3; ++i) {
    school.clock->advance(1h + 59min);
    used = refresh(school, used);
    REQUIRE(used.status == 200);
  }
  CHECK(refresh(school, unused).code() == "session_ended");
  CHECK(school.get("/auth/sessions", used.text("access_token")).body["items"].as_array().size() == 1);
  school.clock->advance(2h);
  CHECK(refresh(school, used).code() == "session_ended");

  School patient(with(0h));
  register_ada(patient);
  const auto kept = login(patient);
  patient.clock->advance(std::chrono::days{30} - 1s);
  CHECK(refresh(patient, kept).status == 200);

  School long_timeout(with(std::chrono::hours{24 * 365}));
  register_ada(long_timeout);
  const auto expiring = login(long_timeout);
  CHECK(long_timeout.get("/auth/sessions", expiring.text("access_token")).body["items"].as_array()[0]["expires_at"] ==
        Value("2026-01-31T00:00:00Z"));
}

TEST_CASE("a session may not be over before the access tokens it gives out") {
  Settings settings = with(1h);
  settings.access_token_lifetime = 61min;
  CHECK_THROWS_WITH_AS(School{settings}, doctest::Contains("must not be shorter"), Error);
  settings.access_token_lifetime = 60min;
  School school(settings);
  CHECK_THROWS_AS(School{with(24h, 0s, 0)}, Error);
}

TEST_CASE("beyond the most sessions of a user the longest unused one goes, and leaves nothing") {
  School school(with(24h, 0s, 3));
  register_ada(school);
  school.lms.auth().register_student({"bob@example.org", School::password, "Bob Stone"});
  const auto bob = std::get<Login>(school.lms.auth().login({"bob@example.org", School::password}));
  std::vector<Answered> devices;
  for (int i = 0; i < 3; ++i) {
    devices.push_back(login(school, "device " + std::to_string(i)));
    school.clock->advance(1s);
  }
  devices[0] = refresh(school, devices[0]);
  school.clock->advance(1s);
  testing::EventRecorder recorder(school.lms.events());
  const auto fourth = login(school, "device 3");
  CHECK(recorder.take_types() == std::vector<std::string>{"user.session_ended", "user.logged_in"});
  CHECK(school.get("/users/me", devices[0].text("access_token")).status == 200);
  CHECK(school.get("/users/me", devices[1].text("access_token")).code() == "session_ended");
  CHECK(school.get("/users/me", devices[2].text("access_token")).status == 200);
  CHECK(refresh(school, devices[1]).code() == "session_ended");
  CHECK_NOTHROW(school.lms.auth().authenticate(bob.tokens.access_token));

  for (int i = 0; i < 20; ++i) login(school);
  const auto rows =
      school.lms.storage().read([](UnitOfWork& uow) { return uow.count(Session::schema(), everything()); });
  CHECK(rows == 4);  // Bob's and three of Ada's
}

TEST_CASE("with a grace the newest exchange may be repeated, and brings the same refresh token") {
  School school(with(24h, 10s));
  register_ada(school);
  const auto first = login(school);
  school.clock->advance(90s + 123'456us);
  const auto second = refresh(school, first);
  REQUIRE(second.status == 200);
  testing::EventRecorder recorder(school.lms.events());

  school.clock->advance(10s);
  const auto repeated = refresh(school, first);
  REQUIRE(repeated.status == 200);
  CHECK(repeated.text("refresh_token") == second.text("refresh_token"));
  CHECK(school.get("/users/me", repeated.text("access_token")).status == 200);
  CHECK(school.get("/users/me", second.text("access_token")).status == 200);
  const auto third = refresh(school, repeated);
  CHECK(third.status == 200);
  CHECK(recorder.take_types().empty());

  SUBCASE("not once the successor was used") {
    const auto reused = refresh(school, first);
    CHECK(reused.code() == "token_reused");
    CHECK(recorder.take_types() == std::vector<std::string>{"user.session_ended"});
    CHECK(school.log->has(LogLevel::warning, "auth.token_reused"));
    CHECK(refresh(school, third).code() == "session_ended");
  }
  SUBCASE("not when the grace is over, which repetitions do not prolong") {
    school.clock->advance(6s);
    CHECK(refresh(school, second).status == 200);
    school.clock->advance(5s);
    CHECK(refresh(school, second).code() == "token_reused");
    CHECK(refresh(school, third).code() == "session_ended");
  }
  SUBCASE("not by another device") {
    CHECK(refresh(school, second, "laptop").code() == "token_reused");
    CHECK(refresh(school, third).code() == "session_ended");
  }
}

TEST_CASE("without a grace every reuse ends the session") {
  School school(with(24h, 0s));
  register_ada(school);
  const auto first = login(school);
  const auto second = refresh(school, first);
  CHECK(refresh(school, first).code() == "token_reused");
  CHECK(refresh(school, second).code() == "session_ended");
}

TEST_CASE("requests that race to exchange a refresh token get the same one") {
  for (const bool twice : {false, true}) {
    std::shared_ptr<Storage> storage = open_memory_storage();
    if (twice) storage = std::make_shared<testing::RunTwiceStorage>(storage);
    const auto fresh = test::racing_refreshes(storage);
    REQUIRE(fresh.size() == 1);
    CHECK_FALSE(fresh.front().empty());
  }
}

TEST_CASE("a token is made anew from what is known of it, to the last character") {
  School school;
  register_ada(school);
  const auto session = login(school);
  for (const char* kind : {"access_token", "refresh_token"}) {
    const auto type = std::string_view(kind) == "access_token" ? TokenType::access : TokenType::refresh;
    const auto& tokens = school.lms.auth().tokens();
    const auto claims = std::get<TokenClaims>(tokens.decode(session.text(kind), type));
    CHECK(tokens.create(claims) == session.text(kind));
  }
}

TEST_CASE("what cannot be an address or a password is refused with its place, logged and changes nothing") {
  School school;
  const std::string token = school.signed_in(ada);
  const auto whole_store = [&] {
    return school.lms.storage().read([](UnitOfWork& uow) {
      std::vector<std::vector<Record>> tables;
      for (const Schema* schema : stored_schemas()) tables.push_back(uow.select(*schema, {}));
      return tables;
    });
  };
  const auto lines = [&] {
    const auto all = school.log->lines();
    return std::count_if(all.begin(), all.end(), [](const auto& line) {
      return line.category == "security" && line.message == "sign-in input refused";
    });
  };
  const std::string nul("correct horse\0battery", 21), megabyte(1'000'000, 'x'), longest_local(65, 'x');
  const auto check = [&](std::string_view path, const Object& body, std::string_view field, const std::string& sent) {
    CAPTURE(path);
    CAPTURE(field);
    CAPTURE(sent.substr(0, 40));
    const auto before = whole_store();
    const auto logged = lines();
    const auto answer = school.post(path, body, path == "/auth/change-password" ? std::string_view(token) : "");
    CHECK(answer.status == 422);
    REQUIRE(answer.body["detail"].is_array());
    CHECK(answer.body["detail"].as_array().front()["loc"] == Value(Array{"body", field}));
    CHECK(to_json(answer.body).find(sent.substr(0, 100)) == std::string::npos);
    CHECK(whole_store() == before);
    CHECK(lines() == logged + 1);
  };
  for (const std::string& email :
       {std::string("\"ada\"@example.org"), std::string("ada'; DROP TABLE users; --"), longest_local + "@example.org",
        "a@" + std::string(250, 'x') + ".org",
        std::string("\xd0\xb0"
                    "da@example.org"),
        std::string("ada\0@example.org", 16), std::string("ada@exam\nple.org"), std::string("no-address")}) {
    check("/auth/login", {{"email", email}, {"password", School::password}}, "email", email);
    check("/auth/register", {{"email", email}, {"password", School::password}, {"full_name", "Eve"}}, "email", email);
  }
  for (const std::string& password : {nul, megabyte}) {
    check("/auth/login", {{"email", ada}, {"password", password}}, "password", password);
    check("/auth/register", {{"email", "eve@example.org"}, {"password", password}, {"full_name", "Eve"}}, "password",
          password);
    check("/auth/change-password", {{"current_password", password}, {"new_password", "sea of clouds"}},
          "current_password", password);
  }
  check("/auth/refresh", {{"refresh_token", megabyte}}, "refresh_token", megabyte);

  // These could be; they are wrong.
  const std::string longest = std::string(64, 'x') + '@' + std::string(60, 'y') + '.' + std::string(60, 'y') + '.' +
                              std::string(60, 'y') + ".org";
  REQUIRE(longest.size() <= 254);
  for (const auto& [email, password] : {std::pair<std::string, std::string>{ada, "   "},
                                        {ada, std::string(1'024, 'x')},
                                        {ada, "\xe5\xaf\x86\xe7\xa0\x81 \xf0\x9f\x92\xa9"},
                                        {longest, School::password},
                                        {"ada@b\xc3\xbc"
                                         "cher.example",
                                         School::password},
                                        {"o'hara+a=b@example.org", School::password}}) {
    CAPTURE(email);
    CHECK(school.post("/auth/login", Object{{"email", email}, {"password", password}}).code() == "bad_credentials");
  }
  CHECK(school.post("/auth/login", Object{{"email", ada}, {"password", std::string(2'000'000, 'x')}}).status == 413);
}

TEST_CASE("a session ends after its greatest age, however often it is refreshed") {
  Settings settings = School::quick_settings();
  settings.session_max_age = std::chrono::days{2};
  School school(std::move(settings));
  register_ada(school);
  std::string token =
      school.post("/auth/login", Object{{"email", ada}, {"password", School::password}}).text("refresh_token");
  for (int hours = 12; hours < 48; hours += 12) {
    school.clock->advance(std::chrono::hours{12});
    const Answered fresh = school.post("/auth/refresh", Object{{"refresh_token", token}});
    REQUIRE(fresh.status == 200);
    token = fresh.text("refresh_token");
  }
  school.clock->advance(std::chrono::hours{12});
  CHECK(school.post("/auth/refresh", Object{{"refresh_token", token}}).code() == "session_ended");
}

TEST_CASE("however much has run out, it is forgotten in short transactions") {
  const auto storage = std::make_shared<CountingStorage>();
  School school(School::quick_settings(), storage);
  for (int i = 0; i < 1'201; ++i)
    school.post("/auth/resend-verification", Object{{"email", "nobody" + std::to_string(i) + "@example.org"}});
  school.clock->advance(std::chrono::hours{25});
  const int before = storage->writes;
  CHECK(school.lms.accounts().purge() == 1'201);
  CHECK(storage->writes - before == 3);
  CHECK(school.lms.accounts().purge() == 0);
}

TEST_CASE("a step of housekeeping that fails holds up no other, and is told") {
  const auto blacklist = std::make_shared<BrokenBlacklist>();
  School school(School::quick_settings(), nullptr, blacklist);
  school.post("/auth/resend-verification", Object{{"email", "nobody@example.org"}});
  school.clock->advance(std::chrono::hours{25});
  const auto job = school.lms.storage().write(
      [&](UnitOfWork& uow) { return school.lms.jobs().enqueue(uow, "housekeeping", {}).value(); });
  school.do_jobs();
  CHECK(school.log->has(LogLevel::warning, "a step of housekeeping failed"));
  CHECK(school.lms.accounts().purge() == 0);
  const Job failed = school.lms.jobs().get(Principal::system(), job);
  CHECK(failed.status == JobStatus::waiting);
  CHECK(failed.error == "broken");
}
