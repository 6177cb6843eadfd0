#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>
#include <lms/testing/event_recorder.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/fake_mailer.hpp>
#include <lms/testing/log_recorder.hpp>

namespace lms::test {

struct Answered {
  int status = 0;
  http::Headers headers;
  Value body;

  /// `detail` of the error format of the same name.
  std::string code() const { return body["code"].is_string() ? body["code"].as_string() : std::string(); }
  const std::string& text(std::string_view member) const { return body[member].as_string(); }
  std::int64_t number(std::string_view member) const { return body[member].as_integer(); }
};

/// A school in this process that is asked as a client would ask it: by requests. Its passwords are hashed quickly.
class School {
 public:
  static Settings quick_settings() {
    Settings settings;
    settings.secret_key = "a key for tests, with more than 32 characters";
    settings.argon2_memory_kib = 64;
    settings.argon2_iterations = 1;
    settings.rate_limit_enabled = false;  // they ask more often than people do
    return settings;
  }

  explicit School(Settings settings = quick_settings(), std::shared_ptr<Storage> storage = nullptr,
                  std::shared_ptr<TokenBlacklist> blacklist = nullptr, std::shared_ptr<Mailer> other_mailer = nullptr)
      : clock(std::make_shared<testing::FakeClock>()),
        log(std::make_shared<testing::LogRecorder>()),
        mailer(std::make_shared<testing::FakeMailer>()),
        lms(std::move(settings), {.storage = std::move(storage),
                                  .clock = clock,
                                  .log = log,
                                  .token_blacklist = std::move(blacklist),
                                  .mailer = other_mailer ? std::move(other_mailer) : mailer}) {}

  Answered ask(http::Method method, std::string_view path, const Value& body = {}, std::string_view token = {}) {
    http::Request request;
    request.method = method;
    request.target = lms.settings().api_prefix + std::string(path);
    request.headers.add("Host", "localhost");
    request.peer = "127.0.0.1";
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + std::string(token));
    if (!body.is_null()) {
      request.headers.add("Content-Type", "application/json");
      request.body = to_json(body);
    }
    return send(std::move(request));
  }
  Answered send(http::Request request) {
    http::Response response = lms.handle(std::move(request));
    Answered answered{response.status, response.headers, {}};
    const auto* text = std::get_if<std::string>(&response.body);
    if (text && !text->empty()) answered.body = parse_json(*text);
    return answered;
  }
  Answered get(std::string_view path, std::string_view token = {}) { return ask(http::Method::get, path, {}, token); }
  Answered post(std::string_view path, const Value& body = {}, std::string_view token = {}) {
    return ask(http::Method::post, path, body, token);
  }
  Answered patch(std::string_view path, const Value& body, std::string_view token) {
    return ask(http::Method::patch, path, body, token);
  }
  Answered put(std::string_view path, const Value& body, std::string_view token) {
    return ask(http::Method::put, path, body, token);
  }
  Answered del(std::string_view path, std::string_view token) { return ask(http::Method::del, path, {}, token); }

  /// Does all jobs that are due, as `start` would have them done.
  void do_jobs() {
    while (lms.jobs().run_one()) {
    }
  }
  /// The token of the newest mail with a link, or none.
  std::string mailed_token() {
    constexpr std::string_view mark = "#token=";
    do_jobs();
    const std::vector<Mail> mails = mailer->mails();
    for (auto mail = mails.rbegin(); mail != mails.rend(); ++mail) {
      const auto begin = mail->text.find(mark);
      if (begin == std::string::npos) continue;
      return mail->text.substr(begin + mark.size(), mail->text.find_first_of(" \n", begin) - begin - mark.size());
    }
    return {};
  }

  /// Makes an account of that role and signs it in; returns the access token.
  std::string signed_in(const std::string& email, std::string_view role = role::student) {
    lms.users().create(Principal::system(), {email, password, "Test " + email, std::string(role)});
    return post("/auth/login", Object{{"email", email}, {"password", password}}).text("access_token");
  }

  /// A published free course of `instructor` with that many text lessons; returns it as its owner sees it.
  Value published_course(std::string_view instructor, std::string_view title = "Knots", int lessons = 2) {
    const Answered course = post("/courses", Object{{"title", title}}, instructor);
    const std::string path = "/courses/" + course.text("id");
    for (int i = 1; i <= lessons; ++i)
      post(path + "/lessons", Object{{"title", "Lesson " + std::to_string(i)}, {"content", "Read *me*."}}, instructor);
    return post(path + "/publish", {}, instructor).body;
  }

  static constexpr const char* password = "correct horse battery";
  std::shared_ptr<testing::FakeClock> clock;
  std::shared_ptr<testing::LogRecorder> log;
  std::shared_ptr<testing::FakeMailer> mailer;
  Lms lms;
};

/// A request with headers of its own.
inline Answered ask_with(School& school, http::Method method, const std::string& path, const Value& body,
                         const std::string& token, http::Headers headers) {
  headers.add("Host", "localhost");
  if (!token.empty()) headers.add("Authorization", "Bearer " + token);
  return school.send({.method = method,
                      .target = "/api/v1" + path,
                      .headers = std::move(headers),
                      .body = body.is_null() ? std::string() : to_json(body),
                      .peer = "127.0.0.1"});
}

}  // namespace lms::test
