#include "settings/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <lms/schema.hpp>
#include <lms/value.hpp>

#include "base/crypto.hpp"
#include "base/formats.hpp"
#include "base/ip_networks.hpp"
#include "base/mailbox.hpp"
#include "base/redis_address.hpp"

namespace lms {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"true", "1", "yes", "on"})
    if (equal_without_case(text, yes)) return true;
  for (const std::string_view no : {"false", "0", "no", "off"})
    if (equal_without_case(text, no)) return false;
  return std::nullopt;
}

/// `a, b` or `["a", "b"]`; an element is never empty.
std::optional<std::vector<std::string>> parse_list(std::string_view text) {
  std::vector<std::string> elements;
  text = trimmed(text);
  if (text.starts_with('[')) {
    try {
      const Value parsed = parse_json(text);
      for (const Value& element : parsed.as_array()) {
        if (!element.is_string() || element.as_string().empty()) return std::nullopt;
        elements.push_back(element.as_string());
      }
    } catch (const Error&) {
      return std::nullopt;
    }
    return elements;
  }
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto element = trimmed(text.substr(0, comma));
    if (element.empty()) return std::nullopt;
    elements.emplace_back(element);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return elements;
}

std::string whole_number(std::int64_t minimum, std::int64_t maximum) {
  return "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
}

// --- rows by the type of their member ---

Setting integer(std::string_view name, std::int64_t Settings::*member, std::int64_t minimum, std::int64_t maximum,
                std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = whole_number(minimum, maximum),
          .read =
              [=](Settings& settings, std::string_view text) {
                const auto number = parse_integer(text);
                if (!number || *number < minimum || *number > maximum) return false;
                settings.*member = *number;
                return true;
              },
          .write = [=](const Settings& settings) { return std::to_string(settings.*member); }};
}

template <class Duration>
Setting duration(std::string_view name, Duration Settings::*member, std::int64_t minimum, std::int64_t maximum,
                 std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = whole_number(minimum, maximum),
          .read =
              [=](Settings& settings, std::string_view text) {
                const auto number = parse_integer(text);
                if (!number || *number < minimum || *number > maximum) return false;
                settings.*member = Duration(*number);
                return true;
              },
          .write = [=](const Settings& settings) { return std::to_string((settings.*member).count()); }};
}

Setting boolean(std::string_view name, bool Settings::*member, std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = "true or false (1, 0, yes, no, on, off)",
          .read =
              [=](Settings& settings, std::string_view text) {
                const auto flag = parse_boolean(text);
                if (flag) settings.*member = *flag;
                return flag.has_value();
              },
          .write = [=](const Settings& settings) -> std::string { return settings.*member ? "true" : "false"; }};
}

/// Empty: something else decides.
Setting boolean(std::string_view name, std::optional<bool> Settings::*member, std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = "empty, true or false (1, 0, yes, no, on, off)",
          .read =
              [=](Settings& settings, std::string_view text) {
                settings.*member = parse_boolean(text);
                return text.empty() || settings.*member;
              },
          .write = [=](const Settings& settings) -> std::string {
            const auto& flag = settings.*member;
            return !flag ? "" : *flag ? "true" : "false";
          }};
}

template <NamedEnum E>
Setting choice(std::string_view name, E Settings::*member, std::string_view doc) {
  constexpr auto names = names_of(E{});
  std::string form = "one of";
  for (const auto each : names) form += (each == names.front() ? " " : ", ") + std::string(each);
  return {.name = name,
          .doc = doc,
          .form = std::move(form),
          .read =
              [=](Settings& settings, std::string_view text) {
                for (std::size_t i = 0; i < names.size(); ++i) {
                  if (!equal_without_case(text, names[i])) continue;
                  settings.*member = static_cast<E>(i);
                  return true;
                }
                return false;
              },
          .write = [=](const Settings& settings) { return std::string(name_of(settings.*member)); }};
}

using TextRule = bool (*)(std::string_view);

Setting text(std::string_view name, std::string Settings::*member, std::string form, TextRule rule,
             std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = std::move(form),
          .read =
              [=](Settings& settings, std::string_view given) {
                if (!rule(given)) return false;
                settings.*member = given;
                return true;
              },
          .write = [=](const Settings& settings) { return settings.*member; }};
}

Setting list(std::string_view name, std::vector<std::string> Settings::*member, std::string_view of, TextRule rule,
             std::string_view doc, std::size_t least = 0) {
  return {.name = name,
          .doc = doc,
          .form = std::string(of) + ", separated by commas or as a JSON array",
          .read =
              [=](Settings& settings, std::string_view given) {
                auto elements = parse_list(given);
                if (!elements || elements->size() < least || !std::all_of(elements->begin(), elements->end(), rule))
                  return false;
                settings.*member = *std::move(elements);
                return true;
              },
          .write =
              [=](const Settings& settings) {
                std::string joined;
                for (const auto& element : settings.*member) joined += (joined.empty() ? "" : ",") + element;
                return joined;
              }};
}

constexpr std::string_view rate_form = "a rate such as 100/minute or 20 per 15 minutes";

/// Empty: no such rule.
Setting rate(std::string_view name, std::optional<RateRule> Settings::*member, std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = "empty, or " + std::string(rate_form),
          .read =
              [=](Settings& settings, std::string_view given) {
                settings.*member = parse_rate(given);
                return given.empty() || settings.*member;
              },
          .write = [=](const Settings& settings) -> std::string {
            return settings.*member ? rate_text(*(settings.*member)) : "";
          }};
}

