#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <lms/settings.hpp>
#include <lms/testing/seeded_random.hpp>

#include "settings/dotenv.hpp"
#include "settings/placeholder.hpp"
#include "support/keys.hpp"
#include "support/project_file.hpp"

namespace {

using namespace lms;

const std::string good_key = "0123456789abcdef0123456789abcdef";

LoadedSettings load(const EnvironmentVariables& environment, std::string_view dotenv = {}) {
  testing::SeededRandom random;
  return load_settings(environment, dotenv, random);
}

/// The faults of a load, one text a line; empty if it goes well.
std::string faults(const EnvironmentVariables& environment, std::string_view dotenv = {}) {
  try {
    load(environment, dotenv);
    return {};
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    std::string all;
    for (const Fault& fault : error.faults()) all += fault.message + "\n";
    return all;
  }
}

bool says(const std::vector<SettingWarning>& warnings, std::string_view text) {
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const SettingWarning& w) { return w.text.find(text) != std::string::npos; });
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const EffectiveSetting& effective(const LoadedSettings& loaded, std::string_view name) {
  return *std::find_if(loaded.effective.begin(), loaded.effective.end(), [&](const auto& e) { return e.name == name; });
}

}  // namespace

TEST_CASE("the environment goes over .env, which goes over the defaults") {
  const auto loaded = load({{"PORT", "9001"}, {"SECRET_KEY", good_key}}, "PORT=9000\nHOST=0.0.0.0\n");
  CHECK(loaded.settings.port == 9001);
  CHECK(loaded.settings.host == "0.0.0.0");
  CHECK(loaded.settings.workers == 0);
  CHECK(effective(loaded, "PORT").source == SettingSource::environment);
  CHECK(effective(loaded, "HOST").source == SettingSource::dotenv);
  CHECK(effective(loaded, "WORKERS").source == SettingSource::fallback);
  CHECK(loaded.warnings.empty());
}

TEST_CASE("every kind of setting is read from text") {
  const auto loaded = load({{"SECRET_KEY", good_key},
                            {"ENVIRONMENT", "Staging"},
                            {"DEBUG", "ON"},
                            {"ACCESS_TOKEN_EXPIRE_MINUTES", "5"},
                            {"REFRESH_TOKEN_EXPIRE_DAYS", "7"},
                            {"DB_SLOW_QUERY_MS", "0"},
                            {"ALLOWED_HOSTS", "a.example, b.example"},
                            {"TRUSTED_PROXIES", R"(["10.0.0.0/8", "::1"])"},
                            {"SQLITE_SYNCHRONOUS", "normal"},
                            {"LOG_LEVEL", "WARNING"},
                            {"DATABASE_URL", "sqlite://"}});
  const Settings& s = loaded.settings;
  CHECK(s.environment == Environment::staging);
  CHECK(s.debug);
  CHECK(s.access_token_lifetime == std::chrono::minutes(5));
  CHECK(s.refresh_token_lifetime == std::chrono::days(7));
  CHECK(s.db_slow_query == std::chrono::milliseconds(0));
  CHECK(s.allowed_hosts == std::vector<std::string>{"a.example", "b.example"});
  CHECK(s.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "::1"});
  CHECK(s.sqlite_synchronous == SqliteSynchronous::normal);
  CHECK(s.log_level == LogLevel::warning);
}

TEST_CASE("keys of encryption are one or a list, and masked") {
  const std::string first = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
  const std::string second = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  using Keys = std::vector<std::string>;
  const auto keys = [](const std::string& text) {
    const auto loaded = load({{"SECRET_KEY", good_key}, {"ENCRYPTION_KEY", text}});
    CHECK(effective(loaded, "ENCRYPTION_KEY").value == (text.empty() ? "" : "********"));
    return loaded.settings.encryption_keys;
  };
  CHECK(keys("") == Keys{});
  CHECK(keys(first) == Keys{first});
  CHECK(keys(first + ", " + second) == Keys{first, second});
  CHECK(load({{"SECRET_KEY", good_key}}).settings.encryption_keys.empty());
}

