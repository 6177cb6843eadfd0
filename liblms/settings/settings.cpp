#include <lms/settings.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lms/fernet.hpp>
#include <lms/schema.hpp>
#include <lms/spi/random.hpp>

#include "base/ip_address.hpp"
#include "base/nearest.hpp"
#include "base/signing_key.hpp"
#include "base/utf8.hpp"
#include "base/weak_password.hpp"
#include "settings/dotenv.hpp"
#include "settings/placeholder.hpp"
#include "settings/table.hpp"

namespace lms {

namespace {

constexpr std::size_t shortest_secret_key = 32;
constexpr std::size_t largest_file = 64UL * 1024;
constexpr std::string_view mask = "********";
constexpr std::string_view file_ending = "_FILE";

/// Names that every shell sets and that only look like a misspelt setting.
constexpr std::string_view ordinary_names[] = {"HOME"};

struct Given {
  std::string_view name;  ///< the spelling used: the setting's name or an alias
  std::string_view value;
  SettingSource source;
  std::size_t line;        ///< of `.env`
  std::int64_t times = 1;  ///< to the setting's unit

  /// As the setting itself would be given. What is no number stays as it is and is refused by that.
  std::string converted() const {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (times == 1 || error != std::errc{} || end != value.data() + value.size()) return std::string(value);
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    if (number > most / times) return std::to_string(most);
    if (number < -(most / times)) return std::to_string(-most);
    return std::to_string(number * times);
  }

  std::string place() const {
    switch (source) {
      case SettingSource::dotenv:
        return "in .env line " + std::to_string(line);
      case SettingSource::vault:
        return "in Vault";
      case SettingSource::command_line:
        return "on the command line";
      default:
        return "in the environment";
    }
  }
};

std::string without_password(const std::string& url) {
  const auto scheme = url.find("://");
  const auto at = url.rfind('@');
  if (scheme == std::string::npos || at == std::string::npos) return url;
  const auto colon = url.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon + 1) + std::string(mask) + url.substr(at);
}

std::string shown(const Setting& setting, const Settings& settings, SettingSource source) {
  std::string value = setting.write(settings);
  const bool was_kept_apart = source == SettingSource::vault || source == SettingSource::file;
  if (was_kept_apart && !value.empty()) return std::string(mask);
  switch (setting.secrecy) {
    case Secrecy::open:
      return value;
    case Secrecy::password_in_url:
      return without_password(value);
    case Secrecy::secret:
      return value.empty() ? value : std::string(mask);
  }
  return {};
}

class Loader {
 public:
  Loader(const SettingSources& given, Random& random)
      : given_(given), dotenv_(parse_dotenv(given.dotenv)), random_(random) {}

  LoadedSettings load() && {
    for (const std::string& text : dotenv_.faults) fault(".env", text, "value_error.dotenv");
    for (const std::string& text : dotenv_.warnings) warn("", text);
    drop_repeated();
    read_rows([](const Setting& setting) { return setting.before_vault; });
    check_vault();
    ask_vault();
    read_rows([](const Setting& setting) { return !setting.before_vault; });
    if (loaded_.settings.use_vault && !vault_was_asked_) throw invalid(std::move(faults_));
    check_secret_key();
    check_encryption_keys();
    check_signing_keys();
    check_environment();
    check_admin();
    check_sessions();
    check_hsts();
    check_origins();
    check_mail();
    if (!faults_.empty()) throw invalid(std::move(faults_));
    note_unused_names();
    for (const SettingSection& section : setting_table())
      for (const Setting& setting : section.settings) {
        const SettingSource source = source_of(setting.name);
        loaded_.effective.push_back({std::string(setting.name), shown(setting, loaded_.settings, source), source});
      }
    return std::move(loaded_);
  }

