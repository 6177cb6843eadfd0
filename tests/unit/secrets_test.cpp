#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <system_error>

#include <lms/schema.hpp>
#include <lms/settings.hpp>
#include <lms/testing/seeded_random.hpp>

#include "support/scratch_folder.hpp"

namespace {

using namespace lms;

const std::string key = "0123456789abcdef0123456789abcdef";

/// Sources whose files are those given; what is not there cannot be read.
struct Sources : SettingSources {
  std::map<std::string, std::string> files;

  LoadedSettings load() {
    read_file = [this](const std::string& path, std::size_t most) {
      const auto found = files.find(path);
      if (found == files.end()) throw std::system_error(std::make_error_code(std::errc::permission_denied));
      return found->second.substr(0, most);
    };
    testing::SeededRandom random;
    return load_settings(*this, random);
  }

  /// The faults, one a line. A secret stands in none.
  std::string faults() {
    try {
      load();
      return {};
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid);
      std::string all;
      for (const Fault& fault : error.faults()) all += fault.message + "\n";
      CHECK(all.find("hidden") == std::string::npos);
      CHECK(all.find(key) == std::string::npos);
      return all;
    }
  }

  void use_vault(EnvironmentVariables values) {
    environment["USE_VAULT"] = "true";
    environment["VAULT_URL"] = "https://vault.example:8200";
    environment["VAULT_TOKEN"] = "hidden-token";
    ask_vault = [values = std::move(values)](const Settings&) { return values; };
  }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool says(const LoadedSettings& loaded, std::string_view text) {
  return std::any_of(loaded.warnings.begin(), loaded.warnings.end(),
                     [&](const SettingWarning& w) { return w.text.find(text) != std::string::npos; });
}

const EffectiveSetting& effective(const LoadedSettings& loaded, std::string_view name) {
  return *std::find_if(loaded.effective.begin(), loaded.effective.end(), [&](const auto& e) { return e.name == name; });
}

}  // namespace

TEST_CASE("a setting is read from the file that NAME_FILE names") {
  Sources sources;
  sources.environment = {{"SECRET_KEY_FILE", "/run/secrets/key"}, {"ADMIN_EMAIL", "a@example.org"}};
  sources.dotenv = "PORT_FILE=port\nADMIN_PASSWORD_FILE='pass word'\n";
  sources.files = {{"/run/secrets/key", key + "\n"}, {"port", "8001\r\n"}, {"pass word", " two words \n\n"}};
  const LoadedSettings loaded = sources.load();
  CHECK(loaded.settings.secret_key == key);
  CHECK(loaded.settings.port == 8001);
  CHECK(loaded.settings.admin_password == " two words \n");
  CHECK(loaded.warnings.empty());
  CHECK(effective(loaded, "SECRET_KEY").source == SettingSource::file);
  CHECK(effective(loaded, "SECRET_KEY").value == "********");
  CHECK(effective(loaded, "PORT").source == SettingSource::file);
  CHECK(effective(loaded, "PORT").value == "********");
  CHECK(name_of(SettingSource::file) == "file");

  Sources alias;
  alias.environment = {{"JWT_SECRET_FILE", "key"}};
  alias.files = {{"key", key}};
  CHECK(alias.load().settings.secret_key == key);
  CHECK(alias.load().warnings.empty());
  alias.environment["SECRET_KEY"] = key + "-another";
  CHECK(has(alias.faults(), "SECRET_KEY and JWT_SECRET mean the same setting but have different values"));
}

TEST_CASE("every fault of a file with a setting is told, with all others and once") {
  Sources sources;
  sources.environment = {{"ENVIRONMENT", "production"},   {"SECRET_KEY_FILE", "absent"}, {"DATABASE_URL_FILE", "empty"},
                         {"PORT_FILE", "large"},          {"HOST_FILE", "line-end"},     {"WORKERS_FILE", ""},
                         {"PROJECT_NAME_FILE", "binary"}, {"MAX_BODY_KB_FILE", "text"},  {"LOG_LEVEL", "loud"}};
  sources.dotenv = "\nJWT_ISSUER=a\nJWT_ISSUER_FILE=issuer\n";
  sources.files = {{"empty", ""},      {"large", std::string(64 * 1024 + 1, '1')},
                   {"line-end", "\n"}, {"binary", std::string("a\0b", 3)},
                   {"text", "hidden"}, {"issuer", "b"}};
  CHECK(sources.faults() ==
        "PROJECT_NAME_FILE in the environment names binary, which is no text\n"
        "HOST_FILE in the environment names line-end, which is empty\n"
        "PORT_FILE in the environment names large, which is larger than 64 KiB\n"
        "WORKERS_FILE in the environment names no file\n"
        "MAX_BODY_KB_FILE names a file whose text is not usable; it must be a whole number from 1 to 1048576\n"
        "DATABASE_URL_FILE in the environment names empty, which is empty\n"
        "SECRET_KEY_FILE in the environment names absent, which cannot be read: Permission denied\n"
        "JWT_ISSUER in .env line 2 and JWT_ISSUER_FILE in .env line 3 are both set; keep one of them\n"
        "LOG_LEVEL in the environment is \"loud\"; it must be one of debug, info, warning, error\n");
  sources.environment = {{"SECRET_KEY", key}, {"SECRET_KEY_FILE", "key"}};
  sources.dotenv.clear();
  sources.files = {{"key", key}};
  CHECK(sources.faults() ==
        "SECRET_KEY in the environment and SECRET_KEY_FILE in the environment are both set; keep one of them\n");
  sources.environment = {{"SECRET_KEY_FILE", "key"}};
  sources.files = {{"key", "hidden"}};
  CHECK(has(sources.faults(), "SECRET_KEY is shorter than 32 characters"));
  sources.files = {{"key", std::string(32, 'k') + std::string(64 * 1024 - 32, 'l')}};
  CHECK(sources.load().settings.secret_key.size() == 64 * 1024);
}

