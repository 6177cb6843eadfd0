#include <string>

#include <doctest/doctest.h>

#include <lms/value.hpp>

#include "http/problem.hpp"

using namespace lms;

namespace {

const ProblemContext context{.request_id = "req-1",
                             .time = Time(std::chrono::sys_days{std::chrono::year{2026} / 1 / 15}),
                             .as_problem_json = false};

Value body_of(const http::Response& response) {
  return parse_json(std::get<std::string>(response.body));
}

Value shown(const Error& error, ErrorFormat format, int status) {
  const auto response = render(describe(error, false), format, context);
  CHECK(response.status == status);
  CHECK(*response.headers.find("Content-Type") == "application/json");
  return body_of(response);
}

Error two_faults() {
  return invalid({{{"body", "email"}, "field required", "value_error.missing"},
                  {{"body", "tags", std::size_t{2}}, "must be text", "type_error.str"}});
}

}  // namespace

TEST_CASE("every code has its status") {
  CHECK(status_of(ErrorCode::invalid) == 422);
  CHECK(status_of(ErrorCode::unauthenticated) == 401);
  CHECK(status_of(ErrorCode::forbidden) == 403);
  CHECK(status_of(ErrorCode::not_found) == 404);
  CHECK(status_of(ErrorCode::conflict) == 409);
  CHECK(status_of(ErrorCode::too_many_requests) == 429);
  CHECK(status_of(ErrorCode::unavailable) == 503);
  CHECK(status_of(ErrorCode::internal) == 500);
}

TEST_CASE("the detail format has the message and the reason") {
  CHECK(shown(conflict("course_not_draft", "Only a draft can be published."), ErrorFormat::detail, 409) ==
        parse_json(R"({"detail": "Only a draft can be published.", "code": "course_not_draft"})"));
}

TEST_CASE("the detail format lists every fault of an input") {
  CHECK(shown(two_faults(), ErrorFormat::detail, 422) ==
        parse_json(R"({"detail": [{"loc": ["body", "email"], "msg": "field required", "type": "value_error.missing"},
                                  {"loc": ["body", "tags", 2], "msg": "must be text", "type": "type_error.str"}],
                       "code": "validation_error"})"));
}

TEST_CASE("malformed JSON is a 400 with its position in every format") {
  for (const ErrorFormat format : {ErrorFormat::detail, ErrorFormat::flat, ErrorFormat::rich}) {
    try {
      parse_json("{\"a\": }");
      FAIL("accepted");
    } catch (const Error& error) {
      const Value body = shown(error, format, 400);
      if (format == ErrorFormat::detail) {
        CHECK(body["code"] == Value("malformed_json"));
        CHECK(body["detail"].as_array().at(0)["loc"] == Value(Array{"body", 6}));
      } else {
        const char* message = "Malformed JSON at line 1, column 7: expected a value";
        const Value& details = body["details"];
        const Value told =
            format == ErrorFormat::flat ? details["body"].as_array().at(0) : details.as_array().at(0)["message"];
        CHECK(told == Value(message));
        if (format == ErrorFormat::rich) CHECK(details.as_array().at(0)["field"] == Value("body"));
        const char* headline = format == ErrorFormat::flat ? "error" : "message";
        CHECK(body[headline] == Value(std::string(message) + '.'));
      }
    }
  }
  std::string deep(100, '[');
  try {
    parse_json(deep);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(describe(error, false).status == 400);
  }
}

TEST_CASE("the flat format is that of its document") {
  CHECK(shown(forbidden("invalid_signature", "Invalid signature"), ErrorFormat::flat, 403) ==
        parse_json(R"({"error": "Invalid signature", "code": "invalid_signature", "status": 403,
                       "timestamp": "2026-01-15T00:00:00Z"})"));
  CHECK(shown(two_faults(), ErrorFormat::flat, 400) ==
        parse_json(R"({"error": "Validation failed", "code": "validation_error", "status": 400,
                       "timestamp": "2026-01-15T00:00:00Z",
                       "details": {"email": ["field required"], "tags.2": ["must be text"]}})"));
  const auto twice = invalid({{{"body", "a"}, "one", "x"}, {{"body", "a"}, "two", "y"}, {{"body"}, "three", "z"}});
  CHECK(shown(twice, ErrorFormat::flat, 400)["details"] == parse_json(R"({"a": ["one", "two"], "body": ["three"]})"));
  CHECK(shown(too_many_requests("throttled", "Rate limit exceeded", std::chrono::seconds{60}), ErrorFormat::flat,
              429)["retry_after"] == Value(60));
}