/// `"5/minute"`, or `{"limit": 5, "window": 60, "algorithm": "token_bucket", "burst": 10}`.
std::optional<RateRule> parse_rule(const Value& value) {
  if (value.is_string()) return parse_rate(value.as_string());
  if (!value.is_object()) return std::nullopt;
  RateRule rule;
  for (const auto& [name, member] : value.as_object()) {
    const std::int64_t number = member.is_integer() ? member.as_integer() : 0;
    if (name == "limit" && number >= 1 && number <= RateRule::most)
      rule.limit = number;
    else if (name == "window" && number >= 1 && number <= RateRule::longest.count())
      rule.window = std::chrono::seconds(number);
    else if (name == "burst" && number >= 1 && number <= RateRule::most)
      rule.burst = number;
    else if (const auto algorithm = name == "algorithm" && member.is_string()
                                        ? enum_from<RateAlgorithm>(member.as_string())
                                        : std::nullopt)
      rule.algorithm = *algorithm;
    else
      return std::nullopt;
  }
  const bool has_use_for_burst = rule.burst == 0 || rule.algorithm == RateAlgorithm::token_bucket;
  return rule.limit > 0 && has_use_for_burst ? std::optional(rule) : std::nullopt;
}

Value show_rule(const RateRule& rule) {
  if (rule == RateRule{.limit = rule.limit, .window = rule.window}) return rate_text(rule);
  Object object{
      {"limit", rule.limit}, {"window", std::int64_t{rule.window.count()}}, {"algorithm", name_of(rule.algorithm)}};
  if (rule.burst > 0) object.append("burst", rule.burst);
  return object;
}

Setting rates(std::string_view name, std::vector<NamedRate> Settings::*member, std::string_view of, TextRule rule,
              std::string_view doc) {
  return {.name = name,
          .doc = doc,
          .form = "empty, or a JSON object that gives " + std::string(of) + " " + std::string(rate_form) +
                  R"(, or {"limit": 100, "window": 60, "algorithm": "sliding_window"}; token_bucket takes a "burst")",
          .read =
              [=](Settings& settings, std::string_view given) {
                std::vector<NamedRate> result;
                try {
                  const Value parsed = given.empty() ? Value(Object()) : parse_json(given);
                  if (!parsed.is_object()) return false;
                  for (const auto& [key, value] : parsed.as_object()) {
                    const auto parsed_rule = parse_rule(value);
                    if (!parsed_rule || !rule(key)) return false;
                    result.push_back({key, *parsed_rule});
                  }
                } catch (const Error&) {
                  return false;
                }
                settings.*member = std::move(result);
                return true;
              },
          .write = [=](const Settings& settings) -> std::string {
            Object object;
            for (const NamedRate& each : settings.*member) object.append(each.name, show_rule(each.rule));
            return object.empty() ? "" : to_json(object);
          }};
}

constexpr auto security_headers = std::to_array<std::string_view>(
    {"Content-Security-Policy", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy",
     "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options",
     "X-Frame-Options", "X-Permitted-Cross-Domain-Policies"});

/// The name as it is written, whichever case it came in.
std::optional<std::string_view> security_header(std::string_view name) {
  const auto* const found = std::find_if(security_headers.begin(), security_headers.end(),
                                         [&](std::string_view each) { return equal_without_case(each, name); });
  return found == security_headers.end() ? std::nullopt : std::optional(*found);
}

