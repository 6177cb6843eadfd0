#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include <lms/backends/smtp.hpp>
#include <lms/error.hpp>
#include <lms/testing/fake_clock.hpp>

#include "backend/smtp/message_headers.hpp"
#include "base/encoding.hpp"
#include "base/mailbox.hpp"

namespace {

using namespace lms;

std::vector<std::string> lines_of(std::string header) {
  std::vector<std::string> lines;
  for (auto end = header.find("\r\n"); end != std::string::npos; end = header.find("\r\n")) {
    lines.push_back(header.substr(0, end));
    header.erase(0, end + 2);
  }
  lines.push_back(header);
  return lines;
}

/// What a reader makes of the encoded words of a header.
std::string decoded(const std::string& header) {
  std::string text;
  for (auto at = header.find("=?UTF-8?B?"); at != std::string::npos; at = header.find("=?UTF-8?B?", at + 1)) {
    const auto start = at + 10;
    text += from_base64(header.substr(start, header.find("?=", start) - start)).value();
  }
  return text;
}

}  // namespace

TEST_CASE("a short subject in ASCII stands as it is, a long one is folded at blanks") {
  CHECK(text_header("Subject", "Set a new password") == "Subject: Set a new password");
  std::string subject;
  for (int i = 0; i < 40; ++i) subject += (i > 0 ? " word" : "word") + std::to_string(i);
  const std::string header = text_header("Subject", subject);
  std::string unfolded;
  for (const std::string& line : lines_of(header)) {
    CHECK(line.size() <= 78);
    unfolded += line;
  }
  CHECK(unfolded == "Subject: " + subject);
}

TEST_CASE("other subjects go in encoded words that cut no character and fit on their lines") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "Größe 入门 🎓 ";
  for (const std::string& subject : {std::string("Passwort für Übung"), text, std::string("=?UTF-8?B?QQ==?="),
                                     std::string("two  blanks"), std::string(200, 'x')}) {
    const std::string header = text_header("Subject", subject);
    CHECK(decoded(header) == subject);
    for (const std::string& line : lines_of(header)) {
      CHECK(line.size() <= 78);
      for (const char c : line) CHECK((c >= 0x20 && c < 0x7F));
    }
  }
}

TEST_CASE("a name stands in quotes before its address, or encoded") {
  CHECK(address_header("To", {"", "a@example.org"}) == "To: a@example.org");
  CHECK(address_header("To", {"School, The", "a@example.org"}) == "To: \"School, The\"\r\n <a@example.org>");
  CHECK(address_header("To", {R"(A "b" \c)", "a@example.org"}) == "To: \"A \\\"b\\\" \\\\c\"\r\n <a@example.org>");
  CHECK(address_header("From", {"Zoë", "a@example.org"}) == "From: =?UTF-8?B?Wm/Dqw==?=\r\n <a@example.org>");
}

TEST_CASE("dates are those of RFC 5322") {
  using namespace std::chrono;
  CHECK(date_header(sys_days{year{2026} / 1 / 1}) == "Date: Thu, 01 Jan 2026 00:00:00 +0000");
  CHECK(date_header(sys_days{year{2028} / 2 / 29} + 23h + 59min + 58s + 999ms) ==
        "Date: Tue, 29 Feb 2028 23:59:58 +0000");
}

TEST_CASE("a sender is an address, with or without a name") {
  CHECK(parse_mailbox("a@Example.org")->address == "a@example.org");
  CHECK(parse_mailbox("a@example.org")->name.empty());
  CHECK(parse_mailbox("The School <a@example.org>")->name == "The School");
  CHECK(parse_mailbox(" <a@example.org> ")->address == "a@example.org");
  CHECK(parse_mailbox(R"("School, \"The\"" <a@example.org>)")->name == "School, \"The\"");
  for (const char* text : {"", "School", "School a@example.org", "School <a@example.org> x", "<a@example.org",
                           "a@example.org>", "A\n<a@example.org>", R"("a"b" <a@example.org>)", "A <a@@example.org>",
                           R"("a\" <a@example.org>)", "A\xFF <a@example.org>"})
    CHECK_FALSE(parse_mailbox(text));
}

TEST_CASE("a mailer is not opened with options that contradict themselves") {
  const auto clock = std::make_shared<testing::FakeClock>();
  const SmtpOptions good{.host = "mail.example.org", .from = "a@example.org"};
  CHECK_NOTHROW(open_smtp_mailer(good, clock));
  const auto refused = [&](const auto& spoil) {
    SmtpOptions options = good;
    spoil(options);
    CHECK_THROWS_AS(open_smtp_mailer(options, clock), Error);
  };
  refused([](SmtpOptions& options) { options.host = ""; });
  refused([](SmtpOptions& options) { options.host = "user@mail.example.org"; });
  refused([](SmtpOptions& options) { options.host = "mail.example.org/x"; });
  refused([](SmtpOptions& options) { options.port = 0; });
  refused([](SmtpOptions& options) { options.username = "ada"; });
  refused([](SmtpOptions& options) { options.password = "secret"; });
  refused([](SmtpOptions& options) { options.from = "The School"; });
  refused([](SmtpOptions& options) { options.timeout = {}; });
  refused([](SmtpOptions& options) { options.ca_file = "/nowhere.pem"; });
}
