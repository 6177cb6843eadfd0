#include <doctest/doctest.h>

#include <lms/testing/run_twice_storage.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

Answered import_file(School& school, const std::string& token, const std::string& csv, const std::string& query = "",
                     const std::string& type = "text/csv") {
  http::Request request;
  request.method = http::Method::post;
  request.target = "/api/v1/users/import" + query;
  request.headers.add("Host", "localhost");
  request.headers.add("Authorization", "Bearer " + token);
  request.headers.add("Content-Type", type);
  request.peer = "127.0.0.1";
  request.body = csv;
  return school.send(std::move(request));
}

std::vector<std::string> outcomes(const Answered& answered) {
  std::vector<std::string> outcomes;
  for (const Value& row : answered.body["rows"].as_array()) outcomes.push_back(row["outcome"].as_string());
  return outcomes;
}

Value row(const Answered& answered, std::size_t index) {
  return answered.body["rows"].as_array().at(index);
}

/// What is wrong with a row: `email: value_error.email`.
std::vector<std::string> faults(const Answered& answered, std::size_t index) {
  std::vector<std::string> faults;
  const Value found = row(answered, index);
  for (const Value& fault : found["faults"].as_array()) {
    const Array& loc = fault["loc"].as_array();
    CHECK(loc.at(0) == Value("body"));
    CHECK(loc.at(1) == found["line"]);
    faults.push_back((loc.size() > 2 ? loc[2].as_string() : "") + ": " + fault["type"].as_string());
  }
  return faults;
}

std::vector<std::string> login_state(School& school, const std::string& email, const std::string& password) {
  const auto answered = school.post("/auth/login", Object{{"email", email}, {"password", password}});
  return {std::to_string(answered.status), answered.code()};
}

using Words = std::vector<std::string>;

const std::string people =
    "\xef\xbb\xbf"
    "Full_Name;Email;Role;language;timezone;is_active\r\n"
    "Inés Prado;Ines@BÜCHER.example;instructor;pt-BR;Europe/Madrid;TRUE\r\n"
    "\"Okafor; Amina\";amina@example.org;;;;yes\r\n"
    "Jo Idle;jo@example.org;student;;;no\r\n"
    "=cmd|' /C calc'!A0;formula@example.org;;;;\r\n";

}  // namespace