TEST_CASE("a file with a setting is read from disk, and no further than needed") {
  const testing::ScratchFolder folder;
  const std::string file = folder.file("key");
  std::ofstream(file) << key << "\n";
  testing::SeededRandom random;
  CHECK(load_settings({{"SECRET_KEY_FILE", file}}, {}, random).settings.secret_key == key);
  CHECK(read_start_of_file(file, 4) == "0123");
  CHECK(read_start_of_file("/dev/zero", 5) == std::string(5, '\0'));
  CHECK_THROWS_AS(read_start_of_file(folder.file("absent"), 5), std::system_error);
  CHECK_THROWS_AS(read_start_of_file(folder.file("."), 5), std::system_error);
}

TEST_CASE("a misspelt NAME_FILE of a secret is told") {
  Sources sources;
  sources.environment = {{"SECRET_KEY", key}, {"VAULT_TOKN_FILE", "x"}};
  CHECK(says(sources.load(), "VAULT_TOKN_FILE in the environment is no known setting; did you mean VAULT_TOKEN_FILE?"));
}

TEST_CASE("the command line goes over Vault, which goes over all else") {
  Sources sources;
  sources.environment = {
      {"PORT", "1"}, {"HOST", "h1"}, {"WORKERS", "wrong, but not looked at"}, {"SECRET_KEY_FILE", "absent"}};
  sources.dotenv = "PROJECT_NAME=School\n";
  sources.command_line = {{"DATABASE_URL", "sqlite://"}};
  sources.use_vault({{"PORT", "2"},
                     {"WORKERS", "3"},
                     {"JWT_SECRET", key},
                     {"DATABASE_URL", "sqlite:///hidden.db"},
                     {"SECRTE_KEY", "hidden"},
                     {"UPLOAD_DIR", "hidden"}});
  const LoadedSettings loaded = sources.load();
  CHECK(loaded.settings.port == 2);
  CHECK(loaded.settings.workers == 3);
  CHECK(loaded.settings.host == "h1");
  CHECK(loaded.settings.project_name == "School");
  CHECK(loaded.settings.secret_key == key);
  CHECK(loaded.settings.database_url == "sqlite://");
  CHECK(effective(loaded, "PORT").source == SettingSource::vault);
  CHECK(effective(loaded, "PORT").value == "********");
  CHECK(effective(loaded, "SECRET_KEY").source == SettingSource::vault);
  CHECK(effective(loaded, "DATABASE_URL").source == SettingSource::command_line);
  CHECK(effective(loaded, "VAULT_TOKEN").value == "********");
  CHECK(effective(loaded, "VAULT_URL").source == SettingSource::environment);
  CHECK(says(loaded, "SECRTE_KEY in Vault is no known setting; did you mean SECRET_KEY?"));
  CHECK(says(loaded, "UPLOAD_DIR is known, but"));
  CHECK(loaded.warnings.size() == 2);
  for (const SettingWarning& warning : loaded.warnings) CHECK_FALSE(has(warning.text, "hidden"));
}

TEST_CASE("Vault is told what the settings around it say") {
  Sources sources;
  sources.use_vault({});
  sources.environment.erase("VAULT_TOKEN");
  sources.environment.erase("VAULT_URL");
  sources.environment["VAULT_ADDR"] = "https://vault.example:8200";
  sources.environment["VAULT_TOKEN_FILE"] = "token";
  sources.environment["VAULT_NAMESPACE"] = "schools/north";
  sources.dotenv = "VAULT_MOUNT=kv\n";
  sources.files = {{"token", "hidden-token\n"}};
  Settings seen;
  sources.ask_vault = [&](const Settings& settings) {
    seen = settings;
    return EnvironmentVariables{{"SECRET_KEY", key}};
  };
  CHECK(sources.load().settings.secret_key == key);
  CHECK(seen.vault_url == "https://vault.example:8200");
  CHECK(seen.vault_token == "hidden-token");
  CHECK(seen.vault_mount == "kv");
  CHECK(seen.vault_path == "lms");
  CHECK(seen.vault_namespace == "schools/north");
}