 private:
  /// Of a name that `.env` repeats the last line counts.
  void drop_repeated() {
    std::vector<DotenvEntry> kept;
    for (DotenvEntry& entry : dotenv_.entries) {
      const auto same = std::find_if(kept.begin(), kept.end(), [&](const auto& k) { return k.name == entry.name; });
      if (same == kept.end()) {
        kept.push_back(std::move(entry));
        continue;
      }
      warn(entry.name, entry.name + " stands twice in .env, in lines " + std::to_string(same->line) + " and " +
                           std::to_string(entry.line) + "; the last one counts");
      *same = std::move(entry);
    }
    dotenv_.entries = std::move(kept);
  }

  template <class Wanted>
  void read_rows(Wanted wanted) {
    for (const SettingSection& section : setting_table())
      for (const Setting& setting : section.settings)
        if (wanted(setting)) read(setting);
  }

  void read(const Setting& setting) {
    for (const Layer layer : {&Loader::on_command_line, &Loader::in_vault, &Loader::in_surroundings}) {
      const auto chosen = pick(setting, layer);
      if (!chosen) continue;
      sources_[setting.name] = chosen->source;
      if (!setting.read(loaded_.settings, chosen->converted()))
        fault(setting.name, complaint(setting, *chosen), "value_error.setting");
      return;
    }
  }

  // --- where a value comes from ---

  using Layer = std::optional<Given> (Loader::*)(std::string_view name);

  /// What one layer says, under any name of the setting.
  std::optional<Given> pick(const Setting& setting, Layer layer) {
    std::optional<Given> chosen = (this->*layer)(setting.name);
    for (const Alias& alias : setting.aliases) {
      auto other = (this->*layer)(alias.name);
      if (!other) continue;
      other->times = alias.times;
      if (!chosen)
        chosen = other;
      else if (chosen->converted() != other->converted())
        fault(setting.name,
              std::string(chosen->name) + " and " + std::string(alias.name) +
                  " mean the same setting but have different "
                  "values; keep one of them",
              "value_error.setting_twice");
    }
    return chosen;
  }

  std::optional<Given> on_command_line(std::string_view name) {
    return in(given_.command_line, name, SettingSource::command_line);
  }

  std::optional<Given> in_vault(std::string_view name) { return in(vault_, name, SettingSource::vault); }

  /// In the environment over `.env`, as a value or as the name of a file.
  std::optional<Given> in_surroundings(std::string_view name) {
    const auto value = written(name);
    const auto file = written(std::string(name).append(file_ending));
    if (!file) return value;
    if (!value) return in_file(name, *file);
    fault(name,
          std::string(name) + " " + value->place() + " and " + std::string(file->name) + " " + file->place() +
              " are both set; keep one of them",
          "value_error.setting_twice");
    return value;
  }

  std::optional<Given> written(std::string_view name) const {
    if (auto found = in(given_.environment, name, SettingSource::environment)) return found;
    for (const DotenvEntry& entry : dotenv_.entries)
      if (entry.name == name) return Given{entry.name, entry.value, SettingSource::dotenv, entry.line};
    return std::nullopt;
  }

  static std::optional<Given> in(const EnvironmentVariables& values, std::string_view name, SettingSource source) {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return Given{found->first, found->second, source, 0};
  }

  std::optional<Given> in_file(std::string_view name, const Given& file) {
    std::string text, wrong;
    try {
      text = given_.read_file(std::string(file.value), largest_file + 1);
      const bool is_too_large = text.size() > largest_file;
      if (text.ends_with('\n')) text.pop_back();
      if (text.ends_with('\r')) text.pop_back();
      if (is_too_large)
        wrong = "is larger than 64 KiB";
      else if (text.empty())
        wrong = "is empty";
      else if (text.find('\0') != std::string::npos)
        wrong = "is no text";
    } catch (const std::system_error& error) {
      wrong = "cannot be read: " + error.code().message();
    }
    if (wrong.empty()) return Given{name, file_texts_[name] = std::move(text), SettingSource::file, file.line};
    fault(name,
          std::string(file.name) + " " + file.place() + " names " +
              (file.value.empty() ? "no file" : std::string(cut_utf8(file.value, 200)) + ", which " + wrong),
          "value_error.setting_file");
    return std::nullopt;
  }

