#include <string>
#include <utility>

#include <lms/lms.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

#include "fuzz/target.hpp"

using namespace lms;

namespace {

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// A school of one person, kept from input to input.
struct School {
  School() {
    backends.clock = std::make_shared<testing::FakeClock>();
    backends.random = std::make_shared<testing::SeededRandom>();
    Settings settings;
    settings.secret_key = "a secret that nobody who fuzzes can guess";
    settings.argon2_memory_kib = 8;
    settings.argon2_iterations = 1;
    settings.rate_limit_enabled = false;
    settings.admin_email = "admin@example.org";
    settings.admin_password = "correct horse battery";
    lms = std::make_unique<Lms>(settings, backends);
    token = std::get<Login>(lms->auth().login({"admin@example.org", "correct horse battery"}, {})).tokens.access_token;
  }

  Backends backends;
  std::unique_ptr<Lms> lms;
  std::string token;
};

}  // namespace

/// First a line with method and target, then header lines to an empty one, then the body: as an admin, and as nobody.
/// Whatever comes is answered, never by a 5xx, always with well-formed JSON where JSON is said.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static School school;
  std::string_view text = fuzz::text_of(data, size);
  std::string_view first = take_line(text);
  const auto method = http::parse_method(first.substr(0, first.find(' ')));
  first.remove_prefix(std::min(first.find(' ') + 1, first.size()));

  http::Headers headers{{"Host", "localhost"}};
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  for (const bool admin : {false, true}) {
    http::Request request;
    request.method = method.value_or(http::Method::get);
    request.target = std::string(first);
    request.headers = headers;
    if (admin) request.headers.set("Authorization", "Bearer " + school.token);
    request.body = std::string(text);
    request.peer = "192.0.2.1";
    const http::Response response = school.lms->handle(std::move(request));
    fuzz::promise(response.status >= 200 && response.status < 500, "the request is answered, and not by a 5xx");
    const std::string* type = response.headers.find("Content-Type");
    const auto* body = std::get_if<std::string>(&response.body);
    if (type && body && type->find("json") != std::string::npos) parse_json(*body);
  }
  return 0;
}
