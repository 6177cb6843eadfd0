#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/error.hpp>
#include <lms/export.hpp>
#include <lms/rate.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/token.hpp>

/// Everything that can be set. A host fills the struct itself, or reads it from the environment with `load_settings`.
namespace lms {

enum class Environment { development, staging, production };
constexpr auto names_of(Environment) {
  return std::array<std::string_view, 3>{"development", "staging", "production"};
}

enum class ErrorFormat { detail, flat, rich };
constexpr auto names_of(ErrorFormat) {
  return std::array<std::string_view, 3>{"detail", "flat", "rich"};
}

/// Whom the default rule of the rate limits counts.
enum class RateLimitKey { ip, user, user_or_ip };
constexpr auto names_of(RateLimitKey) {
  return std::array<std::string_view, 3>{"ip", "user", "user_or_ip"};
}

enum class RateLimitProfile { standard, adaptive };
constexpr auto names_of(RateLimitProfile) {
  return std::array<std::string_view, 2>{"standard", "adaptive"};
}

enum class LogFormat { text, json };
constexpr auto names_of(LogFormat) {
  return std::array<std::string_view, 2>{"text", "json"};
}

enum class SqliteSynchronous { normal, full };
constexpr auto names_of(SqliteSynchronous) {
  return std::array<std::string_view, 2>{"NORMAL", "FULL"};
}

/// A header of every answer, in place of the usual one. None: it is not sent.
struct HeaderSetting {
  std::string name;
  std::optional<std::string> value;
};

/// The comment behind each member is the name of its setting; docs/settings.md, made from liblms/settings/table.cpp,
/// says what each does. A host may fill it by itself instead of calling `load_settings`; Lms's constructor says which
/// members it looks at.
struct LMS_API Settings {
  Environment environment = Environment::development;    // ENVIRONMENT
  bool debug = false;                                    // DEBUG
  std::string project_name = "LMS";                      // PROJECT_NAME
  std::string default_language = "en";                   // DEFAULT_LANGUAGE
  std::string default_timezone = "UTC";                  // DEFAULT_TIMEZONE
  std::string api_prefix = "/api/v1";                    // API_V1_PREFIX
  std::string public_url;                                // PUBLIC_URL
  std::string frontend_url;                              // FRONTEND_URL
  ErrorFormat error_format = ErrorFormat::detail;        // ERROR_FORMAT
  bool response_envelope = false;                        // RESPONSE_ENVELOPE_ENABLED
  std::vector<std::string> allowed_hosts = {"*"};        // ALLOWED_HOSTS
  std::vector<std::string> trusted_proxies;              // TRUSTED_PROXIES
  std::vector<std::string> cors_origins;                 // CORS_ORIGINS
  bool cors_allow_credentials = false;                   // CORS_ALLOW_CREDENTIALS
  bool secure_ssl_redirect = false;                      // SECURE_SSL_REDIRECT
  std::chrono::seconds secure_hsts_max_age{31'536'000};  // SECURE_HSTS_SECONDS
  bool secure_hsts_include_subdomains = true;            // SECURE_HSTS_INCLUDE_SUBDOMAINS
  bool secure_hsts_preload = false;                      // SECURE_HSTS_PRELOAD
  std::vector<HeaderSetting> security_headers;           // SECURITY_HEADERS

  std::string host = "127.0.0.1";             // HOST
  std::int64_t port = 8000;                   // PORT
  std::int64_t workers = 0;                   // WORKERS
  std::int64_t max_body_kb = 1024;            // MAX_BODY_KB
  std::int64_t max_connections = 10'000;      // MAX_CONNECTIONS
  std::chrono::seconds idle_timeout{15};      // IDLE_TIMEOUT_SECONDS
  std::chrono::seconds request_timeout{30};   // REQUEST_TIMEOUT_SECONDS
  std::chrono::seconds shutdown_timeout{30};  // SHUTDOWN_TIMEOUT_SECONDS

  std::string database_url = "sqlite:///lms.db";                   // DATABASE_URL
  bool db_echo = false;                                            // DB_ECHO
  std::chrono::milliseconds db_slow_query{200};                    // DB_SLOW_QUERY_MS
  SqliteSynchronous sqlite_synchronous = SqliteSynchronous::full;  // SQLITE_SYNCHRONOUS

  std::string redis_url;                        // REDIS_URL
  std::string redis_key_prefix = "lms:";        // REDIS_KEY_PREFIX
  std::chrono::milliseconds redis_timeout{40};  // REDIS_TIMEOUT_MS
  std::int64_t redis_pool_size = 4;             // REDIS_POOL_SIZE

  bool cache_enabled = true;                   // CACHE_ENABLED
  std::chrono::seconds course_cache_ttl{300};  // COURSE_CACHE_TTL_SECONDS
  std::chrono::seconds cache_max_stale{5};     // CACHE_MAX_STALE_SECONDS
  std::int64_t cache_memory_mb = 32;           // CACHE_MEMORY_MB