  static std::string complaint(const Setting& setting, const Given& given) {
    const bool is_from_file = given.source == SettingSource::file;
    const bool may_be_shown = setting.secrecy == Secrecy::open && !is_from_file && given.source != SettingSource::vault;
    std::string text(given.name);
    text += is_from_file ? "_FILE names a file whose text" : " " + given.place();
    if (given.value.empty())
      text += " is empty";
    else if (may_be_shown)
      text += " is \"" + std::string(cut_utf8(given.value, 100)) + "\"";
    else
      text += " is not usable";
    const std::string unit = given.times == 1 ? "" : ", times " + std::to_string(given.times) + ",";
    return text + "; it must be" + unit + " " + setting.form;
  }

  SettingSource source_of(std::string_view name) const {
    const auto found = sources_.find(name);
    return found == sources_.end() ? SettingSource::fallback : found->second;
  }

  bool is_faulty(std::string_view name) const {
    return std::any_of(faults_.begin(), faults_.end(), [&](const Fault& each) { return setting_of(each) == name; });
  }
  static std::string_view setting_of(const Fault& each) {
    const auto* name = each.loc.size() > 1 ? std::get_if<std::string>(&each.loc[1]) : nullptr;
    return name ? std::string_view(*name) : std::string_view();
  }

  bool is_development() const { return loaded_.settings.environment == Environment::development; }

  // --- Vault ---

  void check_vault() {
    const Settings& settings = loaded_.settings;
    if (!settings.use_vault) return;
    if (!given_.ask_vault)
      fault("USE_VAULT", "USE_VAULT is true, but this program cannot ask Vault", "value_error.setting");
    if (settings.vault_url.empty() && !is_faulty("VAULT_URL"))
      fault("VAULT_URL", "USE_VAULT is true, so VAULT_URL must be set too, for example https://vault.example.org:8200",
            "value_error.missing");
    if (settings.vault_token.empty() && !is_faulty("VAULT_TOKEN"))
      fault("VAULT_TOKEN", "USE_VAULT is true, so VAULT_TOKEN or VAULT_TOKEN_FILE must be set too",
            "value_error.missing");
    if (!is_development() && settings.vault_url.starts_with("http://") && !is_this_machine(settings.vault_url))
      fault("VAULT_URL",
            "VAULT_URL must begin with https:// in " + std::string(name_of(settings.environment)) +
                ": otherwise everybody on the way reads the token and all secrets",
            "value_error.setting");
  }

  static bool is_this_machine(std::string_view url) {
    std::string_view host = url.substr(url.find("://") + 3);
    host = host.substr(0, host.find('/'));
    host = host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
    const auto address = IpAddress::parse(host);
    return host == "localhost" || (address && address->is_loopback());
  }

  void ask_vault() {
    const Settings& settings = loaded_.settings;
    vault_was_asked_ = settings.use_vault && std::none_of(faults_.begin(), faults_.end(), keeps_from_vault);
    if (!vault_was_asked_) return;
    try {
      vault_ = given_.ask_vault(settings);
    } catch (const Error& error) {
      const std::string cause = error.faults().empty() ? error.what() : error.faults().front().message;
      if (is_development())
        return warn("USE_VAULT", "Vault gives no settings, so those from elsewhere count: " + cause);
      const std::string text = "Vault gives no settings, and " + std::string(name_of(settings.environment)) +
                               " does not start without: " + cause;
      if (error.code() == ErrorCode::unavailable) throw unavailable(error.reason(), text);
      fault("USE_VAULT", text, "value_error.vault");
      throw invalid(std::move(faults_));
    }
    for (const SettingSection& section : setting_table())
      for (const Setting& setting : section.settings)
        if (const auto found = pick(setting, &Loader::in_vault); found && setting.before_vault)
          fault(setting.name, std::string(found->name) + " cannot be set in Vault, because it is needed to ask Vault",
                "value_error.setting");
  }

  static bool keeps_from_vault(const Fault& each) {
    const std::string_view name = setting_of(each);
    return name.starts_with("VAULT_") || name == "USE_VAULT" || name == "ENVIRONMENT";
  }

