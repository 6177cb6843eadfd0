#include <algorithm>

#include <doctest/doctest.h>

#include "support/school.hpp"

using namespace lms;
using lms::test::School;

namespace {

http::Response page(School& school, const std::string& path) {
  http::Request request;
  request.target = path;
  request.headers = {{"Host", "localhost"}};
  request.peer = "127.0.0.1";
  return school.lms.handle(std::move(request));
}

std::string text_of(const http::Response& response) {
  return std::get<std::string>(response.body);
}

/// What stands between the first of `before` and the next `after`.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const auto start = text.find(before);
  REQUIRE_MESSAGE(start != std::string::npos, before);
  const auto from = start + before.size();
  return text.substr(from, text.find(after, from) - from);
}

}  // namespace

TEST_CASE("links in mails lead to pages that the school serves itself") {
  Settings settings = School::quick_settings();
  settings.public_url = "http://localhost";
  School school(settings);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.post("/users", Object{{"email", "ada@example.org"}, {"full_name", "Ada"}}, admin);
  school.post("/auth/register",
              Object{{"email", "ines@example.org"}, {"password", School::password}, {"full_name", "Ines"}});
  school.post("/auth/request-password-reset", Object{{"email", "ines@example.org"}});
  school.do_jobs();
  std::vector<std::string> paths;
  for (const Mail& mail : school.mailer->mails()) {
    const std::string path = between(mail.text, "http://localhost", "#token=");
    CHECK(path.find('?') == std::string::npos);  // what stands there is logged on the way
    const auto response = page(school, path);
    CHECK_MESSAGE(response.status == 200, path);
    CHECK(*response.headers.find("Content-Type") == "text/html; charset=utf-8");
    CHECK(*response.headers.find("Referrer-Policy") == "no-referrer");
    paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  CHECK(paths ==
        std::vector<std::string>{"/account/accept-invitation", "/account/reset-password", "/account/verify-email"});
}

TEST_CASE("the pages of accounts know the school's name and where its API is") {
  Settings settings = School::quick_settings();
  settings.project_name = R"(Ada & "Co" <script>)";
  settings.api_prefix = "/school/v2";
  School school(settings);
  const std::string html = text_of(page(school, "/account/reset-password"));
  CHECK(between(html, "<title>", "</title>") == "Ada &amp; &quot;Co&quot; &lt;script&gt;");
  CHECK(between(html, "data-api=\"", "\"") == "/school/v2");
  CHECK(html.find('@') == std::string::npos);  // no mark is left

  const auto script = page(school, between(html, "<script src=\"", "\""));
  CHECK(script.status == 200);
  CHECK(*script.headers.find("Content-Type") == "text/javascript; charset=utf-8");
  const auto style = page(school, between(html, "<link rel=\"stylesheet\" href=\"", "\""));
  CHECK(style.status == 200);
  CHECK(*style.headers.find("Content-Type") == "text/css; charset=utf-8");

  // Only these can run, whatever a name or a link smuggles in.
  const std::string policy = *page(school, "/account/reset-password").headers.find("Content-Security-Policy");
  CHECK(policy.find("default-src 'none'; script-src 'self';") != std::string::npos);
}
