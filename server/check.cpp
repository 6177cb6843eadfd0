#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/backends/https.hpp>
#include <lms/lms.hpp>

#include "commands.hpp"
#include "failure.hpp"

namespace lms::server {

namespace {

enum class Verdict { ok, warning, failed };
constexpr auto names_of(Verdict) {
  return std::array<std::string_view, 3>{"ok", "warning", "failed"};
}

struct Finding {
  std::string_view group;  ///< `headers`, `limits`, …
  std::string what;
  Verdict verdict;
  std::string detail = {};
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Whether the address is one of this machine, where nobody listens on the way.
bool is_here(std::string_view url) {
  const std::string_view host = url.substr(url.find("://") + 3);
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
}

/// The number at the end of `max-age=…`.
std::int64_t max_age(std::string_view text) {
  constexpr std::string_view name = "max-age=";
  const auto begin = text.find(name);
  if (begin == std::string_view::npos) return 0;
  std::int64_t seconds = 0;
  for (const char c : text.substr(begin + name.size())) {
    if (c < '0' || c > '9') break;
    seconds = std::min<std::int64_t>(seconds * 10 + (c - '0'), INT32_MAX);
  }
  return seconds;
}

/// Looks at a server from outside, as anybody can.
class Inspection {
 public:
  Inspection(HttpClient& client, const CheckOptions& options)
      : client_(client), options_(options), url_(options.url), is_tls_(url_.starts_with("https://")) {
    while (url_.ends_with('/')) url_.pop_back();
  }

  std::vector<Finding> findings() && {
    const HttpResponse health = get("/health");
    const HttpResponse list = get(options_.prefix + "/courses");
    look_at_transport(list);
    look_at_headers(list);
    look_at_health(health);
    look_at_access();
    look_at_documentation();
    look_at_limits(list);
    if (options_.flood > 0) flood();
    return std::move(findings_);
  }

 private:
  HttpResponse get(const std::string& path, HttpFields headers = {}) {
    return client_.send({.url = url_ + path, .headers = std::move(headers), .body = {}, .timeout = options_.timeout});
  }

  void note(std::string_view group, std::string what, Verdict verdict, std::string detail = {}) {
    findings_.push_back({group, std::move(what), verdict, std::move(detail)});
  }
  void expect(bool good, std::string_view group, std::string what, std::string detail,
              Verdict otherwise = Verdict::failed) {
    note(group, std::move(what), good ? Verdict::ok : otherwise, good ? std::string() : std::move(detail));
  }

  void look_at_transport(const HttpResponse& list) {
    constexpr std::int64_t half_a_year = 15'552'000;
    if (!is_tls_) {
      note("transport", "https", is_here(url_) ? Verdict::warning : Verdict::failed,
           "asked by plain http: everybody on the way can read passwords and tokens");
      return;
    }
    note("transport", "https", Verdict::ok);
    const std::string* hsts = list.header("Strict-Transport-Security");
    expect(hsts && max_age(*hsts) >= half_a_year, "transport", "Strict-Transport-Security",
           hsts ? "is for less than half a year: " + *hsts : "is missing");
  }

  void look_at_headers(const HttpResponse& list) {
    const auto has = [&](const char* name, auto&& is_good, const char* otherwise) {
      const std::string* value = list.header(name);
      expect(value && is_good(*value), "headers", name, value ? otherwise + (": " + *value) : "is missing");
    };
    const auto any = [](std::string_view value) { return !value.empty(); };
    has(
        "Content-Security-Policy",
        [](std::string_view value) { return !contains(value, "unsafe-inline") && !contains(value, "unsafe-eval"); },
        "lets pages run what is written into them");
    has(
        "X-Frame-Options", [](std::string_view value) { return value == "DENY" || value == "SAMEORIGIN"; },
        "lets others put the school into a frame");
    has(
        "X-Content-Type-Options", [](std::string_view value) { return value == "nosniff"; }, "must be nosniff");
    has("Referrer-Policy", any, "is empty");
    has("Permissions-Policy", any, "is empty");
    for (const char* name : {"Server", "X-Powered-By"}) {
      const std::string* value = list.header(name);
      const bool tells_version = value && value->find_first_of("0123456789") != std::string::npos;
      expect(!tells_version, "headers", std::string(name) + " tells no version", value ? *value : "");
    }
  }

  void look_at_limits(const HttpResponse& first) {
    const auto remaining = [](const HttpResponse& response) {
      const std::string* value = response.header("X-RateLimit-Remaining");
      return value ? std::optional(std::strtoll(value->c_str(), nullptr, 10)) : std::nullopt;
    };
    const HttpResponse second = get(options_.prefix + "/courses");
    const auto before = remaining(first), after = remaining(second);
    expect(before && after && (*after < *before || second.status == 429), "limits", "requests are counted",
           before ? "X-RateLimit-Remaining does not go down" : "X-RateLimit-Remaining is missing");
  }

  /// Comes last: whoever is stopped gets no other answers.
  void flood() {
    std::int64_t sent = 0;
    bool is_stopped = false;
    for (; !is_stopped && sent < options_.flood; ++sent) is_stopped = get(options_.prefix + "/courses").status == 429;
    note("limits", "a flood is stopped", is_stopped ? Verdict::ok : Verdict::failed,
         is_stopped ? "at request " + std::to_string(sent) : "not within " + std::to_string(sent) + " requests");
  }