  void check_secret_key() {
    if (is_faulty("SECRET_KEY")) return;
    std::string& key = loaded_.settings.secret_key;
    if (loaded_.settings.algorithm != TokenAlgorithm::hs256) {
      if (!key.empty()) note_unused_secret_key();
    } else if (key.empty() && !is_development()) {
      fault("SECRET_KEY",
            "SECRET_KEY must be set in " + std::string(name_of(loaded_.settings.environment)) +
                ": a text of at least 32 characters, such as `openssl rand -base64 48` prints",
            "value_error.missing");
    } else if (key.empty()) {
      key = random_.token(48);
      sources_["SECRET_KEY"] = SettingSource::generated;
      warn("SECRET_KEY",
           "SECRET_KEY is not set: a random one was made, and tokens are good only until this process ends");
    } else {
      check_secret("SECRET_KEY", "SECRET_KEY", key, "; make one with `openssl rand -base64 48`");
    }
  }

  void check_secret(std::string_view name, const std::string& subject, std::string_view secret,
                    const std::string& advice) {
    if (count_code_points(secret) < shortest_secret_key) {
      fault(name, subject + " is shorter than 32 characters" + advice, "value_error.weak_secret");
    } else if (is_pem(secret)) {
      fault(name,
            subject + " is a key in PEM, which may be known to others" + advice +
                "; the keys of EdDSA and RS256 are JWT_PRIVATE_KEY and JWT_PREVIOUS_KEYS",
            "value_error.weak_secret");
    } else if (is_placeholder(secret)) {
      const std::string text = subject + " is a placeholder from a document" + advice;
      if (is_development())
        warn(name, text + "; it is let pass in development only");
      else
        fault(name, text, "value_error.weak_secret");
    }
  }

  /// It would be easy to believe that what it has signed stays good.
  void note_unused_secret_key() {
    const Settings& settings = loaded_.settings;
    const auto& previous = settings.secret_key_previous;
    if (std::find(previous.begin(), previous.end(), settings.secret_key) != previous.end()) return;
    warn("SECRET_KEY", "SECRET_KEY has no use while ALGORITHM is " + std::string(name_of(settings.algorithm)) +
                           "; if it signed tokens that shall stay good until they expire, set it as "
                           "SECRET_KEY_PREVIOUS");
  }

  void check_signing_keys() {
    const Settings& settings = loaded_.settings;
    for (const std::string& secret : settings.secret_key_previous)
      check_secret("SECRET_KEY_PREVIOUS", "A secret in SECRET_KEY_PREVIOUS", secret, "");

    const std::string_view pem = settings.jwt_private_key;
    if (settings.algorithm == TokenAlgorithm::hs256) {
      if (!pem.empty())
        warn("JWT_PRIVATE_KEY",
             "JWT_PRIVATE_KEY has no use while ALGORITHM is HS256; if it signed tokens that shall "
             "stay good until they expire, set it as JWT_PREVIOUS_KEYS");
    } else {
      keep_faults([&] { read_private_key("JWT_PRIVATE_KEY", pem, settings.algorithm); });
    }
    keep_faults([&] { read_keys("JWT_PREVIOUS_KEYS", settings.jwt_previous_keys); });
  }

  template <class Check>
  void keep_faults(const Check& check) {
    try {
      check();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid) throw;
      faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
    }
  }