TEST_CASE("a bad key of encryption is told by its place, with the right form and without the key") {
  const std::string good = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
  const auto said = [](const std::string& text) {
    return faults({{"SECRET_KEY", good_key}, {"ENCRYPTION_KEY", text}});
  };
  CHECK(has(said("hunter2"), "ENCRYPTION_KEY is no Fernet key; it must be 44 characters of base64url"));
  CHECK(has(said(good + ",hunter2," + good), "ENCRYPTION_KEY, key 2 of 3, is no Fernet key"));
  CHECK(has(said("hunter2"), "lms-server crypto generate-key"));
  CHECK(has(said(good + ",,"), "ENCRYPTION_KEY in the environment is not usable"));
  for (const std::string& text : {std::string("hunter2"), good + ",hunter2", good + ",,hunter2"}) {
    CHECK_FALSE(has(said(text), "hunter2"));
    CHECK_FALSE(has(said(text), good));
  }
}

TEST_CASE("all faults are told at once, each with the name, the value and the accepted form") {
  const std::string text =
      faults({{"PORT", "eighty"}, {"WORKERS", "-1"}}, "\nDEBUG=perhaps\nTRUSTED_PROXIES=10.0.0.0/33\n");
  CHECK(has(text, "PORT in the environment is \"eighty\"; it must be a whole number from 0 to 65535"));
  CHECK(has(text, "WORKERS in the environment is \"-1\""));
  CHECK(has(text, "DEBUG in .env line 2 is \"perhaps\"; it must be true or false"));
  CHECK(has(text, "TRUSTED_PROXIES in .env line 3"));
}

TEST_CASE("values out of form are refused") {
  const std::pair<std::string, std::string> bad[] = {
      {"PORT", ""},
      {"PORT", "65536"},
      {"PORT", "80 "},
      {"PORT", "+80"},
      {"PROJECT_NAME", "School\r\nBcc: x@example.org"},
      {"JWT_ISSUER", "school\nSECRET=b"},
      {"API_V1_PREFIX", ""},
      {"API_V1_PREFIX", "api"},
      {"API_V1_PREFIX", "/api/"},
      {"API_V1_PREFIX", "/"},
      {"ALGORITHM", "none"},
      {"ALGORITHM", "RS512"},
      {"EMAIL_VERIFICATION_TOKEN_EXPIRE_MINUTES", "0"},
      {"MFA_CHALLENGE_TOKEN_EXPIRE_MINUTES", "61"},
      {"SECRET_KEY_PREVIOUS", "short"},
      {"JWT_PREVIOUS_KEYS", "no key"},
      {"PUBLIC_URL", "example"},
      {"PUBLIC_URL", "https://a.example/"},
      {"LOG_LEVEL", "loud"},
      {"ALLOWED_HOSTS", ""},
      {"ALLOWED_HOSTS", "a,,b"},
      {"ALLOWED_HOSTS", "[1]"},
      {"DATABASE_URL", "mysql://h/d"},
      {"ADMIN_EMAIL", "me"},
      {"TRUSTED_PROXIES", "proxy"},
      {"ALLOWED_HOSTS", "*.example.org"},
      {"ALLOWED_HOSTS", "example.org:8000"},
  };
  for (const auto& [name, value] : bad) {
    CAPTURE(name);
    CAPTURE(value);
    CHECK(has(faults({{name, value}}), name));
  }
}

TEST_CASE("a secret stands in no fault, no warning and no list of effective settings") {
  const std::string secret = "secret-0123456789abcdef0123456789";
  const std::string url = "postgresql://lms:" + secret + "@db:5432/lms";
  const auto loaded = load({{"SECRET_KEY", secret}, {"DATABASE_URL", url}});
  for (const auto& warning : loaded.warnings) CHECK_FALSE(has(warning.text, secret));
  for (const auto& setting : loaded.effective) CHECK_FALSE(has(setting.value, secret));
  CHECK(effective(loaded, "SECRET_KEY").value == "********");
  CHECK(effective(loaded, "DATABASE_URL").value == "postgresql://lms:********@db:5432/lms");
  const std::string text = faults({{"SECRET_KEY", "change-me-" + secret},
                                   {"ADMIN_PASSWORD", secret},
                                   {"ENVIRONMENT", "production"},
                                   {"DATABASE_URL", "my" + secret}});
  CHECK(has(text, "SECRET_KEY"));
  CHECK(has(text, "DATABASE_URL"));
  CHECK_FALSE(has(text, secret));
}

TEST_CASE("an alias sets its setting, and a contradiction is a fault") {
  CHECK(load({{"JWT_SECRET", good_key}}).settings.secret_key == good_key);
  CHECK(load({{"SECRET_KEY", good_key}}, "SQLALCHEMY_ECHO=yes").settings.db_echo);
  CHECK(faults({{"JWT_SECRET", good_key}, {"SECRET_KEY", good_key}}).empty());
  CHECK(has(faults({{"SECRET_KEY", good_key}}, "JWT_SECRET=another"),
            "SECRET_KEY and JWT_SECRET mean the same setting but have different values"));
}