TEST_CASE("values of Vault that cannot be used are refused without being shown") {
  Sources sources;
  sources.use_vault({{"PORT", "hidden"},
                     {"SECRET_KEY", key},
                     {"ENVIRONMENT", "production"},
                     {"VAULT_PATH", "elsewhere"},
                     {"VAULT_ADDR", "https://elsewhere.example"}});
  CHECK(sources.faults() ==
        "ENVIRONMENT cannot be set in Vault, because it is needed to ask Vault\n"
        "VAULT_ADDR cannot be set in Vault, because it is needed to ask Vault\n"
        "VAULT_PATH cannot be set in Vault, because it is needed to ask Vault\n"
        "PORT in Vault is not usable; it must be a whole number from 0 to 65535\n");
  sources.use_vault({{"SECRET_KEY", key}, {"JWT_SECRET", "hidden"}});
  CHECK(has(sources.faults(), "SECRET_KEY and JWT_SECRET mean the same setting but have different values"));
}

TEST_CASE("what is missing or wrong to ask Vault is told before it is asked") {
  Sources sources;
  sources.environment = {{"USE_VAULT", "true"}, {"ENVIRONMENT", "production"}, {"PORT", "eighty"}};
  CHECK(sources.faults() ==
        "USE_VAULT is true, but this program cannot ask Vault\n"
        "USE_VAULT is true, so VAULT_URL must be set too, for example https://vault.example.org:8200\n"
        "USE_VAULT is true, so VAULT_TOKEN or VAULT_TOKEN_FILE must be set too\n"
        "PORT in the environment is \"eighty\"; it must be a whole number from 0 to 65535\n");

  bool asked = false;
  sources.use_vault({});
  sources.ask_vault = [&](const Settings&) {
    asked = true;
    return EnvironmentVariables{{"SECRET_KEY", key}, {"DATABASE_URL", "sqlite://"}};
  };
  sources.environment.erase("PORT");
  for (const std::string path : {"", "/lms", "lms/", "a//b", "../sys", "a b", "a?b"}) {
    sources.environment["VAULT_PATH"] = path;
    CHECK(has(sources.faults(), "VAULT_PATH in the environment"));
  }
  sources.environment.erase("VAULT_PATH");
  sources.environment["VAULT_TOKEN"] = "hidden\r\nX: y";
  CHECK(has(sources.faults(), "VAULT_TOKEN in the environment is not usable"));
  sources.environment["VAULT_TOKEN"] = "hidden";
  for (const std::string url :
       {"http://vault.example:8200", "http://10.0.0.1:8200", "http://localhost.example", "http://127.0.0.1.example/"}) {
    CAPTURE(url);
    sources.environment["VAULT_URL"] = url.back() == '/' ? url.substr(0, url.size() - 1) : url;
    sources.environment["ENVIRONMENT"] = "staging";
    CHECK(has(sources.faults(), "VAULT_URL must begin with https:// in staging"));
  }
  CHECK_FALSE(asked);
  for (const std::string url :
       {"http://127.0.0.1:8200", "http://localhost", "http://[::1]:8200", "https://vault.example"}) {
    CAPTURE(url);
    sources.environment["VAULT_URL"] = url;
    CHECK(sources.faults().empty());
  }
  sources.environment["VAULT_URL"] = "http://vault.example:8200";
  sources.environment["ENVIRONMENT"] = "development";
  CHECK(sources.faults().empty());
  CHECK(asked);
}

TEST_CASE("without Vault development goes on, and nothing else does") {
  Sources sources;
  sources.use_vault({});
  sources.environment["SECRET_KEY"] = key;
  sources.environment["DATABASE_URL"] = "sqlite://";
  const auto away = [](const Settings&) -> EnvironmentVariables {
    throw unavailable("vault_unavailable", "it is sealed");
  };
  const auto refused = [](const Settings&) -> EnvironmentVariables {
    throw forbidden("vault_refused", "token not good");
  };

  sources.ask_vault = away;
  const LoadedSettings loaded = sources.load();
  CHECK(loaded.settings.secret_key == key);
  CHECK(says(loaded, "Vault gives no settings, so those from elsewhere count: it is sealed"));
  sources.ask_vault = refused;
  CHECK(says(sources.load(), "Vault gives no settings, so those from elsewhere count: token not good"));

  for (const std::string environment : {"staging", "production"}) {
    sources.environment["ENVIRONMENT"] = environment;
    CHECK(sources.faults() ==
          "Vault gives no settings, and " + environment + " does not start without: token not good\n");
    sources.ask_vault = away;
    try {
      sources.load();
      FAIL("it was to fail");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::unavailable);
      CHECK(error.reason() == "vault_unavailable");
      CHECK(has(error.what(), environment + " does not start without: it is sealed"));
    }
    sources.ask_vault = refused;
  }
}