  void check_encryption_keys() {
    const std::vector<std::string>& keys = loaded_.settings.encryption_keys;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (Fernet::is_key(keys[i])) continue;
      const std::string which =
          keys.size() == 1 ? "" : ", key " + std::to_string(i + 1) + " of " + std::to_string(keys.size()) + ",";
      fault("ENCRYPTION_KEY",
            "ENCRYPTION_KEY" + which +
                " is no Fernet key; it must be 44 characters of base64url, as `lms-server crypto generate-key` prints "
                "them",
            "value_error.fernet_key");
    }
  }

  void check_environment() {
    if (is_development()) return;
    const std::string environment(name_of(loaded_.settings.environment));
    if (source_of("DATABASE_URL") == SettingSource::fallback && !is_faulty("DATABASE_URL"))
      fault("DATABASE_URL",
            "DATABASE_URL must be set in " + environment + ", for example sqlite:////var/lib/lms/lms.db",
            "value_error.missing");
    if (loaded_.settings.debug && loaded_.settings.environment == Environment::production)
      fault("DEBUG", "DEBUG must be false in production", "value_error.setting");
  }

  void check_admin() {
    const Settings& settings = loaded_.settings;
    if (settings.admin_email.empty() != settings.admin_password.empty()) {
      const bool lacks_password = settings.admin_password.empty();
      fault(lacks_password ? "ADMIN_PASSWORD" : "ADMIN_EMAIL",
            lacks_password ? "ADMIN_EMAIL is set, so ADMIN_PASSWORD must be set too"
                           : "ADMIN_PASSWORD is set, so ADMIN_EMAIL must be set too",
            "value_error.missing");
    }
    if (!settings.admin_password.empty() &&
        count_code_points(settings.admin_password) < static_cast<std::size_t>(settings.password_min_length))
      fault("ADMIN_PASSWORD",
            "ADMIN_PASSWORD must have at least " + std::to_string(settings.password_min_length) +
                " characters (PASSWORD_MIN_LENGTH)",
            "value_error.weak_secret");
    else if (!settings.admin_password.empty() && is_too_common(settings.admin_password))
      fault("ADMIN_PASSWORD",
            "ADMIN_PASSWORD is one of the first that anybody would guess; take a few words that do not belong together",
            "value_error.weak_secret");
  }

  void check_sessions() {
    Settings& settings = loaded_.settings;
    if (settings.session_timeout.count() > 0 && settings.session_timeout < settings.access_token_lifetime)
      fault("SESSION_TIMEOUT_HOURS",
            "SESSION_TIMEOUT_HOURS is " + std::to_string(settings.session_timeout.count()) +
                ", which is shorter than the life of an access token (ACCESS_TOKEN_EXPIRE_MINUTES, " +
                std::to_string(settings.access_token_lifetime.count()) +
                "): such a token would end before its time; make the one longer or the other shorter",
            "value_error.setting");
    if (!settings.access_token_blacklist_fail_closed) settings.access_token_blacklist_fail_closed = !is_development();
  }

  void check_hsts() {
    const Settings& settings = loaded_.settings;
    constexpr std::chrono::seconds year{31'536'000};
    if (settings.secure_hsts_preload &&
        (!settings.secure_hsts_include_subdomains || settings.secure_hsts_max_age < year))
      fault("SECURE_HSTS_PRELOAD",
            "SECURE_HSTS_PRELOAD is true, so SECURE_HSTS_INCLUDE_SUBDOMAINS must be true and SECURE_HSTS_SECONDS at "
            "least "
            "31536000: browsers take in no other",
            "value_error.setting");
  }

  void check_origins() {
    const auto& origins = loaded_.settings.cors_origins;
    if (loaded_.settings.cors_allow_credentials && std::find(origins.begin(), origins.end(), "*") != origins.end())
      fault("CORS_ALLOW_CREDENTIALS",
            "CORS_ALLOW_CREDENTIALS is true, so CORS_ORIGINS must name the origins: browsers refuse `*` then",
            "value_error.setting");
  }

  void check_mail() {
    Settings& settings = loaded_.settings;
    if (settings.smtp_use_tls && settings.smtp_use_ssl) {
      if (source_of("SMTP_USE_TLS") != SettingSource::fallback)
        fault("SMTP_USE_SSL",
              "SMTP_USE_TLS (STARTTLS, usually on port 587) and SMTP_USE_SSL (TLS from the start, usually on port 465) "
              "cannot both be true; keep one of them",
              "value_error.setting");
      settings.smtp_use_tls = false;
    }
    if (settings.smtp_username.empty() != settings.smtp_password.empty()) {
      const bool lacks_password = settings.smtp_password.empty();
      fault(lacks_password ? "SMTP_PASSWORD" : "SMTP_USERNAME",
            lacks_password ? "SMTP_USERNAME is set, so SMTP_PASSWORD must be set too"
                           : "SMTP_PASSWORD is set, so SMTP_USERNAME must be set too",
            "value_error.missing");
    }
    if (settings.smtp_host.empty()) {
      if (!settings.smtp_username.empty())
        warn("SMTP_HOST", "SMTP_USERNAME is set, but SMTP_HOST is not: mails are only logged");
      return;
    }
    if (settings.email_from.empty())
      fault("EMAIL_FROM", "SMTP_HOST is set, so EMAIL_FROM must be set too: the sender, such as noreply@example.org",
            "value_error.missing");
    constexpr std::int64_t port_of_tls = 465;
    if (settings.smtp_port == port_of_tls && !settings.smtp_use_ssl)
      warn("SMTP_PORT", "SMTP_PORT is 465, where servers speak TLS from the start; that wants SMTP_USE_SSL=true");
    if (!settings.smtp_use_tls && !settings.smtp_use_ssl)
      warn("SMTP_USE_TLS",
           settings.smtp_password.empty()
               ? "SMTP_USE_TLS and SMTP_USE_SSL are false: mails can be read on their way to the server"
               : "SMTP_USE_TLS and SMTP_USE_SSL are false: mails and SMTP_PASSWORD can be read on their "
                 "way to the server");
  }

  // --- names that set nothing ---

  void note_unused_names() {
    for (const SettingSection& section : setting_table()) {
      for (const Setting& setting : section.settings) {
        known_.emplace_back(setting.name);
        for (const Alias& alias : setting.aliases) known_.emplace_back(alias.name);
        if (setting.secrecy != Secrecy::open) known_.push_back(std::string(setting.name).append(file_ending));
      }
    }
    const std::size_t in_use = known_.size();
    for (const UselessName& name : useless_names()) known_.emplace_back(name.name);
    known_.insert(known_.end(), reserved_names().begin(), reserved_names().end());
    used_ = {known_.begin(), known_.begin() + static_cast<std::ptrdiff_t>(in_use)};

    for (const auto& [name, value] : vault_)
      if (!note(name)) warn_unknown(name, "in Vault");
    for (const DotenvEntry& entry : dotenv_.entries)
      if (!note(entry.name)) warn_unknown(entry.name, "in .env line " + std::to_string(entry.line));
    for (const auto& [name, value] : given_.environment)
      if (!note(name)) warn_if_misspelt(name);
  }

  /// True if the name is known, with or without use.
  bool note(const std::string& name) {
    if (used_.contains(name)) return true;
    if (!noted_.insert(name).second) return true;
    for (const UselessName& useless : useless_names()) {
      if (useless.name != name) continue;
      warn(name, name + " has no use here: " + std::string(useless.why));
      return true;
    }
    for (const std::string_view reserved : reserved_names()) {
      if (reserved != name) continue;
      warn(name, name + " is known, but this release has no use for it yet");
      return true;
    }
    if (name.ends_with(file_ending) && used_.contains(name.substr(0, name.size() - file_ending.size()))) return true;
    noted_.erase(name);
    return false;
  }

  void warn_unknown(const std::string& name, const std::string& place) {
    std::string text = name + " " + place + " is no known setting";
    if (const auto meant = nearest(upper(name), known_)) text += "; did you mean " + *meant + "?";
    warn(name, std::move(text));
  }

  void warn_if_misspelt(const std::string& name) {
    if (std::find(std::begin(ordinary_names), std::end(ordinary_names), name) != std::end(ordinary_names)) return;
    if (const auto meant = nearest(name, known_))
      warn(name, name + " in the environment is no known setting; did you mean " + *meant + "?");
  }

  static std::string upper(std::string text) {
    for (char& c : text)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
  }

  void fault(std::string_view name, std::string text, std::string type) {
    faults_.push_back({{"settings", std::string(name)}, std::move(text), std::move(type)});
  }
  void warn(std::string_view name, std::string text) {
    loaded_.warnings.push_back({std::string(name), std::move(text)});
  }

  const SettingSources& given_;
  Dotenv dotenv_;
  EnvironmentVariables vault_;
  bool vault_was_asked_ = false;
  std::map<std::string_view, std::string, std::less<>> file_texts_;  ///< by name of the setting
  Random& random_;
  LoadedSettings loaded_;
  std::vector<Fault> faults_;
  std::map<std::string_view, SettingSource, std::less<>> sources_;
  std::vector<std::string> known_;
  std::set<std::string, std::less<>> used_, noted_;
};