TEST_CASE("people are imported from a file of a spreadsheet") {
  School school(School::quick_settings(), std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  const std::string admin = school.signed_in("head@example.org", role::admin);
  testing::EventRecorder recorder(school.lms.events());

  const auto tried = import_file(school, admin, people, "?dry_run=true");
  CHECK(tried.status == 200);
  CHECK(tried.body["dry_run"] == Value(true));
  CHECK(outcomes(tried) == Words{"created", "created", "created", "created"});
  CHECK(school.get("/users", admin).number("total") == 1);
  CHECK(recorder.take_types().empty());

  const auto done = import_file(school, admin, people);
  CHECK(outcomes(done) == outcomes(tried));
  CHECK(done.number("created") == 4);
  CHECK(done.number("invalid") == 0);
  CHECK(recorder.take_types() == Words(4, "user.registered"));
  CHECK(row(done, 0)["line"] == Value(2));
  CHECK(row(done, 0)["email"] == Value("Ines@BÜCHER.example"));

  const auto ines = school.get("/users/" + row(done, 0)["user_id"].as_string(), admin);
  CHECK(ines.text("email") == "Ines@xn--bcher-kva.example");
  CHECK(ines.text("role") == "instructor");
  CHECK(ines.text("language") == "pt-BR");
  CHECK(ines.text("timezone") == "Europe/Madrid");
  CHECK(ines.body["email_verified_at"].is_null());
  CHECK(school.get("/users/" + row(done, 1)["user_id"].as_string(), admin).text("full_name") == "Okafor; Amina");
  CHECK(school.get("/users/" + row(done, 2)["user_id"].as_string(), admin).body["is_active"] == Value(false));
  CHECK(school.get("/users/" + row(done, 3)["user_id"].as_string(), admin).text("full_name") == "=cmd|' /C calc'!A0");

  // Those who may sign in are invited, once.
  school.do_jobs();
  CHECK(school.mailer->mails().size() == 3);

  const auto again = import_file(school, admin, people);
  CHECK(outcomes(again) == Words{"exists", "exists", "exists", "exists"});
  CHECK(again.number("existing") == 4);
  CHECK(row(again, 0)["user_id"] == row(done, 0)["user_id"]);
  CHECK(recorder.take_types().empty());
  school.do_jobs();
  CHECK(school.mailer->mails().size() == 3);
  CHECK(school.get("/admin/audit?action=user.imported", admin).number("total") == 4);
}

TEST_CASE("a row that is wrong says why, and the others are imported") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string hash = "$2b$04$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
  const std::string file =
      "email,full_name,role,timezone,is_active,password,password_hash\n"
      "nobody,Ada,,,,,\n"
      "ada@example.org,,emperor,Europe/Atlantis,maybe,,\n"
      "bob@example.org,Bob,emperor,,,,\n"
      "eve@example.org,Eve,,,,12345678,\n"
      "eva@example.org,Eva,,,,correct horse battery," +
      hash +
      "\n"
      "ian@example.org,Ian,,,,,plain\n"
      "kim@example.org,Kim,,\n"
      "lee@example.org,Lee,,,,,\n"
      "LEE@example.org,Lee again,,,,,\n"
      "x@erased.invalid,Ghost,,,,,\n"
      ",,,,,,\n"
      "mia@example.org,Mia,,,,correct horse battery,\n"
      "old@example.org,Old,,,,," +
      hash + "\n";
  const auto tried = import_file(school, admin, file, "?dry_run=true");
  const auto done = import_file(school, admin, file);
  CHECK(outcomes(done) == outcomes(tried));
  CHECK(outcomes(done) == Words{"invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "created",
                                "invalid", "invalid", "created", "created"});
  CHECK(done.number("invalid") == 9);
  CHECK(faults(done, 0) == Words{"email: value_error.email"});
  CHECK(faults(done, 1).size() == 3);
  CHECK(faults(done, 2) == Words{"role: type_error.enum"});
  CHECK(faults(done, 3) == Words{"password: value_error.password.too_common"});
  CHECK(faults(done, 4) == Words{"password_hash: value_error.password.twice"});
  CHECK(faults(done, 5) == Words{"password_hash: value_error.password.hash"});
  CHECK(faults(done, 6) == Words{": value_error.csv.fields"});
  CHECK(faults(done, 8) == Words{"email: value_error.duplicate"});
  CHECK(row(done, 8)["faults"].as_array()[0]["msg"] == Value("stands in line 9 already"));
  CHECK(faults(done, 9) == Words{"email: value_error.email"});
  CHECK(row(done, 11)["line"] == Value(14));
  CHECK(login_state(school, "mia@example.org", School::password) == Words{"200", ""});
  CHECK(login_state(school, "lee@example.org", "") != Words{"200", ""});
}

TEST_CASE("a hash of another system signs its owner in") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string file =
      "email,full_name,password_hash\n"
      "abc@example.org,Abc,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
  CHECK(outcomes(import_file(school, admin, file)) == Words{"created"});
  CHECK(login_state(school, "abc@example.org", "U*V").at(0) == "401");
  CHECK(login_state(school, "abc@example.org", "U*U") == Words{"200", ""});
}

TEST_CASE("with update, profile and role follow the file, and nothing else") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.signed_in("ada@example.org");
  const std::string file =
      "email,full_name,role,timezone,is_active,password\n"
      "ADA@example.org,Ada Byron,instructor,Europe/Lisbon,false,another horse battery\n";
  CHECK(outcomes(import_file(school, admin, file)) == Words{"exists"});
  CHECK(outcomes(import_file(school, admin, file, "?update=true&dry_run=true")) == Words{"updated"});
  testing::EventRecorder recorder(school.lms.events());
  const auto done = import_file(school, admin, file, "?update=true");
  CHECK(outcomes(done) == Words{"updated"});
  CHECK(recorder.take_types() == Words{"user.updated", "user.role_changed"});
  const auto ada = school.get("/users/" + row(done, 0)["user_id"].as_string(), admin);
  CHECK(ada.text("full_name") == "Ada Byron");
  CHECK(ada.text("role") == "instructor");
  CHECK(ada.text("timezone") == "Europe/Lisbon");
  CHECK(ada.body["is_active"] == Value(true));
  CHECK(login_state(school, "ada@example.org", School::password) == Words{"200", ""});
  CHECK(outcomes(import_file(school, admin, file, "?update=true")) == Words{"exists"});
}