  void look_at_health(const HttpResponse& health) {
    expect(health.status == 200 && contains(health.body, "\"healthy\""), "health", "/health says healthy",
           "status " + std::to_string(health.status));
    const HttpResponse ready = get("/ready");
    expect(ready.status == 200, "health", "/ready says ready", "status " + std::to_string(ready.status));
    const HttpResponse check = get("/api/healthcheck");
    expect(!contains(check.body, "latency") && !contains(check.body, "version"), "health",
           "numbers are not for strangers", "/api/healthcheck tells them");
    const HttpResponse metrics = get("/metrics");
    expect(metrics.status != 200, "health", "metrics are not for strangers",
           "/metrics answers anybody: set METRICS_TOKEN, or keep it from the internet at the proxy",
           is_here(url_) ? Verdict::warning : Verdict::failed);
  }

  void look_at_access() {
    const HttpResponse people = get(options_.prefix + "/users");
    expect(people.status == 401, "access", "people are not for strangers", "status " + std::to_string(people.status));
    const HttpResponse forged =
        get(options_.prefix + "/users/me", {{"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."}});
    expect(forged.status == 401, "access", "an unsigned token is refused", "status " + std::to_string(forged.status));
    const HttpResponse foreign = get(options_.prefix + "/courses", {{"Origin", "https://attacker.invalid"}});
    const std::string* allowed = foreign.header("Access-Control-Allow-Origin");
    const std::string* credentials = foreign.header("Access-Control-Allow-Credentials");
    expect(!(allowed && credentials && *credentials == "true"), "access", "strange origins get no credentials",
           "any page may call with the visitor's cookies");
    expect(!allowed || *allowed != "*", "access", "origins are named", "pages of any origin may call the API",
           Verdict::warning);
  }

  void look_at_documentation() {
    const HttpResponse docs = get("/docs");
    expect(docs.status == 200, "documentation", "/docs", "status " + std::to_string(docs.status));
    const std::string* policy = docs.header("Content-Security-Policy");
    if (docs.status == 200)
      expect(policy && !contains(*policy, "unsafe-eval"), "documentation", "/docs evaluates no texts",
             policy ? *policy : "Content-Security-Policy is missing");
    const HttpResponse schema = get("/openapi.json");
    std::string fault = "status " + std::to_string(schema.status);
    bool is_good = false;
    if (schema.status == 200) {
      try {
        const Value document = parse_json(schema.body);
        is_good = document.is_object() && document.as_object().find("openapi") && document.as_object().find("paths");
        fault = "is no OpenAPI document";
      } catch (const Error&) {
        fault = "is not JSON";
      }
    }
    expect(is_good, "documentation", "/openapi.json", fault);
  }

  HttpClient& client_;
  const CheckOptions& options_;
  std::string url_;
  const bool is_tls_;
  std::vector<Finding> findings_;
};

std::int64_t count(const std::vector<Finding>& findings, Verdict verdict) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.verdict == verdict; });
}

void print_for_people(const std::string& url, const std::vector<Finding>& findings) {
  std::printf("%s\n", url.c_str());
  std::string_view group;
  for (const Finding& finding : findings) {
    if (finding.group != group) std::printf("\n%s\n", std::string(finding.group).c_str());
    group = finding.group;
    std::printf("  %-8s %s%s\n", std::string(name_of(finding.verdict)).c_str(), finding.what.c_str(),
                finding.detail.empty() ? "" : (": " + finding.detail).c_str());
  }
  std::printf("\n%lld ok, %lld warnings, %lld failed\n", static_cast<long long>(count(findings, Verdict::ok)),
              static_cast<long long>(count(findings, Verdict::warning)),
              static_cast<long long>(count(findings, Verdict::failed)));
}

void print_for_machines(const std::string& url, const std::vector<Finding>& findings) {
  Array rows;
  for (const Finding& finding : findings)
    rows.push_back(Object{{"group", finding.group},
                          {"check", finding.what},
                          {"verdict", name_of(finding.verdict)},
                          {"detail", finding.detail}});
  const Object report{{"url", url},
                      {"ok", count(findings, Verdict::ok)},
                      {"warnings", count(findings, Verdict::warning)},
                      {"failed", count(findings, Verdict::failed)},
                      {"checks", std::move(rows)}};
  std::printf("%s\n", to_json(report, 2).c_str());
}

}  // namespace

void check(const CheckOptions& options) {
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://"))
    throw Failure(ExitCode::usage, options.url + " is no http or https address");
  const auto client = open_https_client({.ca_file = options.ca_file, .user_agent = "lms-server check"});
  std::vector<Finding> findings;
  try {
    findings = Inspection(*client, options).findings();
  } catch (const Error& error) {
    const bool cannot_be_asked = error.code() == ErrorCode::unavailable;
    throw Failure(cannot_be_asked ? ExitCode::unavailable : ExitCode::usage, error.what());
  }
  if (options.json)
    print_for_machines(options.url, findings);
  else
    print_for_people(options.url, findings);
  const std::int64_t failed = count(findings, Verdict::failed);
  if (failed > 0)
    throw Failure(ExitCode::failure, std::to_string(failed) + (failed == 1 ? " check" : " checks") + " failed");
}

}  // namespace lms::server
