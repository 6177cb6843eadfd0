#include "setup.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

#include <lms/backends/log.hpp>
#include <lms/backends/prometheus.hpp>
#include <lms/backends/redis.hpp>
#include <lms/backends/smtp.hpp>
#include <lms/backends/sqlite.hpp>

#include "failure.hpp"
#include "text_file.hpp"
#include "vault.hpp"

namespace lms::server {

namespace {

constexpr std::size_t threads_beside_http = 4;  // the main one, and those of jobs

EnvironmentVariables process_environment() {
  EnvironmentVariables variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string dotenv_text() {
  try {
    return read_text_file(".env");
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return {};
    throw Failure(ExitCode::bad_settings, ".env cannot be read: " + error.code().message());
  }
}

/// What is said about single statements and writes.
class StatementLog {
 public:
  StatementLog(const Settings& settings, std::shared_ptr<LogSink> sink, std::shared_ptr<Clock> clock)
      : echo_(settings.db_echo), slow_(settings.db_slow_query), sink_(std::move(sink)), clock_(std::move(clock)) {}

  bool wanted() const { return echo_ || slow_.count() > 0; }

  void operator()(std::string_view statement, std::chrono::microseconds took) const {
    const bool slow = slow_.count() > 0 && took > slow_;
    if (!echo_ && !slow) return;
    const Object fields{{"statement", statement}, {"duration_ms", static_cast<double>(took.count()) / 1'000}};
    const Logger logger(*sink_, *clock_);
    if (slow)
      logger.warning("app", "slow statement", fields);
    else
      logger.info("app", "statement", fields);
  }

 private:
  bool echo_;
  std::chrono::milliseconds slow_;
  std::shared_ptr<LogSink> sink_;
  std::shared_ptr<Clock> clock_;
};

std::shared_ptr<Storage> open_storage(const Settings& settings, Purpose purpose, const std::shared_ptr<LogSink>& log,
                                      const std::shared_ptr<Clock>& clock) {
  const DatabaseUrl url = parse_database_url(settings.database_url);
  if (url.kind == DatabaseUrl::Kind::postgres)
    throw Failure(ExitCode::unavailable,
                  "DATABASE_URL names a PostgreSQL server, but this build stores in SQLite only; use for example "
                  "sqlite:///lms.db");
  SqliteOptions options;
  options.path = url.path;
  options.synchronous = settings.sqlite_synchronous == SqliteSynchronous::full ? SqliteOptions::Synchronous::full
                                                                               : SqliteOptions::Synchronous::normal;
  if (StatementLog statements(settings, log, clock); statements.wanted()) options.on_statement = std::move(statements);
  if (purpose == Purpose::service) {
    options.max_readers =
        http_options(settings).threads() + threads_beside_http;  // event loops read, and must not wait
    options.on_slow_write = [log, clock](std::chrono::microseconds took) {
      Logger(*log, *clock)
          .warning("app", "a transaction kept all others waiting",
                   {{"duration_ms", static_cast<double>(took.count()) / 1'000}});
    };
  }
  try {
    return open_sqlite_storage(std::move(options));
  } catch (const Error& error) {
    throw Failure(ExitCode::unavailable, error.what());
  }
}

}  // namespace

http1::Http1Options http_options(const Settings& settings) {
  http1::Http1Options options;
  options.host = settings.host;
  options.port = static_cast<std::uint16_t>(settings.port);
  options.io_threads = settings.workers > 0 ? static_cast<std::size_t>(settings.workers)
                                            : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  options.heavy_threads = static_cast<std::size_t>(settings.argon2_max_concurrent);
  options.max_connections = static_cast<std::size_t>(settings.max_connections);
  options.idle_timeout = settings.idle_timeout;
  options.request_timeout = settings.request_timeout;
  options.head_timeout = std::min<std::chrono::milliseconds>(options.head_timeout, settings.request_timeout);
  options.write_timeout = std::min<std::chrono::milliseconds>(options.write_timeout, settings.request_timeout);
  return options;
}

LoadedSettings load_process_settings(const CommonOptions& common, SecretKey key) {
  SettingSources sources;
  if (common.database) sources.command_line["DATABASE_URL"] = *common.database;
  sources.ask_vault = ask_vault;
  sources.environment = process_environment();
  sources.dotenv = dotenv_text();
  SystemRandom random;
  try {
    LoadedSettings loaded = load_settings(sources, random);
    bool key_was_made = false;
    for (const EffectiveSetting& setting : loaded.effective)
      key_was_made = key_was_made || (setting.name == "SECRET_KEY" && setting.source == SettingSource::generated);
    if (key == SecretKey::unused && key_was_made)
      std::erase_if(loaded.warnings, [](const SettingWarning& warning) { return warning.name == "SECRET_KEY"; });
    return loaded;
  } catch (const Error& error) {
    throw Failure(error.code() == ErrorCode::unavailable ? ExitCode::unavailable : ExitCode::bad_settings,
                  explained(error));
  }
}

LoadedSettings read_settings(const CommonOptions& common, SecretKey key) {
  LoadedSettings loaded = load_process_settings(common, key);
  for (const SettingWarning& warning : loaded.warnings) warn(warning.text);
  return loaded;
}

std::string explained(const Error& error, const std::string& where) {
  if (error.faults().empty()) return where + error.what();
  std::string lines;
  for (const Fault& fault : error.faults()) {
    std::string place;
    for (std::size_t i = 1; i < fault.loc.size(); ++i) {
      if (!place.empty()) place += '.';
      const auto* field = std::get_if<std::string>(&fault.loc[i]);
      place += field ? *field : std::to_string(std::get<std::size_t>(fault.loc[i]));
    }
    const bool says_place =
        fault.loc.empty() || fault.loc.front() == PathStep(std::string("settings")) || place.empty();
    lines += (lines.empty() ? "" : "\n") + where + (says_place ? fault.message : place + ": " + fault.message);
  }
  return lines;
}

std::shared_ptr<LogSink> open_log(const Settings& settings, Purpose purpose) {
  const LogLevel level = purpose == Purpose::service ? settings.log_level : LogLevel::warning;
  LogOptions options{.format = settings.log_format, .level = level, .stream = stderr};
  if (purpose == Purpose::service) {
    constexpr std::size_t mebibyte = 1024UL * 1024;
    options.folder = settings.log_dir;
    options.file_bytes = static_cast<std::size_t>(settings.log_file_mb) * mebibyte;
    options.old_files = static_cast<std::size_t>(settings.log_old_files);
  }
  try {
    return lms::open_log(options);
  } catch (const Error& error) {
    throw Failure(ExitCode::cannot_create, "LOG_DIR: " + std::string(error.what()));
  }
}

std::shared_ptr<Mailer> open_mailer(const Settings& settings, std::shared_ptr<const Clock> clock) {
  if (settings.smtp_host.empty()) return nullptr;
  using Security = SmtpOptions::Security;
  const bool names_sender = settings.email_from.find('<') != std::string::npos;
  SmtpOptions options;
  options.host = settings.smtp_host;
  options.port = static_cast<std::uint16_t>(settings.smtp_port);
  options.security = settings.smtp_use_ssl   ? Security::tls
                     : settings.smtp_use_tls ? Security::starttls
                                             : Security::plain;
  options.username = settings.smtp_username;
  options.password = settings.smtp_password;
  options.from = names_sender ? settings.email_from : settings.project_name + " <" + settings.email_from + ">";
  options.ca_file = settings.smtp_ca_file;
  options.timeout = settings.smtp_timeout;
  options.connect_timeout = std::min(options.connect_timeout, options.timeout);
  try {
    return open_smtp_mailer(std::move(options), std::move(clock));
  } catch (const Error& error) {
    throw Failure(ExitCode::bad_settings, explained(error, "SMTP: "));
  }
}

namespace {

/// Whether requests are refused without it.
bool needs_redis(const Settings& settings) {
  const bool refuses_tokens =
      settings.access_token_blacklist_fail_closed.value_or(settings.environment != Environment::development);
  const bool refuses_all =
      settings.rate_limit_enabled && settings.rate_limit_use_redis && settings.rate_limit_fail_closed;
  return refuses_all || (settings.access_token_blacklist_enabled && refuses_tokens);
}

/// What nodes share on Redis, if the settings name one. A command tells the nodes what it writes.
void share_by_redis(Backends& backends, const Settings& settings, Purpose purpose) {
  if (settings.redis_url.empty()) return;
  try {
    const OpenedRedis opened = open_redis({.url = settings.redis_url,
                                           .prefix = settings.redis_key_prefix,
                                           .timeout = settings.redis_timeout,
                                           .connections = static_cast<std::size_t>(settings.redis_pool_size)});
    if (opened.start == RedisStart::unreachable)
      Logger(*backends.log, *backends.clock).warning("app", "Redis does not answer yet", {{"error", opened.fault}});
    backends.change_feed = open_redis_change_feed(opened.redis, *backends.random);
    if (purpose == Purpose::command) return;
    backends.health_parts.push_back(
        {.name = "redis", .needed = needs_redis(settings), .ping = [redis = opened.redis] { ping(*redis); }});
    backends.token_blacklist =
        open_redis_token_blacklist(opened.redis, backends.clock, settings.access_token_blacklist_prefix);
    if (settings.rate_limit_use_redis)
      backends.rate_limiter = open_redis_rate_limiter(opened.redis, {.penalties = settings.rate_limit_penalties});
  } catch (const Error& error) {
    throw Failure(ExitCode::bad_settings, explained(error, "REDIS_URL: "));
  }
}

}  // namespace

Backends open_backends(const Settings& settings, Purpose purpose, std::shared_ptr<LogSink> log) {
  Backends backends;
  backends.log = log ? std::move(log) : open_log(settings, purpose);
  backends.clock = std::make_shared<SystemClock>();
  backends.random = std::make_shared<SystemRandom>();
  backends.storage = open_storage(settings, purpose, backends.log, backends.clock);
  backends.mailer = open_mailer(settings, backends.clock);
  share_by_redis(backends, settings, purpose);
  if (purpose == Purpose::service) backends.metrics = open_prometheus_metrics();
  return backends;
}

void require_database(const Settings& settings) {
  const DatabaseUrl url = parse_database_url(settings.database_url);
  if (url.kind == DatabaseUrl::Kind::sqlite && !url.path.empty()) require_database(url.path);
}

void require_database(const std::string& path) {
  if (!std::filesystem::exists(path))
    throw Failure(ExitCode::unavailable, "There is no database " + path +
                                             "; `lms-server serve` or `lms-server "
                                             "migrate` makes one.");
}

std::string name_of_database(const Settings& settings) {
  const DatabaseUrl url = parse_database_url(settings.database_url);
  if (url.kind == DatabaseUrl::Kind::postgres) return "PostgreSQL";
  return url.path.empty() ? "memory" : url.path;
}

std::unique_ptr<Lms> open_school(Settings settings) {
  settings.admin_email.clear();
  settings.admin_password.clear();
  const DatabaseUrl url = parse_database_url(settings.database_url);
  if (url.kind == DatabaseUrl::Kind::sqlite && !url.path.empty() && !std::filesystem::exists(url.path))
    say("lms-server: there is no database " + url.path + "; it is made now");
  Backends backends = open_backends(settings, Purpose::command);
  return std::make_unique<Lms>(std::move(settings), std::move(backends));
}

std::string address_of(const Settings& settings, std::int64_t port) {
  const bool is_ipv6 = settings.host.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? "[" + settings.host + "]" : settings.host) + ":" + std::to_string(port);
}

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}
void warn(const std::string& text) {
  std::fprintf(stderr, "lms-server: warning: %s\n", text.c_str());
}

}  // namespace lms::server