/// Visible ASCII, and blanks within.
bool is_header_value(std::string_view text) {
  return !text.empty() && text == trimmed(text) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

std::optional<std::vector<HeaderSetting>> parse_headers(std::string_view text) {
  std::vector<HeaderSetting> result;
  try {
    const Value parsed = text.empty() ? Value(Object()) : parse_json(text);
    if (!parsed.is_object()) return std::nullopt;
    for (const auto& [given, value] : parsed.as_object()) {
      const auto name = security_header(given);
      const bool is_good = value.is_null() || (value.is_string() && is_header_value(value.as_string()));
      if (!name || !is_good) return std::nullopt;
      result.push_back(
          {std::string(*name), value.is_null() ? std::nullopt : std::optional<std::string>(value.as_string())});
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return result;
}

Setting headers(std::string_view name, std::vector<HeaderSetting> Settings::*member, std::string_view doc) {
  std::string form = "empty, or a JSON object that gives a text in ASCII, or null, to any of";
  for (const auto each : security_headers) form += (each == security_headers.front() ? " " : ", ") + std::string(each);
  return {.name = name,
          .doc = doc,
          .form = std::move(form),
          .read =
              [=](Settings& settings, std::string_view given) {
                auto parsed = parse_headers(given);
                if (parsed) settings.*member = *std::move(parsed);
                return parsed.has_value();
              },
          .write = [=](const Settings& settings) -> std::string {
            Object object;
            for (const HeaderSetting& each : settings.*member)
              object.append(each.name, each.value ? Value(*each.value) : Value());
            return object.empty() ? "" : to_json(object);
          }};
}

Setting also(Setting setting, std::vector<Alias> aliases) {
  setting.aliases = std::move(aliases);
  return setting;
}

Setting secret(Setting setting, Secrecy secrecy = Secrecy::secret) {
  setting.secrecy = secrecy;
  return setting;
}

Setting before_vault(Setting setting) {
  setting.before_vault = true;
  return setting;
}

// --- rules for texts ---

bool anything(std::string_view) {
  return true;
}
bool not_empty(std::string_view text) {
  return !trimmed(text).empty();
}
bool is_line(std::string_view text) {
  return not_empty(text) && is_plain_line(text);
}
bool empty_or_line(std::string_view text) {
  return text.empty() || is_plain_line(text);
}
bool empty_or_email(std::string_view text) {
  return text.empty() || normal_email(text);
}
bool empty_or_mailbox(std::string_view text) {
  return text.empty() || parse_mailbox(text);
}
/// Without a scheme or a port.
bool empty_or_mail_host(std::string_view text) {
  const bool is_ipv6 = std::count(text.begin(), text.end(), ':') > 1;
  return text.find_first_of(" \t/@?#") == std::string_view::npos &&
         (is_ipv6 || text.find(':') == std::string_view::npos);
}
bool empty_or_base_url(std::string_view text) {
  return text.empty() || (is_url(text) && text.back() != '/' && text.find_first_of("?#") == std::string_view::npos);
}
bool is_database_url(std::string_view text) {
  try {
    parse_database_url(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool empty_or_redis_url(std::string_view text) {
  return text.empty() || parse_redis_address(text);
}
/// What stands well in the keys of Redis, patterns included.
bool is_key_prefix(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; }) &&
         text.find_first_of("*?[]\\") == std::string_view::npos;
}

bool is_path_prefix(std::string_view text) {
  const auto allowed = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' ||
           c == '.' || c == '~';
  };
  return text.size() > 1 && text.front() == '/' && text.back() != '/' && text.find("//") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), allowed);
}

/// A path from the root: `/api/v1/courses`.
bool is_rule_path(std::string_view text) {
  return text.starts_with('/') && text.find_first_of(" ?#") == std::string_view::npos;
}

/// `*`, `example.org`, `.example.org`, `[::1]`; without a port.
bool is_host_pattern(std::string_view text) {
  if (text == "*" || text.starts_with('[')) return true;
  return text.find_first_of(" \t/:@*") == std::string_view::npos;
}

/// `*`, `https://school.example.org`, `http://localhost:3000`: as browsers write them, in lower case and without a
/// path.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const auto scheme = text.find("://");
  return is_url(text) && text.find_first_of("/?#@", scheme + 3) == std::string_view::npos &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// A path in Vault, or the name of a namespace: `lms`, `schools/north`.
bool is_vault_path(std::string_view text) {
  const auto is_part = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' ||
           c == '.';
  };
  const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  return !text.empty() && text.front() != '/' && text.back() != '/' && !has("//") && !has("..") &&
         std::all_of(text.begin(), text.end(), is_part);
}
bool empty_or_vault_path(std::string_view text) {
  return text.empty() || is_vault_path(text);
}
bool is_metrics_token(std::string_view text) {
  constexpr std::size_t shortest = 16;
  return text.empty() ||
         (text.size() >= shortest && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; }));
}
/// What may stand in a header.
bool is_vault_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::vector<SettingSection> make_table() {
  using S = Settings;
  return {
      {"School",
       {
           before_vault(choice("ENVIRONMENT", &S::environment,
                               "What the installation is for. In `production` a strong `SECRET_KEY` and a "
                               "`DATABASE_URL` must be set and `DEBUG` is refused; `staging` is the same with `DEBUG` "
                               "allowed.")),
           boolean("DEBUG", &S::debug, "Puts internal details into answers about internal errors."),
           text("PROJECT_NAME", &S::project_name, "a name of one line", is_line,
                "The school's name, as it stands in the API's documentation."),
           text("DEFAULT_LANGUAGE", &S::default_language, "a language such as en or pt-BR", is_language,
                "The language of accounts that do not say theirs, and so of their first mail."),
           text("DEFAULT_TIMEZONE", &S::default_timezone, "a name of the IANA time zone database such as Europe/Madrid",
                is_timezone, "The time zone of accounts that do not say theirs."),
           text("API_V1_PREFIX", &S::api_prefix, "a path such as /api/v1 that does not end in a slash", is_path_prefix,
                "The path that all operations of the API stand below."),
           text("PUBLIC_URL", &S::public_url, "empty, or an http or https address without a slash at its end",
                empty_or_base_url,
                "Where people reach the school from outside; links in answers begin with it. Empty: links are "
                "relative."),
           text("FRONTEND_URL", &S::frontend_url, "empty, or an http or https address without a slash at its end",
                empty_or_base_url,
                "Where links in mails lead: to `/verify-email`, `/reset-password` and `/accept-invitation` below it, "
                "with `#token=…` behind. Empty: to the server's own pages below `PUBLIC_URL`."),
           choice("ERROR_FORMAT", &S::error_format,
                  "The shape of error answers: `detail` as FastAPI has it, `flat` with a code and a time, `rich` with "
                  "severity and category."),
           boolean(
               "RESPONSE_ENVELOPE_ENABLED", &S::response_envelope,
               "Whether answers that are JSON and no error come as `{success, data, meta}`. Files, probes and what is "
               "not below `API_V1_PREFIX` come as they are."),
       }},
      {"HTTP server",
       {
           text("HOST", &S::host, "an address or a host name", not_empty,
                "The address to listen on. `0.0.0.0` or `::` listens on all of them."),
           integer("PORT", &S::port, 0, 65'535, "The port to listen on; 0 takes any that is free."),
           integer("WORKERS", &S::workers, 0, 1'024, "Threads that serve connections; 0: as many as there are cores."),
           list(
               "ALLOWED_HOSTS", &S::allowed_hosts, "host names (`*` for any)", is_host_pattern,
               "Host names the school answers to; `.example.org` means that name and all below it. Requests for others "
               "get 400; probes of health may use any name.",
               1),
           list("TRUSTED_PROXIES", &S::trusted_proxies, "IP addresses or networks such as 10.0.0.0/8",
                IpNetworks::is_range,
                "Proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` headers are believed."),
           also(list("CORS_ORIGINS", &S::cors_origins, "origins such as https://school.example.org (`*` for any)",
                     is_origin, "Other origins whose pages may call the API from a browser. Empty: none."),
                {"CORS_ALLOWED_ORIGINS"}),
           boolean("CORS_ALLOW_CREDENTIALS", &S::cors_allow_credentials,
                   "Whether browsers may send cookies and the like along. The API has no use for them; a proxy before "
                   "it may."),
           boolean("SECURE_SSL_REDIRECT", &S::secure_ssl_redirect,
                   "Sends requests that came by plain HTTP, seen through `TRUSTED_PROXIES`, on to https: at "
                   "`PUBLIC_URL`, or the host they named. Probes of health are answered."),
           duration("SECURE_HSTS_SECONDS", &S::secure_hsts_max_age, 0, 63'072'000,
                    "How long browsers shall use https only (`Strict-Transport-Security`), told in production and over "
                    "TLS; 0: not told."),
           boolean("SECURE_HSTS_INCLUDE_SUBDOMAINS", &S::secure_hsts_include_subdomains,
                   "Whether that holds for all names below the school's, too."),
           boolean("SECURE_HSTS_PRELOAD", &S::secure_hsts_preload,
                   "Whether browsers may have it built in; needs subdomains and a year at least."),
           headers(
               "SECURITY_HEADERS", &S::security_headers,
               "Security headers in place of the usual ones (docs/http.md lists them), or without one, by null. The "
               "pages of the documentation keep a `Content-Security-Policy` of their own."),
           integer("MAX_BODY_KB", &S::max_body_kb, 1, 1'048'576,
                   "The largest request body, in KiB; a larger one gets 413."),
           integer("MAX_CONNECTIONS", &S::max_connections, 1, 1'000'000,
                   "Connections open at a time; further ones get 503."),
           duration("IDLE_TIMEOUT_SECONDS", &S::idle_timeout, 1, 3'600,
                    "How long a connection may stay open between requests."),
           duration("REQUEST_TIMEOUT_SECONDS", &S::request_timeout, 1, 3'600,
                    "How long a client may take to send a request or to take its answer."),
           duration("SHUTDOWN_TIMEOUT_SECONDS", &S::shutdown_timeout, 0, 3'600,
                    "How long requests and jobs that have begun may go on after the server was told to stop."),
       }},
      {"Database",
       {
           secret(text("DATABASE_URL", &S::database_url,
                       "sqlite:///file.db (relative), sqlite:////dir/file.db (absolute), sqlite:// (in memory) or "
                       "postgresql://user:password@host:5432/name",
                       is_database_url,
                       "Where the school is kept. SQLAlchemy's spellings with a driver (`postgresql+asyncpg://`) are "
                       "understood. This release stores in SQLite and in memory."),
                  Secrecy::password_in_url),
           also(boolean("DB_ECHO", &S::db_echo, "Logs every statement, without its values."), {"SQLALCHEMY_ECHO"}),
           duration("DB_SLOW_QUERY_MS", &S::db_slow_query, 0, 3'600'000,
                    "Statements that take longer than this many milliseconds are logged; 0: none."),
           choice("SQLITE_SYNCHRONOUS", &S::sqlite_synchronous,
                  "How far SQLite goes before it calls a write done: `FULL` survives a power cut, `NORMAL` may then "
                  "lose the last moments but is faster."),
       }},
      {"Redis",
       {
           secret(
               text("REDIS_URL", &S::redis_url,
                    "empty, redis://user:password@host:6379/0, of which only the host is needed, or unix:///path?db=0",
                    empty_or_redis_url,
                    "A Redis that the nodes of a school share: what clients have asked (`RATE_LIMIT_USE_REDIS`) and "
                    "revoked tokens are kept there. Empty: one node needs none. docs/redis.md says what happens "
                    "while it is away."),
               Secrecy::password_in_url),
           text("REDIS_KEY_PREFIX", &S::redis_key_prefix, "visible characters without blanks", is_key_prefix,
                "Stands before each key, so that schools, and other programs, can share a Redis."),
           duration("REDIS_TIMEOUT_MS", &S::redis_timeout, 1, 10'000,
                    "How long a request waits for Redis, in milliseconds, before it goes on without."),
           integer(
               "REDIS_POOL_SIZE", &S::redis_pool_size, 1, 1'000,
               "Connections to Redis. Requests that come at the same time share them; more are of use only if Redis "
               "is far away."),
       }},
      {"Cache",
       {
           boolean("CACHE_ENABLED", &S::cache_enabled,
                   "Keeps answers to those who are not signed in, and gives them again as long as nothing has changed "
                   "that they show."),
           duration(
               "COURSE_CACHE_TTL_SECONDS", &S::course_cache_ttl, 0, 86'400,
               "How long a course and lists of courses may be kept, within CACHE_MAX_STALE_SECONDS; 0: not at all."),
           duration("CACHE_MAX_STALE_SECONDS", &S::cache_max_stale, 0, 86'400,
                    "How long anything may be kept, and so how late a change is seen that another process has written: "
                    "a command of `lms-server`, or a second server on the same database. What this process writes is "
                    "seen at once, and with `REDIS_URL` also what others write. 0: nothing is kept."),
           integer("CACHE_MEMORY_MB", &S::cache_memory_mb, 1, 65'536,
                   "Memory that kept answers may take, in MiB; those that were last asked for stay."),
       }},
      {"Rate limits",
       {
           boolean("RATE_LIMIT_ENABLED", &S::rate_limit_enabled,
                   "Whether requests are limited. docs/rate-limits.md explains the rules."),
           choice("RATE_LIMIT_KEY_MODE", &S::rate_limit_key,
                  "Whom the default rule and those of paths count: the address (`ip`); the user (`user`; without a "
                  "token only the rules of paths count, by address); or the user and, without a token, the address."),
           also(integer("RATE_LIMIT_PER_MINUTE", &S::rate_limit_requests, 1, RateRule::most,
                        "Requests that a client may make in `RATE_LIMIT_WINDOW_SECONDS`, by the default rule."),
                {"RATE_LIMIT_REQUESTS_PER_MINUTE"}),
           duration("RATE_LIMIT_WINDOW_SECONDS", &S::rate_limit_window, 1, RateRule::longest.count(),
                    "The window of the default rule."),
           rate("RATE_LIMIT_API", &S::rate_limit_api, "The default rule as a rate, in place of the two above."),
           integer("RATE_LIMIT_AUTH_PER_MINUTE", &S::rate_limit_auth_per_minute, 1, RateRule::most,
                   "Requests a minute to sign in, to register and to reset a password, in place of the default rule."),
           rate("RATE_LIMIT_AUTH", &S::rate_limit_auth, "The same as a rate, such as 5/minute."),
           rates("RATE_LIMIT_CUSTOM_RULES", &S::rate_limit_custom_rules, "each path", is_rule_path,
                 "Rules for paths and all below them, in place of the default rule; the longest path counts."),
           rate("RATE_LIMIT_GLOBAL", &S::rate_limit_global, "What all clients together may ask, besides other rules."),
           rate("RATE_LIMIT_PER_IP", &S::rate_limit_address, "What an address may ask, besides other rules."),
           rates("RATE_LIMIT_ROLES", &S::rate_limit_roles, "each role", not_empty,
                 "What each user of a role may ask, besides other rules."),
           choice("RATE_LIMIT_PROFILE", &S::rate_limit_profile,
                  "`adaptive` sets the next three to 100/hour, 1000/hour (ten times that with `DEBUG`) and 30/minute "
                  "where they are empty."),
           rate("ANON_THROTTLE_RATE", &S::anonymous_rate,
                "What an address may ask without a token, besides other rules."),
           rate("USER_THROTTLE_RATE", &S::user_rate, "What a user may ask, besides other rules."),
           rate("WRITE_THROTTLE_RATE", &S::write_rate,
                "How often a user, or an address without a token, may write, besides other rules."),
           boolean("RATE_LIMIT_PENALTIES", &S::rate_limit_penalties,
                   "Keeps who breaks a rule out for a second, then two, four and so on up to an hour."),
           list("RATE_LIMIT_ALLOWED_IPS", &S::rate_limit_allowed_ips, "IP addresses or networks such as 10.0.0.0/8",
                IpNetworks::is_range, "Addresses that are not limited."),
           integer("RATE_LIMIT_MAX_KEYS", &S::rate_limit_max_keys, 64, 100'000'000,
                   "Clients under rules that are remembered, about 300 bytes each; of more, those that were away "
                   "longest are forgotten."),
           boolean("RATE_LIMIT_USE_REDIS", &S::rate_limit_use_redis,
                   "Whether all nodes count together, in the Redis of `REDIS_URL`. Without one each counts by itself."),
           boolean("RATE_LIMIT_FAIL_CLOSED", &S::rate_limit_fail_closed,
                   "What happens while that Redis does not answer: `true` refuses requests with 503, `false` lets each "
                   "node count by itself."),
           list("ADMIN_ALLOWED_IPS", &S::admin_allowed_ips, "IP addresses or networks such as 10.0.0.0/8",
                IpNetworks::is_range, "Addresses that operations below `/admin` may be called from. Empty: all."),
       }},
      {"Encryption",
       {
           secret(list("ENCRYPTION_KEY", &S::encryption_keys, "Fernet keys of 44 characters", anything,
                       "Encrypts secrets in the database. Make one with `lms-server crypto generate-key`, and keep it "
                       "apart from the database: without it they are lost. Of several keys the first one encrypts and "
                       "all decrypt; docs/encryption.md says how to replace one. Empty: what must be kept secret is "
                       "refused, for no key is ever made up.")),
       }},
      {"Requests that are sent again",
       {
           duration("IDEMPOTENCY_TTL_HOURS", &S::idempotency_ttl, 1, 720,
                    "For how many hours the answer to a request with the header `Idempotency-Key` is kept, to be given "
                    "again when the request comes again."),
       }},
      {"Tokens",
       {
           also(secret(text(
                    "SECRET_KEY", &S::secret_key, "a text of at least 32 characters", anything,
                    "Signs tokens if `ALGORITHM` is HS256, and has no use otherwise; whoever knows it can be anyone. "
                    "Make one with `openssl rand -base64 48`. In development a random one is made at each start when "
                    "none is set, so tokens end with the process.")),
                {"JWT_SECRET"}),
           choice("ALGORITHM", &S::algorithm,
                  "What signs new tokens: `SECRET_KEY` (HS256), or `JWT_PRIVATE_KEY`, whose public part "
                  "`/.well-known/jwks.json` gives to all who want to verify tokens themselves: an Ed25519 key (EdDSA), "
                  "or an RSA key (RS256)."),
           secret(text("JWT_PRIVATE_KEY", &S::jwt_private_key,
                       "a private key in PEM, of the kind that `ALGORITHM` names", anything,
                       "Signs tokens if `ALGORITHM` is EdDSA or RS256: PKCS#8 or PKCS#1 without a passphrase, line "
                       "ends as they are or as `\\n`. Make one with `openssl genpkey -algorithm ed25519`, or `openssl "
                       "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`.")),
           secret(text("JWT_PREVIOUS_KEYS", &S::jwt_previous_keys, "keys in PEM one after another, private or public",
                       anything,
                       "Ed25519 and RSA keys that verify tokens though they sign none: those that `JWT_PRIVATE_KEY` "
                       "was, until their tokens have expired, and the one that it will be, before all nodes know it. "
                       "They are published as well.")),
           secret(list("SECRET_KEY_PREVIOUS", &S::secret_key_previous, "secrets of at least 32 characters", anything,
                       "Secrets that verify tokens though they sign none: those that `SECRET_KEY` was, until their "
                       "tokens have expired, whatever `ALGORITHM` is now. A secret with a comma in it needs the JSON "
                       "form.")),
           text("JWT_ISSUER", &S::jwt_issuer, "empty, or a text of one line", empty_or_line,
                "The `iss` claim of tokens; one that lacks it is refused. Empty: no such claim."),
           text("JWT_AUDIENCE", &S::jwt_audience, "empty, or a text of one line", empty_or_line,
                "The `aud` claim of tokens; one that lacks it is refused. Empty: no such claim."),
           duration("JWT_LEEWAY_SECONDS", &S::jwt_leeway, 0, 300,
                    "How far the clocks of servers that share tokens may differ."),
           duration("ACCESS_TOKEN_EXPIRE_MINUTES", &S::access_token_lifetime, 1, 10'080,
                    "Lifetime of an access token."),
           duration("REFRESH_TOKEN_EXPIRE_DAYS", &S::refresh_token_lifetime, 1, 3'650,
                    "Lifetime of a refresh token; SESSION_TIMEOUT_HOURS may end its session before."),
           also(duration("PASSWORD_RESET_TOKEN_EXPIRE_MINUTES", &S::password_reset_token_lifetime, 1, 10'080,
                         "Lifetime of a token that lets somebody set a new password."),
                {{"RESET_TOKEN_EXPIRY_HOURS", 60}}),
           duration("EMAIL_VERIFICATION_TOKEN_EXPIRE_MINUTES", &S::email_verification_token_lifetime, 1, 43'200,
                    "Lifetime of a token that proves a mail address."),
           duration("MFA_CHALLENGE_TOKEN_EXPIRE_MINUTES", &S::mfa_challenge_token_lifetime, 1, 60,
                    "Lifetime of the token between a password and the second factor."),
       }},
      {"Passwords",
       {
           integer("PASSWORD_MIN_LENGTH", &S::password_min_length, 8, 128,
                   "The shortest password accepted, in characters."),
           integer("ARGON2_MEMORY_KIB", &S::argon2_memory_kib, 8, costliest_argon2id.memory_kib,
                   "Memory that hashing one password takes, in KiB. Old hashes are renewed at the next login."),
           integer("ARGON2_ITERATIONS", &S::argon2_iterations, 1, costliest_argon2id.iterations,
                   "Passes over that memory."),
           integer(
               "ARGON2_MAX_CONCURRENT", &S::argon2_max_concurrent, 1, 1'024,
               "Passwords hashed at the same time, so that a flood of logins cannot take all memory and processors."),
       }},
      {"Sign-in and sessions",
       {
           boolean(
               "REQUIRE_EMAIL_VERIFICATION", &S::require_email_verification,
               "Lets nobody sign in before the address is verified. Registering then never tells whether there is an "
               "account."),
           integer("MFA_LOGIN_CODE_LENGTH", &S::mfa_login_code_length, 6, 10,
                   "Digits of a code that is mailed to finish a sign-in."),
           duration(
               "MFA_LOGIN_CODE_EXPIRE_MINUTES", &S::mfa_login_code_lifetime, 1, 60,
               "Lifetime of such a code, which ends with the sign-in (`MFA_CHALLENGE_TOKEN_EXPIRE_MINUTES`) in any "
               "case."),
           integer("MAX_FAILED_ATTEMPTS", &S::max_failed_attempts, 1, 100,
                   "Wrong passwords, or wrong second factors, after which every sign-in with that address is refused "
                   "for a while."),
           duration("LOCKOUT_DURATION_MINUTES", &S::lockout_duration, 1, 10'080,
                    "How long that is; failures older than it are forgotten."),
           duration("SESSION_TIMEOUT_HOURS", &S::session_timeout, 0, 87'600,
                    "A session that was not refreshed for that long is over; not shorter than the life of an access "
                    "token. 0: it lives as long as its refresh token."),
           duration(
               "SESSION_MAX_DAYS", &S::session_max_age, 0, 3'650,
               "A session is over after that many days however often it is refreshed. 0: it goes on as long as it is "
               "used."),
           integer("MAX_SESSIONS_PER_USER", &S::max_sessions_per_user, 1, 1'000,
                   "Sessions that one user may have at a time; a further sign-in ends the one that was not used for "
                   "longest."),
           duration("REFRESH_REUSE_GRACE_SECONDS", &S::refresh_reuse_grace, 0, 60,
                    "How long a device may repeat the newest exchange of a refresh token, and gets the same successor, "
                    "so that two requests which race, or an answer that is lost, do not end the session. 0: any reuse "
                    "ends it."),
           boolean("ACCESS_TOKEN_BLACKLIST_ENABLED", &S::access_token_blacklist_enabled,
                   "Whether single access tokens can be revoked before their time. Without, the tokens of a session "
                   "still end with it; those that a program made without one are good until they expire."),
           boolean("ACCESS_TOKEN_BLACKLIST_FAIL_CLOSED", &S::access_token_blacklist_fail_closed,
                   "What becomes of tokens while a blacklist that is not kept in the database does not answer: `true` "
                   "refuses them with 503, `false` lets them in and warns in the log. Empty: `false` in development, "
                   "else `true`."),
           text("ACCESS_TOKEN_BLACKLIST_PREFIX", &S::access_token_blacklist_prefix, "visible characters without blanks",
                is_key_prefix, "Stands before the id of each revoked token in Redis, behind `REDIS_KEY_PREFIX`."),
       }},
      {"First admin",
       {
           text("ADMIN_EMAIL", &S::admin_email, "empty, or a mail address", empty_or_email,
                "An admin with this address is made at start if the school has none. Needs `ADMIN_PASSWORD`."),
           secret(text("ADMIN_PASSWORD", &S::admin_password, "any text", anything,
                       "The first password of that admin. Change it after the first login and remove both settings.")),
       }},
      {"Mail",
       {
           also(text("SMTP_HOST", &S::smtp_host, "empty, or the name or address of a server, without scheme and port",
                     empty_or_mail_host,
                     "The server that takes the school's mails. Empty: mails are only logged, with their text in "
                     "development."),
                {"SMTP_SERVER"}),
           integer("SMTP_PORT", &S::smtp_port, 1, 65'535, "Its port: 587 for STARTTLS, 465 for TLS from the start."),
           text("SMTP_USERNAME", &S::smtp_username, "any text", anything,
                "Whom to log in as. Empty: no login. Needs `SMTP_PASSWORD`."),
           also(secret(text("SMTP_PASSWORD", &S::smtp_password, "any text", anything, "The password of that login.")),
                {"EMAIL_HOST_PASSWORD"}),
           boolean("SMTP_USE_TLS", &S::smtp_use_tls,
                   "STARTTLS: the connection turns to TLS before anything is said, and a server that cannot is "
                   "refused. Off by itself with `SMTP_USE_SSL`."),
           boolean("SMTP_USE_SSL", &S::smtp_use_ssl, "TLS from the first byte."),
           text("SMTP_CA_FILE", &S::smtp_ca_file, "empty, or the path of a PEM file", anything,
                "The authorities that may vouch for the server in place of the system's, for a private one."),
           duration("SMTP_TIMEOUT_SECONDS", &S::smtp_timeout, 1, 600,
                    "How long handing over one mail may take, connecting included."),
           also(
               text("EMAIL_FROM", &S::email_from, "empty, a mail address, or a name and one: School <a@example.org>",
                    empty_or_mailbox,
                    "The sender of all mails, needed with `SMTP_HOST`. Without a name the one of the school is taken."),
               {"FROM_EMAIL"}),
           text("MAIL_TEMPLATES_DIR", &S::mail_templates_dir, "empty, or the path of a folder", anything,
                "A folder whose files take the place of the built-in templates of the same name; see docs/mail.md."),
       }},
      {"Vault",
       {
           before_vault(
               boolean("USE_VAULT", &S::use_vault,
                       "Reads settings from HashiCorp Vault or OpenBao at start; they go over the environment. "
                       "docs/secrets.md says how. In development the program goes on when Vault cannot be "
                       "asked, otherwise it ends.")),
           before_vault(also(
               text("VAULT_URL", &S::vault_url, "empty, or an http or https address without a slash at its end",
                    empty_or_base_url, "Where Vault is. Plain http is for this machine alone, save in development."),
               {"VAULT_ADDR"})),
           before_vault(secret(text("VAULT_TOKEN", &S::vault_token, "empty, or visible characters without blanks",
                                    is_vault_token,
                                    "The token to ask with. It needs to read the one secret; `serve` renews it."))),
           before_vault(text("VAULT_MOUNT", &S::vault_mount, "a path such as secret", is_vault_path,
                             "Where the key-value engine is, which is of version 2.")),
           before_vault(text("VAULT_PATH", &S::vault_path, "a path such as lms or schools/north", is_vault_path,
                             "The secret in that engine. Its keys are names of settings.")),
           before_vault(text("VAULT_NAMESPACE", &S::vault_namespace, "empty, or a path", empty_or_vault_path,
                             "The namespace, where Vault has them.")),
           before_vault(text("VAULT_CACERT", &S::vault_cacert, "empty, or the path of a file", anything,
                             "PEM file of the authorities that vouch for Vault. Empty: those of the system.")),
       }},
      {"Metrics and health",
       {
           secret(
               text("METRICS_TOKEN", &S::metrics_token, "empty, or at least 16 visible characters without blanks",
                    is_metrics_token,
                    "Monitors send it as `Authorization: Bearer …` to read `/metrics` and the numbers of "
                    "`/health/detailed` and `/api/healthcheck`. Empty: `/metrics` is open to all, and the numbers of "
                    "health are for admins. docs/metrics.md lists what is counted.")),
       }},
      {"Log",
       {
           choice("LOG_LEVEL", &S::log_level, "The least important lines that are written."),
           choice("LOG_FORMAT", &S::log_format, "`text` for a terminal, `json` with one object a line for machines."),
           text("LOG_DIR", &S::log_dir, "empty, or the path of a folder", anything,
                "A folder for `app.log`, `tasks.log`, `security.log` and `access.log`, which is made if it is not "
                "there. "
                "Empty: everything goes to standard error."),
           integer("LOG_FILE_MB", &S::log_file_mb, 1, 1'024,
                   "How large a file may become before a new one begins, in MiB."),
           integer("LOG_OLD_FILES", &S::log_old_files, 1, 1'000,
                   "Full files of each kind that are kept: `app.1.log` is the newest of them."),
       }},
  };
}

constexpr auto useless = std::to_array<UselessName>({
    {"API_VERSION", "the version is the program's own"},
    {"CELERY_BROKER_URL", "jobs are kept in the database"},
    {"CELERY_RESULT_BACKEND", "jobs and their results are kept in the database"},
    {"CSRF_COOKIE_SECURE", "the API uses no cookies"},
    {"DATABASE_URL_SYNC", "`DATABASE_URL` serves every part of the program"},
    {"GRAFANA_PORT", "it belongs to Grafana"},
    {"MONGO_URL", "the database is named by `DATABASE_URL`"},
    {"PROMETHEUS_PORT", "it belongs to Prometheus"},
    {"SECURE_BROWSER_XSS_FILTER", "browsers no longer have that filter"},
    {"SECURE_CONTENT_TYPE_NOSNIFF", "that header is always sent"},
    {"SESSION_COOKIE_SECURE", "the API uses no cookies"},
    {"SSL_CERT_PATH", "TLS ends at the proxy in front"},
    {"SSL_KEY_PATH", "TLS ends at the proxy in front"},
    {"VERSION", "the version is the program's own"},
});

constexpr auto reserved = std::to_array<std::string_view>({
    "ALLOWED_UPLOAD_EXTENSIONS",
    "ANALYTICS_SECRET",
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "AWS_S3_BUCKET",
    "AWS_S3_BUCKET_URL",
    "AWS_S3_ENDPOINT_URL",
    "AWS_SECRET_ACCESS_KEY",
    "CACHE_DEFAULT_TTL_SECONDS",
    "CACHE_KEY_PREFIX",
    "CELERY_TASK_ALWAYS_EAGER",
    "CERTIFICATES_DIR",
    "DB_MAX_IDLE_TIME_MS",
    "DB_MAX_OVERFLOW",
    "DB_MAX_POOL_SIZE",
    "DB_MIN_POOL_SIZE",
    "DB_POOL_SIZE",
    "ENROLLMENT_CACHE_TTL_SECONDS",
    "FILE_STORAGE_PROVIDER",
    "LESSON_CACHE_TTL_SECONDS",
    "LOG_BODIES",
    "MAX_UPLOAD_MB",
    "MYFATOORAH_API_KEY",
    "QUERY_CACHE_TTL_SECONDS",
    "QUIZ_CACHE_TTL_SECONDS",
    "QUIZ_QUESTION_CACHE_TTL_SECONDS",
    "RATE_LIMIT_UPLOAD_PER_HOUR",
    "REVALIDATE_SECRET",
    "SENTRY_DSN",
    "SENTRY_TRACES_SAMPLE_RATE",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "TASKS_FORCE_INLINE",
    "UPLOAD_DIR",
    "USER_CACHE_TTL_SECONDS",
    "WEBHOOKS_ENABLED",
    "WEBHOOK_ALLOW_PRIVATE",
    "WEBHOOK_RETRY_DAYS",
    "WEBHOOK_RETRY_DELAY",
    "WEBHOOK_RETRY_MAX",
    "WEBHOOK_SIGNING_SECRET",
    "WEBHOOK_TARGETS",
    "WEBHOOK_TIMEOUT_SECONDS",
});

}  // namespace

const std::vector<SettingSection>& setting_table() {
  static const std::vector<SettingSection> table = make_table();
  return table;
}

std::span<const UselessName> useless_names() {
  return useless;
}
std::span<const std::string_view> reserved_names() {
  return reserved;
}

}  // namespace lms
