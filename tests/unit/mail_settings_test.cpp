#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <lms/settings.hpp>
#include <lms/testing/seeded_random.hpp>

namespace {

using namespace lms;

LoadedSettings load(EnvironmentVariables environment) {
  testing::SeededRandom random;
  environment["SECRET_KEY"] = "0123456789abcdef0123456789abcdef";
  return load_settings(environment, {}, random);
}

std::string faults(const EnvironmentVariables& environment) {
  try {
    load(environment);
    return {};
  } catch (const Error& error) {
    std::string all;
    for (const Fault& fault : error.faults()) all += fault.message + "\n";
    return all;
  }
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string warnings(const EnvironmentVariables& environment) {
  std::string all;
  for (const SettingWarning& warning : load(environment).warnings) all += warning.text + "\n";
  return all;
}

EnvironmentVariables with(EnvironmentVariables more) {
  more.insert({{"SMTP_HOST", "mail.example.org"}, {"EMAIL_FROM", "noreply@example.org"}});
  return more;
}

}  // namespace

TEST_CASE("mail is set by the names of several systems") {
  const Settings settings = load({{"SMTP_SERVER", "mail.example.org"},
                                  {"FROM_EMAIL", "School <noreply@example.org>"},
                                  {"SMTP_USERNAME", "ada"},
                                  {"EMAIL_HOST_PASSWORD", "open sesame"},
                                  {"SMTP_TIMEOUT_SECONDS", "5"}})
                                .settings;
  CHECK(settings.smtp_host == "mail.example.org");
  CHECK(settings.smtp_port == 587);
  CHECK(settings.email_from == "School <noreply@example.org>");
  CHECK(settings.smtp_password == "open sesame");
  CHECK(settings.smtp_timeout == std::chrono::seconds{5});
  CHECK(settings.smtp_use_tls);
  CHECK_FALSE(settings.smtp_use_ssl);
}

TEST_CASE("SMTP_USE_SSL turns STARTTLS off, unless both are asked for") {
  const Settings settings = load(with({{"SMTP_USE_SSL", "true"}, {"SMTP_PORT", "465"}})).settings;
  CHECK(settings.smtp_use_ssl);
  CHECK_FALSE(settings.smtp_use_tls);
  CHECK(has(faults(with({{"SMTP_USE_SSL", "true"}, {"SMTP_USE_TLS", "true"}})), "cannot both be true"));
}

TEST_CASE("settings of mail that contradict each other are faults") {
  CHECK(faults(with({})).empty());
  CHECK(has(faults({{"SMTP_HOST", "mail.example.org"}}), "EMAIL_FROM must be set too"));
  CHECK(has(faults(with({{"SMTP_USERNAME", "ada"}})), "SMTP_PASSWORD must be set too"));
  CHECK(has(faults(with({{"SMTP_PASSWORD", "open sesame"}})), "SMTP_USERNAME must be set too"));
  CHECK_FALSE(has(faults(with({{"SMTP_PASSWORD", "open sesame"}})), "sesame"));
  for (const char* host : {"smtp://mail.example.org", "mail.example.org:587", "ada@mail.example.org", "a b"})
    CHECK(has(faults({{"SMTP_HOST", host}, {"EMAIL_FROM", "a@example.org"}}), "SMTP_HOST in the environment"));
  for (const char* from : {"noreply", "A <noreply>", "A noreply@example.org"})
    CHECK(has(faults({{"EMAIL_FROM", from}}), "EMAIL_FROM in the environment"));
  for (const char* port : {"0", "65536", "smtp"}) CHECK(has(faults({{"SMTP_PORT", port}}), "SMTP_PORT"));
}

TEST_CASE("settings of mail that look wrong are warned of") {
  CHECK(warnings(with({})).empty());
  CHECK(has(warnings(with({{"SMTP_PORT", "465"}})), "SMTP_USE_SSL=true"));
  CHECK(has(warnings(with({{"SMTP_USE_TLS", "false"}})), "mails can be read"));
  CHECK(has(warnings(with({{"SMTP_USE_TLS", "false"}, {"SMTP_USERNAME", "ada"}, {"SMTP_PASSWORD", "x"}})),
            "mails and SMTP_PASSWORD can be read"));
  CHECK(has(warnings({{"SMTP_USERNAME", "ada"}, {"SMTP_PASSWORD", "x"}}), "mails are only logged"));
}

TEST_CASE("the password of the mail server is shown nowhere") {
  for (const EffectiveSetting& setting : load(with({{"SMTP_USERNAME", "ada"}, {"SMTP_PASSWORD", "sesame"}})).effective)
    CHECK_FALSE(has(setting.value, "sesame"));
}