// --- the generated documents ---

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

void append_wrapped(std::string& out, std::string_view text) {
  constexpr std::size_t width = 100;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    if (column > 0 && column + 1 + space > width) {
      out += '\n';
      column = 0;
    }
    out += column == 0 ? "# " : " ";
    out += text.substr(0, space);
    column += space + 1;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  out += '\n';
}

}  // namespace

LoadedSettings load_settings(const SettingSources& sources, Random& random) {
  return Loader(sources, random).load();
}

LoadedSettings load_settings(const EnvironmentVariables& environment, std::string_view dotenv, Random& random) {
  return load_settings(SettingSources{.environment = environment, .dotenv = std::string(dotenv)}, random);
}

std::string settings_markdown() {
  std::string out =
      "# Settings\n\n"
      "<!-- Made by `lms-server config --markdown`; a test compares the two. Change liblms/settings/table.cpp instead. "
      "-->\n\n"
      "`lms-server` reads its settings from the environment, over a file `.env` in the working directory, over the "
      "defaults\nbelow. A value it cannot use stops it at start, with exit code 78 and one line for each fault. "
      "`lms-server config`\nprints every value in effect and where it came from.\n\n"
      "In `.env` a line is `NAME=value`, `export NAME=value`, `NAME='taken literally'` or `NAME=\"with \\n escapes\"`; "
      "`#`\nbegins a comment. Nothing is expanded. Of two lines with the same name the last one counts.\n\n"
      "Any setting can be read from a file: `NAME_FILE=/run/secrets/name` stands for `NAME` with the text of that "
      "file. "
      "Secrets\ncan come from Vault, which goes over the environment: [secrets.md](secrets.md).\n";
  for (const SettingSection& section : setting_table()) {
    out += "\n## " + std::string(section.title) +
           "\n\n| Name | Default | Accepted | Meaning |\n| --- | --- | --- | --- |\n";
    for (const Setting& setting : section.settings) {
      const std::string fallback = setting.write(Settings{});
      out += "| " + code(setting.name) + " | " + (fallback.empty() ? "" : code(fallback)) + " | " + setting.form +
             " | " + std::string(setting.doc);
      for (const Alias& alias : setting.aliases) {
        out += " Also read as " + code(alias.name);
        if (alias.times != 1) out += ", times " + std::to_string(alias.times);
        out += '.';
      }
      out += " |\n";
    }
  }
  out += "\n## Names without use\n\nOther systems of the kind know these. They are answered by a note at start.\n\n";
  for (const UselessName& name : useless_names()) out += "- " + code(name.name) + ": " + std::string(name.why) + "\n";
  out +=
      "\n## Names of later releases\n\nThese are kept for features that are not here yet; setting one brings a note at "
      "start.\n\n";
  for (const std::string_view name : reserved_names()) out += "- " + code(name) + "\n";
  return out;
}

std::string settings_example() {
  std::string out =
      "# Settings of lms-server. Copy this file to .env and change what you need; docs/settings.md says more.\n"
      "# Made by `lms-server config --example`; a test compares the two.\n";
  for (const SettingSection& section : setting_table()) {
    out += "\n# --- " + std::string(section.title) + " ---\n";
    for (const Setting& setting : section.settings) {
      out += '\n';
      append_wrapped(out, setting.doc);
      append_wrapped(out, "Accepted: " + setting.form + ".");
      out.append("#").append(setting.name).append("=").append(setting.write(Settings{})).append("\n");
    }
  }
  return out;
}

}  // namespace lms