TEST_CASE("an alias with a unit of its own is brought to the setting's") {
  const auto reset = [](const EnvironmentVariables& environment) {
    return load(environment).settings.password_reset_token_lifetime.count();
  };
  CHECK(reset({{"SECRET_KEY", good_key}}) == 30);
  CHECK(reset({{"SECRET_KEY", good_key}, {"RESET_TOKEN_EXPIRY_HOURS", "2"}}) == 120);
  CHECK(reset({{"SECRET_KEY", good_key},
               {"RESET_TOKEN_EXPIRY_HOURS", "2"},
               {"PASSWORD_RESET_TOKEN_EXPIRE_MINUTES", "120"}}) == 120);
  CHECK(has(faults({{"RESET_TOKEN_EXPIRY_HOURS", "2"}, {"PASSWORD_RESET_TOKEN_EXPIRE_MINUTES", "2"}}),
            "PASSWORD_RESET_TOKEN_EXPIRE_MINUTES and RESET_TOKEN_EXPIRY_HOURS mean the same setting"));
  for (const char* bad : {"169", "0", "-1", "1.5", "", "153722867280912931", "-9223372036854775808"}) {
    CAPTURE(bad);
    CHECK(has(faults({{"RESET_TOKEN_EXPIRY_HOURS", bad}}), "RESET_TOKEN_EXPIRY_HOURS in the environment is "));
  }
  CHECK(has(faults({{"RESET_TOKEN_EXPIRY_HOURS", "169"}}),
            "is \"169\"; it must be, times 60, a whole number from 1 to 10080"));
  CHECK(has(settings_markdown(), "Also read as `RESET_TOKEN_EXPIRY_HOURS`, times 60."));
}

TEST_CASE("the algorithm says which key is needed") {
  const std::string key(test::ed25519_pem);
  const EnvironmentVariables good = {{"ENVIRONMENT", "production"},
                                     {"DATABASE_URL", "sqlite:////var/lib/lms/lms.db"},
                                     {"ALGORITHM", "EdDSA"},
                                     {"JWT_PRIVATE_KEY", key}};
  const auto with = [&](const std::string& name, const std::string& value) {
    EnvironmentVariables changed = good;
    changed[name] = value;
    return changed;
  };
  const auto loaded = load(good);
  CHECK(loaded.settings.algorithm == TokenAlgorithm::eddsa);
  CHECK(loaded.settings.secret_key.empty());
  CHECK(loaded.warnings.empty());
  CHECK(effective(loaded, "JWT_PRIVATE_KEY").value == "********");

  CHECK(has(faults(with("JWT_PRIVATE_KEY", "")), "JWT_PRIVATE_KEY is not set, but ALGORITHM is EdDSA"));
  CHECK(has(faults(with("ALGORITHM", "RS256")), "JWT_PRIVATE_KEY is a key of Ed25519, but ALGORITHM is RS256"));
  CHECK(has(faults(with("ALGORITHM", "HS256")), "SECRET_KEY must be set in production"));
  CHECK(says(load(with("SECRET_KEY", good_key)).warnings, "SECRET_KEY has no use while ALGORITHM is EdDSA"));

  EnvironmentVariables moving = with("SECRET_KEY", good_key);
  moving["SECRET_KEY_PREVIOUS"] = good_key;
  CHECK(load(moving).warnings.empty());
  CHECK(says(load({{"SECRET_KEY", good_key}, {"JWT_PRIVATE_KEY", key}}).warnings,
             "JWT_PRIVATE_KEY has no use while ALGORITHM is HS256"));

  const std::string all = faults({{"ALGORITHM", "RS256"},
                                  {"JWT_PRIVATE_KEY", std::string(test::short_rsa_pem)},
                                  {"JWT_PREVIOUS_KEYS", std::string(test::elliptic_pem)},
                                  {"SECRET_KEY_PREVIOUS", "short," + good_key},
                                  {"PORT", "eighty"}});
  for (const char* part :
       {"JWT_PRIVATE_KEY is an RSA key of 1024 bits", "JWT_PREVIOUS_KEYS is a key of another kind (EC)",
        "A secret in SECRET_KEY_PREVIOUS is shorter than 32 characters", "PORT in the environment"})
    CHECK(has(all, part));
  CHECK_FALSE(has(all, test::short_rsa_pem.substr(40, 16)));
}