  bool rate_limit_enabled = true;                                    // RATE_LIMIT_ENABLED
  RateLimitKey rate_limit_key = RateLimitKey::ip;                    // RATE_LIMIT_KEY_MODE
  std::int64_t rate_limit_requests = 100;                            // RATE_LIMIT_PER_MINUTE
  std::chrono::seconds rate_limit_window{60};                        // RATE_LIMIT_WINDOW_SECONDS
  std::optional<RateRule> rate_limit_api;                            // RATE_LIMIT_API
  std::int64_t rate_limit_auth_per_minute = 60;                      // RATE_LIMIT_AUTH_PER_MINUTE
  std::optional<RateRule> rate_limit_auth;                           // RATE_LIMIT_AUTH
  std::vector<NamedRate> rate_limit_custom_rules;                    // RATE_LIMIT_CUSTOM_RULES
  std::optional<RateRule> rate_limit_global;                         // RATE_LIMIT_GLOBAL
  std::optional<RateRule> rate_limit_address;                        // RATE_LIMIT_PER_IP
  std::vector<NamedRate> rate_limit_roles;                           // RATE_LIMIT_ROLES
  RateLimitProfile rate_limit_profile = RateLimitProfile::standard;  // RATE_LIMIT_PROFILE
  std::optional<RateRule> anonymous_rate;                            // ANON_THROTTLE_RATE
  std::optional<RateRule> user_rate;                                 // USER_THROTTLE_RATE
  std::optional<RateRule> write_rate;                                // WRITE_THROTTLE_RATE
  bool rate_limit_penalties = true;                                  // RATE_LIMIT_PENALTIES
  std::vector<std::string> rate_limit_allowed_ips;                   // RATE_LIMIT_ALLOWED_IPS
  std::int64_t rate_limit_max_keys = 100'000;                        // RATE_LIMIT_MAX_KEYS
  bool rate_limit_use_redis = true;                                  // RATE_LIMIT_USE_REDIS
  bool rate_limit_fail_closed = false;                               // RATE_LIMIT_FAIL_CLOSED
  std::vector<std::string> admin_allowed_ips;                        // ADMIN_ALLOWED_IPS

  std::chrono::hours idempotency_ttl{24};  // IDEMPOTENCY_TTL_HOURS

  std::vector<std::string> encryption_keys;  // ENCRYPTION_KEY

  std::string secret_key;                                      // SECRET_KEY
  std::vector<std::string> secret_key_previous;                // SECRET_KEY_PREVIOUS
  TokenAlgorithm algorithm = TokenAlgorithm::hs256;            // ALGORITHM
  std::string jwt_private_key;                                 // JWT_PRIVATE_KEY
  std::string jwt_previous_keys;                               // JWT_PREVIOUS_KEYS
  std::string jwt_issuer;                                      // JWT_ISSUER
  std::string jwt_audience;                                    // JWT_AUDIENCE
  std::chrono::seconds jwt_leeway{0};                          // JWT_LEEWAY_SECONDS
  std::chrono::minutes access_token_lifetime{15};              // ACCESS_TOKEN_EXPIRE_MINUTES
  std::chrono::days refresh_token_lifetime{30};                // REFRESH_TOKEN_EXPIRE_DAYS
  std::chrono::minutes password_reset_token_lifetime{30};      // PASSWORD_RESET_TOKEN_EXPIRE_MINUTES
  std::chrono::minutes email_verification_token_lifetime{60};  // EMAIL_VERIFICATION_TOKEN_EXPIRE_MINUTES
  std::chrono::minutes mfa_challenge_token_lifetime{5};        // MFA_CHALLENGE_TOKEN_EXPIRE_MINUTES
  bool access_token_blacklist_enabled = true;                  // ACCESS_TOKEN_BLACKLIST_ENABLED
  std::optional<bool> access_token_blacklist_fail_closed;      // ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED
  std::string access_token_blacklist_prefix = "revoked:";      // ACCESS_TOKEN_BLACKLIST_PREFIX

  std::int64_t password_min_length = 8;             // PASSWORD_MIN_LENGTH
  std::int64_t argon2_memory_kib = 19'456;          // ARGON2_MEMORY_KIB
  std::int64_t argon2_iterations = 2;               // ARGON2_ITERATIONS
  std::int64_t argon2_max_concurrent = 2;           // ARGON2_MAX_CONCURRENT
  bool require_email_verification = false;          // REQUIRE_EMAIL_VERIFICATION
  std::int64_t mfa_login_code_length = 6;           // MFA_LOGIN_CODE_LENGTH
  std::chrono::minutes mfa_login_code_lifetime{5};  // MFA_LOGIN_CODE_EXPIRE_MINUTES
  std::int64_t max_failed_attempts = 5;             // MAX_FAILED_ATTEMPTS
  std::chrono::minutes lockout_duration{30};        // LOCKOUT_DURATION_MINUTES
  std::chrono::hours session_timeout{24};           // SESSION_TIMEOUT_HOURS
  std::chrono::days session_max_age{90};            // SESSION_MAX_DAYS
  std::int64_t max_sessions_per_user = 50;          // MAX_SESSIONS_PER_USER
  std::chrono::seconds refresh_reuse_grace{0};      // REFRESH_REUSE_GRACE_SECONDS
  std::string admin_email;                          // ADMIN_EMAIL
  std::string admin_password;                       // ADMIN_PASSWORD