TEST_CASE("no file takes the last admin away, and a dry run knows it") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.signed_in("second@example.org", role::admin);
  const std::string both = "email,full_name,role\nsecond@example.org,Second,student\nhead@example.org,Head,student\n";
  const std::string with_heir = "email,full_name,role\nheir@example.org,Heir,admin\nhead@example.org,Head,student\n";
  const auto tried = import_file(school, admin, both, "?update=true&dry_run=true");
  CHECK(outcomes(tried) == Words{"updated", "invalid"});
  CHECK(faults(tried, 1) == Words{"role: value_error.last_admin"});
  CHECK(outcomes(import_file(school, admin, both, "?update=true")) == outcomes(tried));
  CHECK(outcomes(import_file(school, admin, with_heir, "?update=true&dry_run=true")) == Words{"created", "updated"});
  CHECK(outcomes(import_file(school, admin, with_heir, "?update=true")) == Words{"created", "updated"});
  CHECK(school.lms.users().list(Principal::system(), {.page = {}, .role = "admin"}).total == 1);
}

TEST_CASE("a file that is no table of people changes nothing") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto refused = [&](const std::string& file) {
    const auto answered = import_file(school, admin, file);
    CHECK(answered.status == 422);
    return answered.body["detail"].as_array().at(0)["msg"].as_string();
  };
  CHECK(refused("full_name,role\nAda,student\n").find("the column email is missing") == 0);
  CHECK(refused("email,full_nam\na@example.org,Ada\n") == "there is no column \"full_nam\"; did you mean full_name?");
  CHECK(refused("email,full_name,email\n").find("the column email is there twice") == 0);
  CHECK(refused("email,full_name\na@example.org,Ada\nb@example.org,\"Bob\n") == "line 3: a quote is not closed");
  CHECK(refused("email,full_name\na@example.org,Ada\nb@example.org,J\xf6rg\n").find("line 3: there are bytes") == 0);
  CHECK(refused("") == "a body is required");

  std::string many = "email,full_name,password\n";
  for (std::size_t i = 0; i <= UserImports::max_passwords; ++i)
    many += "p" + std::to_string(i) + "@example.org,P,correct horse battery\n";
  CHECK(refused(many).find("a file may bring at most 100 passwords") == 0);

  std::string long_one = "email,full_name\n";
  for (std::size_t i = 0; i <= UserImports::max_rows; ++i) long_one += "p,p\n";
  CHECK(refused(long_one).find("a file may have at most 50000 rows") == 0);
  CHECK(school.get("/users", admin).number("total") == 1);

  CHECK(import_file(school, admin, std::string(UserImports::max_bytes + 1, 'a')).status == 413);
  CHECK(import_file(school, admin, "email,full_name\n", "", "application/json").status == 415);
  CHECK(import_file(school, admin, "email,full_name\n", "", "text/csv; charset=iso-8859-1").status == 415);
  CHECK(import_file(school, admin, "email,full_name\n", "", "Text/CSV; charset=UTF-8").status == 200);
}

TEST_CASE("a report lists a thousand faults and says that there were more") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  std::string file = "email,full_name\n";
  for (std::size_t i = 0; i < UserImports::max_faults + 2; ++i) file += "no address,Ada\n";
  const auto done = import_file(school, admin, file);
  CHECK(done.number("invalid") == UserImports::max_faults + 2);
  CHECK(done.body["faults_left_out"] == Value(true));
  CHECK(faults(done, UserImports::max_faults - 1).size() == 1);
  CHECK(faults(done, UserImports::max_faults + 1).empty());
}

TEST_CASE("only those who manage users import") {
  School school;
  const std::string teacher = school.signed_in("tom@example.org", role::instructor);
  CHECK(import_file(school, teacher, people).code() == "permission_denied");
  CHECK_THROWS_AS(school.lms.user_imports().run(Principal::anonymous(), people), Error);
}