TEST_CASE("the rich format is that of its document") {
  CHECK(shown(invalid({"body", "email"}, "Invalid email format", "value_error.email"), ErrorFormat::rich, 422) ==
        parse_json(R"({"error": true, "error_code": "VALIDATION_ERROR", "message": "Request validation failed",
                       "details": [{"field": "email", "message": "Invalid email format", "code": "value_error.email"}],
                       "timestamp": "2026-01-15T00:00:00Z", "request_id": "req-1", "severity": "medium",
                       "category": "validation"})"));
  const Value conflicting = shown(conflict("course_not_draft", "No."), ErrorFormat::rich, 409);
  CHECK(conflicting["error_code"] == Value("COURSE_NOT_DRAFT"));
  CHECK(conflicting["details"] == Value(Array{}));
  CHECK(conflicting["category"] == Value("business_logic"));
  CHECK(shown(internal("secret"), ErrorFormat::rich, 500)["severity"] == Value("critical"));
}

TEST_CASE("problem+json has a stable type and keeps its status in the flat format") {
  ProblemContext wanted = context;
  wanted.as_problem_json = true;
  auto response = render(describe(conflict("course_not_draft", "Only a draft can be published."), false),
                         ErrorFormat::detail, wanted);
  CHECK(*response.headers.find("Content-Type") == "application/problem+json");
  CHECK(body_of(response) ==
        parse_json(R"({"type": "urn:lms:error:course_not_draft", "title": "Conflict", "status": 409,
                       "detail": "Only a draft can be published.", "code": "course_not_draft", "request_id": "req-1"})"));
  response = render(describe(two_faults(), false), ErrorFormat::flat, wanted);
  CHECK(response.status == 422);
  CHECK(body_of(response)["errors"].as_array().size() == 2);
}

TEST_CASE("problem+json is sent to those who name it and rank it no lower") {
  const auto prefers = [](const char* accept) { return prefers_problem_json({{"Accept", accept}}); };
  CHECK(prefers("application/problem+json"));
  CHECK(prefers("application/json, application/problem+json"));
  CHECK(prefers("application/json;q=0.5, Application/Problem+JSON;q=0.8"));
  CHECK_FALSE(prefers("application/problem+json;q=0.5, application/json"));
  CHECK_FALSE(prefers("application/problem+json;q=0"));
  CHECK_FALSE(prefers("application/problem+json;q=nonsense"));
  CHECK_FALSE(prefers("*/*"));
  CHECK_FALSE(prefers("application/*"));
  CHECK_FALSE(prefers("text/html"));
  CHECK_FALSE(prefers_problem_json({}));
}

TEST_CASE("a defect keeps its message to itself unless it may be shown") {
  const Error defect = internal("column passwort_hash does not exist");
  for (const ErrorFormat format : {ErrorFormat::detail, ErrorFormat::flat, ErrorFormat::rich}) {
    const auto response = render(describe(defect, false), format, context);
    CHECK(response.status == 500);
    CHECK(std::get<std::string>(response.body).find("passwort") == std::string::npos);
  }
  CHECK(describe(Error(ErrorCode::internal, "schema_too_new", "secret"), false).reason == "internal_error");
  CHECK(describe(defect, true).message == defect.what());
}

TEST_CASE("what is wrong with the storage is for the log") {
  const Error full = unavailable("storage_full", "The database /srv/school.db cannot grow.");
  const Problem problem = describe(full, false);
  CHECK(problem.status == 503);
  CHECK(problem.reason == "storage_full");
  CHECK(problem.message.find("/srv") == std::string::npos);
  CHECK(describe(full, true).message == full.what());
  const Problem wrong = describe(unavailable("encryption_key_wrong", "User.secret of 7 cannot be decrypted."), false);
  CHECK(wrong.message.find("User") == std::string::npos);
}

TEST_CASE("the status brings the headers it calls for") {
  CHECK(*describe(unauthenticated("not_authenticated", "Sign in."), false).headers.find("WWW-Authenticate") ==
        "Bearer");
  CHECK(*describe(unavailable("database_busy", "Busy.", std::chrono::seconds{3}), false).headers.find("Retry-After") ==
        "3");
  CHECK(*describe(too_many_requests("throttled", "Slowly.", std::chrono::seconds{60}), false)
             .headers.find("Retry-After") == "60");
  const Problem refused{
      .status = 405, .reason = "method_not_allowed", .message = "No.", .faults = {}, .headers = {{"Allow", "GET"}}};
  CHECK(*render(refused, ErrorFormat::detail, context).headers.find("Allow") == "GET");
}