TEST_CASE("a public key is no secret") {
  const std::string pem(test::rsa_public_pem);
  CHECK(has(faults({{"SECRET_KEY", pem}}), "SECRET_KEY is a key in PEM"));
  CHECK(has(faults({{"SECRET_KEY", good_key}, {"SECRET_KEY_PREVIOUS", pem}}),
            "A secret in SECRET_KEY_PREVIOUS is a key in PEM"));
}

TEST_CASE("keys stand in .env with their lines, or as one line") {
  const std::string key(test::ed25519_pem);
  std::string one_line;
  for (const char c : key) one_line += c == '\n' ? "\\n" : std::string(1, c);
  for (const std::string& value : {"'" + key + "'", "\"" + one_line + "\"", one_line}) {
    CAPTURE(value);
    CHECK(load({}, "ALGORITHM=eddsa\nJWT_PRIVATE_KEY=" + value + "\n").settings.algorithm == TokenAlgorithm::eddsa);
  }
  const auto previous =
      load({{"SECRET_KEY", good_key}, {"SECRET_KEY_PREVIOUS", R"([")" + good_key + R"(, with comma"])"}});
  CHECK(previous.settings.secret_key_previous == std::vector<std::string>{good_key + ", with comma"});
}

TEST_CASE("production wants a strong key and a database, and no debug") {
  const std::string bare = faults({{"ENVIRONMENT", "production"}, {"DEBUG", "true"}});
  CHECK(has(bare, "SECRET_KEY must be set in production"));
  CHECK(has(bare, "DATABASE_URL must be set in production"));
  CHECK(has(bare, "DEBUG must be false in production"));

  const EnvironmentVariables good{
      {"ENVIRONMENT", "production"}, {"SECRET_KEY", good_key}, {"DATABASE_URL", "sqlite:////var/lib/lms/lms.db"}};
  CHECK(faults(good).empty());
  const auto with = [&](const std::string& key, const std::string& environment) {
    auto changed = good;
    changed["SECRET_KEY"] = key;
    changed["ENVIRONMENT"] = environment;
    return changed;
  };
  for (const std::string key :
       {"default-secret-key-change-in-production", "CHANGE-ME-0123456789abcdef0123456789abcdef",
        "Your_production_secret_key_0123456789", "django-insecure-0123456789abcdef0123456789abcdef",
        "${SECRET_KEY:-0123456789abcdef0123456789abcdef}", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    CAPTURE(key);
    CHECK(has(faults(with(key, "production")), "SECRET_KEY is a placeholder"));
    CHECK(has(faults(with(key, "staging")), "SECRET_KEY is a placeholder"));
    CHECK(says(load(with(key, "development")).warnings, "SECRET_KEY is a placeholder"));
  }
  // Those of the documents that other systems of the kind come with.
  for (const std::string key : {"your-production-secret-key", "your-secret-key", "your-jwt-secret-here",
                                "your-encryption-key-here", "Strong random string"}) {
    CAPTURE(key);
    CHECK(is_placeholder(key));
    for (const std::string environment : {"production", "staging", "development"})
      CHECK(has(faults(with(key, environment)), "SECRET_KEY is shorter than 32 characters"));
  }

  auto staging = good;
  staging["ENVIRONMENT"] = "staging";
  staging["DEBUG"] = "1";
  CHECK(faults(staging).empty());
}

TEST_CASE("a blacklist that is out lets nobody in where it matters, unless told so") {
  const auto closed = [&](const std::string& environment, const EnvironmentVariables& more = {}) {
    EnvironmentVariables all{
        {"ENVIRONMENT", environment}, {"SECRET_KEY", good_key}, {"DATABASE_URL", "sqlite:////var/lib/lms/lms.db"}};
    all.insert(more.begin(), more.end());
    const auto loaded = load(all);
    CHECK(effective(loaded, "ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED").value ==
          (*loaded.settings.access_token_blacklist_fail_closed ? "true" : "false"));
    return *loaded.settings.access_token_blacklist_fail_closed;
  };
  const std::string name = "ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED";
  CHECK(closed("production"));
  CHECK(closed("staging"));
  CHECK_FALSE(closed("development"));
  CHECK(closed("production", {{name, ""}}));
  CHECK_FALSE(closed("production", {{name, "no"}}));
  CHECK(closed("development", {{name, "1"}}));
  CHECK(has(faults({{name, "perhaps"}}), name + " in the environment is \"perhaps\"; it must be empty, true or false"));
}

TEST_CASE("a session may not end before its access tokens do") {
  CHECK(has(faults({{"SESSION_TIMEOUT_HOURS", "1"}, {"ACCESS_TOKEN_EXPIRE_MINUTES", "61"}}),
            "SESSION_TIMEOUT_HOURS is 1, which is shorter than the life of an access token "
            "(ACCESS_TOKEN_EXPIRE_MINUTES, 61)"));
  CHECK(faults({{"SESSION_TIMEOUT_HOURS", "1"}, {"ACCESS_TOKEN_EXPIRE_MINUTES", "60"}}).empty());
  CHECK(faults({{"SESSION_TIMEOUT_HOURS", "0"}, {"ACCESS_TOKEN_EXPIRE_MINUTES", "10080"}}).empty());
}

TEST_CASE("development makes a random key and says so") {
  const auto loaded = load({});
  CHECK(loaded.settings.secret_key.size() >= 32);
  CHECK(effective(loaded, "SECRET_KEY").source == SettingSource::generated);
  CHECK(says(loaded.warnings, "SECRET_KEY is not set"));
}

TEST_CASE("the first admin needs both an address and a good password") {
  CHECK(has(faults({{"ADMIN_EMAIL", "a@example.org"}}), "ADMIN_PASSWORD must be set too"));
  CHECK(has(faults({{"ADMIN_PASSWORD", "long enough"}}), "ADMIN_EMAIL must be set too"));
  CHECK(has(faults({{"ADMIN_EMAIL", "a@example.org"}, {"ADMIN_PASSWORD", "short"}}), "at least 8 characters"));
  CHECK(has(faults({{"ADMIN_EMAIL", "a@example.org"}, {"ADMIN_PASSWORD", "Password1!"}}), "anybody would guess"));
}

TEST_CASE("names that set nothing are never passed over in silence") {
  const auto loaded = load({{"SECRET_KEY", good_key},
                            {"UPLOAD_DIR", "files"},
                            {"CELERY_BROKER_URL", "redis://localhost"},
                            {"DATABSE_URL", "sqlite:///x.db"},
                            {"HOME", "/root"},
                            {"PATH", "/bin"}},
                           "PROT=80\nport=80\nSOMETHING_ELSE_ENTIRELY=1\n");
  CHECK(says(loaded.warnings, "UPLOAD_DIR is known, but this release has no use for it yet"));
  CHECK(says(loaded.warnings, "CELERY_BROKER_URL has no use here: jobs are kept in the database"));
  CHECK(says(loaded.warnings, "DATABSE_URL in the environment is no known setting; did you mean DATABASE_URL?"));
  CHECK(says(loaded.warnings, "PROT in .env line 1 is no known setting; did you mean PORT?"));
  CHECK(says(loaded.warnings, "port in .env line 2 is no known setting; did you mean PORT?"));
  CHECK(says(loaded.warnings, "SOMETHING_ELSE_ENTIRELY in .env line 3 is no known setting"));
  CHECK(loaded.warnings.size() == 6);
}

TEST_CASE(".env is read with comments, quotes and escapes") {
  const auto parsed = parse_dotenv(
      "\xEF\xBB\xBF# a comment\r\n"
      "PLAIN = a value # said\r\n"
      "  export HASH=a#b\n"
      "EMPTY=\n"
      "SINGLE='a \\n # $X'# said\n"
      "DOUBLE=\"a\\tb \\\"c\\\" \\$X\"\n"
      "LINES=\"one\ntwo\"\n"
      "LAST=x");
  CHECK(parsed.faults.empty());
  CHECK(parsed.warnings.empty());
  std::string all;
  for (const auto& entry : parsed.entries)
    all += std::to_string(entry.line) + " " + entry.name + "=<" + entry.value + ">\n";
  CHECK(all ==
        "2 PLAIN=<a value>\n3 HASH=<a#b>\n4 EMPTY=<>\n5 SINGLE=<a \\n # $X>\n6 DOUBLE=<a\tb \"c\" $X>\n"
        "7 LINES=<one\ntwo>\n9 LAST=<x>\n");
}

TEST_CASE("what .env gets wrong is told with its line and without its value") {
  const auto parsed = parse_dotenv(
      "no equals sign here secret\n"
      "1NAME=secret\n"
      "A='secret' secret\n"
      "B=\"\\q secret\"\n"
      "C=${SECRET}\n"
      "D='secret\n");
  REQUIRE(parsed.faults.size() == 5);
  CHECK(parsed.faults[0] == ".env line 1 is not of the form NAME=value");
  CHECK(parsed.faults[1] == ".env line 2 is not of the form NAME=value");
  CHECK(parsed.faults[2] == ".env line 3 has text after the closing quote");
  CHECK(has(parsed.faults[3], ".env line 4 has an unknown escape"));
  CHECK(parsed.faults[4] == ".env line 6 opens a single quote that is never closed");
  REQUIRE(parsed.warnings.size() == 1);
  CHECK(has(parsed.warnings[0], ".env line 5 has a `$` that is taken as it stands"));
  for (const auto& fault : parsed.faults) CHECK_FALSE(has(fault, "secret"));
}

TEST_CASE("a name that .env repeats is warned of, and the last line counts") {
  const auto loaded = load({{"SECRET_KEY", good_key}}, "PORT=1\nPORT=2\n");
  CHECK(loaded.settings.port == 2);
  CHECK(says(loaded.warnings, "PORT stands twice in .env, in lines 1 and 2"));
}

TEST_CASE("DATABASE_URL names a file, memory or a PostgreSQL server") {
  using Kind = DatabaseUrl::Kind;
  CHECK(parse_database_url("sqlite:///lms.db").path == "lms.db");
  CHECK(parse_database_url("sqlite:////var/lms.db").path == "/var/lms.db");
  CHECK(parse_database_url("sqlite+aiosqlite:///lms.db").path == "lms.db");
  CHECK(parse_database_url("sqlite://").path.empty());
  CHECK(parse_database_url("sqlite:///:memory:").path.empty());
  for (const std::string scheme : {"postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg2"}) {
    const auto url = parse_database_url(scheme + "://u:p@h:5432/d");
    CHECK(url.kind == Kind::postgres);
    CHECK(url.url == "postgresql://u:p@h:5432/d");
  }
  for (const std::string bad : {"", "lms.db", "sqlite:lms.db", "sqlite:///", "sqlite:///dir/", "sqlite://host/x",
                                "sqlite:///a.db?mode=ro", "postgresql://", "mysql://h/d"})
    CHECK_THROWS_AS(parse_database_url(bad), Error);
}

TEST_CASE("the defaults are what the table would read") {
  const auto loaded = load({{"SECRET_KEY", good_key}});
  EnvironmentVariables written;
  for (const auto& setting : loaded.effective) written[setting.name] = setting.value;
  written["SECRET_KEY"] = good_key;
  const auto again = load(written);
  for (std::size_t i = 0; i < loaded.effective.size(); ++i)
    CHECK(again.effective[i].value == loaded.effective[i].value);
}

TEST_CASE("security headers that cannot be sent are named") {
  const auto read = [](const std::string& text) {
    return load({{"SECRET_KEY", good_key}, {"SECURITY_HEADERS", text}}, "").settings.security_headers;
  };
  const auto headers = read(R"({"x-frame-options": "SAMEORIGIN", "Permissions-Policy": null})");
  REQUIRE(headers.size() == 2);
  CHECK(headers[0].name == "X-Frame-Options");
  CHECK(headers[0].value == "SAMEORIGIN");
  CHECK_FALSE(headers[1].value);
  for (const char* text :
       {"SAMEORIGIN", "[]", R"({"Content-Length": "1"})", R"({"X-Frame-Options": 1})", R"({"X-Frame-Options": ""})",
        R"({"X-Frame-Options": "a\r\nb: c"})", R"({"X-Frame-Options": "é"})"})
    CHECK_THROWS_AS(read(text), Error);
}

TEST_CASE("docs/settings.md and .env.example are what the table of settings makes") {
  const bool page_is_current = test::project_file("docs/settings.md") == settings_markdown();
  CHECK_MESSAGE(page_is_current, "run: lms-server config --markdown > docs/settings.md");
  const bool example_is_current = test::project_file(".env.example") == settings_example();
  CHECK_MESSAGE(example_is_current, "run: lms-server config --example > .env.example");
}

TEST_CASE("the example file is a good .env that sets nothing") {
  const auto loaded = load({{"SECRET_KEY", good_key}}, settings_example());
  CHECK(loaded.warnings.empty());
  for (const auto& setting : loaded.effective)
    if (setting.name != "SECRET_KEY") CHECK(setting.source == SettingSource::fallback);
}