  std::string smtp_host;                  // SMTP_HOST
  std::int64_t smtp_port = 587;           // SMTP_PORT
  std::string smtp_username;              // SMTP_USERNAME
  std::string smtp_password;              // SMTP_PASSWORD
  bool smtp_use_tls = true;               // SMTP_USE_TLS
  bool smtp_use_ssl = false;              // SMTP_USE_SSL
  std::string smtp_ca_file;               // SMTP_CA_FILE
  std::chrono::seconds smtp_timeout{30};  // SMTP_TIMEOUT_SECONDS
  std::string email_from;                 // EMAIL_FROM
  std::string mail_templates_dir;         // MAIL_TEMPLATES_DIR

  bool use_vault = false;              // USE_VAULT
  std::string vault_url;               // VAULT_URL
  std::string vault_token;             // VAULT_TOKEN
  std::string vault_mount = "secret";  // VAULT_MOUNT
  std::string vault_path = "lms";      // VAULT_PATH
  std::string vault_namespace;         // VAULT_NAMESPACE
  std::string vault_cacert;            // VAULT_CACERT

  std::string metrics_token;  // METRICS_TOKEN

  LogLevel log_level = LogLevel::info;     // LOG_LEVEL
  LogFormat log_format = LogFormat::text;  // LOG_FORMAT
  std::string log_dir;                     // LOG_DIR
  std::int64_t log_file_mb = 10;           // LOG_FILE_MB
  std::int64_t log_old_files = 30;         // LOG_OLD_FILES
};

/// Where an effective value came from.
enum class SettingSource { fallback, dotenv, environment, generated, file, vault, command_line };
constexpr auto names_of(SettingSource) {
  return std::array<std::string_view, 7>{"default", ".env",  "environment", "generated",
                                         "file",    "vault", "command line"};
}

struct EffectiveSetting {
  std::string name;
  std::string value;  ///< as it would be written in the environment; `********` for a secret, and for all that a file
                      ///< or Vault gave
  SettingSource source = SettingSource::fallback;
};

/// Something an operator should know that keeps nobody from starting: a name that sets nothing, a weak or generated
/// key.
struct SettingWarning {
  std::string name;  ///< of the setting or the unknown name; empty for a line of `.env`
  std::string text;
};

struct LoadedSettings {
  Settings settings;
  std::vector<EffectiveSetting> effective;
  std::vector<SettingWarning> warnings;
};

using EnvironmentVariables = std::map<std::string, std::string, std::less<>>;

/// The first bytes of a file, `most` of them if it has as many. @throws std::system_error
LMS_API std::string read_start_of_file(const std::string& path, std::size_t most);

/// Where settings come from. What stands first here goes over what follows it; a setting that none of them has keeps
/// its default.
struct SettingSources {
  EnvironmentVariables command_line = {};
  /// Gives what Vault keeps, by names of settings. It is asked if USE_VAULT says so, with the settings that tell where
  /// Vault is. May throw an Error: unavailable if another try makes sense. None: USE_VAULT is a fault.
  std::function<EnvironmentVariables(const Settings&)> ask_vault = {};
  /// In it and in `dotenv`, `NAME_FILE` stands for the text of a file, a line end at its end left out.
  EnvironmentVariables environment = {};
  std::string dotenv = {};  ///< the text of a file `.env`
  /// Reads what `NAME_FILE` names: the first bytes, `most` of them if it has as many. May throw std::system_error.
  std::function<std::string(const std::string& path, std::size_t most)> read_file = read_start_of_file;
};

/// Reads the settings. In development a missing SECRET_KEY is made from `random`, unless ALGORITHM has no use for one,
/// and without Vault it goes on with a warning.
/// @throws Error invalid with every fault: each names the setting, what is wrong and the accepted form, never a secret;
///   outside development what `ask_vault` throws, if that is unavailable.
LMS_API LoadedSettings load_settings(const SettingSources& sources, Random& random);
/// The same from the environment and a `.env` text.
LMS_API LoadedSettings load_settings(const EnvironmentVariables& environment, std::string_view dotenv, Random& random);

/// The page `docs/settings.md` and the file `.env.example`, made from the table of settings.
LMS_API std::string settings_markdown();
LMS_API std::string settings_example();

/// What `DATABASE_URL` names.
struct DatabaseUrl {
  enum class Kind { sqlite, postgres };  ///< this release opens no PostgreSQL yet
  Kind kind = Kind::sqlite;
  std::string path;  ///< of SQLite; empty: in memory
  std::string url;   ///< of PostgreSQL, without the driver's suffix
};

/// Accepts `sqlite:///relative`, `sqlite:////absolute`, `sqlite://`, `postgresql://…`, and SQLAlchemy's driver
/// suffixes.
/// @throws Error invalid
LMS_API DatabaseUrl parse_database_url(std::string_view url);

}  // namespace lms
