#include <lms/rate_limits.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <span>

#include <lms/error.hpp>
#include <lms/settings.hpp>

#include "base/ip_networks.hpp"

namespace lms {

namespace {

using std::chrono::seconds;

constexpr std::string_view everybody = "everybody";
constexpr std::string_view ip_prefix = "ip:", user_prefix = "user:";

/// Whoever has an IPv6 address has 2^64 of them.
std::string client_of_address(std::string_view text) {
  constexpr unsigned one_customer = 64;
  const auto address = IpAddress::parse(text);
  if (!address) return std::string(ip_prefix).append(text);
  if (address->is_v4()) return std::string(ip_prefix) + address->text();
  return std::string(ip_prefix) + address->network(one_customer).text() + "/64";
}

/// Whether the path is that of the rule or below it.
bool is_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/');
}

bool reads(http::Method method) {
  return method == http::Method::get || method == http::Method::head || method == http::Method::options;
}

/// The rates that a profile says where their settings do not.
struct Profile {
  std::optional<RateRule> anonymous, user, write;
};
Profile profile_of(const Settings& settings) {
  if (settings.rate_limit_profile == RateLimitProfile::standard) return {};
  constexpr seconds hour{3600}, minute{60};
  const std::int64_t times = settings.debug ? 10 : 1;
  return {.anonymous = RateRule{.limit = 100 * times, .window = hour},
          .user = RateRule{.limit = 1000 * times, .window = hour},
          .write = RateRule{.limit = 30, .window = minute}};
}

std::optional<NamedRate> named(std::string name, const std::optional<RateRule>& rule) {
  return rule ? std::optional(NamedRate{std::move(name), *rule}) : std::nullopt;
}

}  // namespace

struct RateLimits::Rules {
  explicit Rules(const Settings& settings)
      : enabled(settings.rate_limit_enabled),
        key(settings.rate_limit_key),
        standard{"default", settings.rate_limit_api.value_or(
                                RateRule{.limit = settings.rate_limit_requests, .window = settings.rate_limit_window})},
        global(named("global", settings.rate_limit_global)),
        address(named("address", settings.rate_limit_address)),
        exempt(settings.rate_limit_allowed_ips, "RATE_LIMIT_ALLOWED_IPS") {
    const Profile profile = profile_of(settings);
    const auto set = [](const std::optional<RateRule>& own, const std::optional<RateRule>& other) {
      return own ? own : other;
    };
    anonymous = named("anonymous", set(settings.anonymous_rate, profile.anonymous));
    user = named("user", set(settings.user_rate, profile.user));
    write = named("write", set(settings.write_rate, profile.write));
    const NamedRate auth{"auth", settings.rate_limit_auth.value_or(
                                     RateRule{.limit = settings.rate_limit_auth_per_minute, .window = seconds{60}})};
    for (const char* path : {"/auth/login", "/auth/register", "/auth/request-password-reset", "/auth/reset-password"})
      by_path.insert_or_assign(settings.api_prefix + path, auth);
    for (const NamedRate& custom : settings.rate_limit_custom_rules) by_path.insert_or_assign(custom.name, custom);
    for (const NamedRate& role : settings.rate_limit_roles)
      by_role.insert_or_assign(role.name, NamedRate{"role " + role.name, role.rule});
  }

  /// That of the longest path.
  const NamedRate& of(std::string_view path) const {
    const NamedRate* longest = &standard;
    std::size_t length = 0;
    for (const auto& [prefix, rate] : by_path) {
      if (prefix.size() <= length || !is_below(path, prefix)) continue;
      longest = &rate;
      length = prefix.size();
    }
    return *longest;
  }

  std::vector<NamedRate> all() const {
    std::map<std::string, RateRule, std::less<>> rates{{standard.name, standard.rule}};
    for (const auto* each : {&global, &address, &anonymous, &user, &write})
      if (*each) rates.insert_or_assign((*each)->name, (*each)->rule);
    for (const auto& [path, rate] : by_path) rates.insert_or_assign(rate.name, rate.rule);
    for (const auto& [role, rate] : by_role) rates.insert_or_assign(rate.name, rate.rule);
    std::vector<NamedRate> result;
    for (const auto& [name, rule] : rates) result.push_back({name, rule});
    return result;
  }

  bool enabled;
  RateLimitKey key;
  NamedRate standard;
  std::optional<NamedRate> global, address, anonymous, user, write;
  std::map<std::string, NamedRate, std::less<>> by_path, by_role;
  IpNetworks exempt;
};

RateLimits::RateLimits(const Settings& settings, RateLimiter& limiter, const Clock& clock, const Logger& logger)
    : clock_(clock), logger_(logger), limiter_(limiter), rules_(std::make_unique<const Rules>(settings)) {}

RateLimits::~RateLimits() = default;

std::optional<RateLimits::Answer> RateLimits::decide(const Asking& asking) {
  constexpr std::size_t most = 7;
  const Rules& rules = *rules_;
  if (!rules.enabled || rules.exempt.contains(asking.address)) return std::nullopt;
  const std::string address = client_of_address(asking.address);
  const std::string user = asking.user.empty() ? std::string() : std::string(user_prefix).append(asking.user);
  const std::string& user_or_address = user.empty() ? address : user;

  std::array<RateCheck, most> checks;
  std::array<const NamedRate*, most> rates{};
  std::size_t count = 0;
  const auto add = [&](const NamedRate& rate, std::string_view client, bool punishes = true) {
    rates[count] = &rate;
    checks[count++] = {.rule_name = rate.name, .client = client, .rule = rate.rule, .punishes = punishes};
  };
  const NamedRate& by_path = rules.of(asking.path);
  if (rules.key == RateLimitKey::ip)
    add(by_path, address);
  else if (rules.key == RateLimitKey::user_or_ip || !user.empty() || &by_path != &rules.standard)
    add(by_path, user_or_address);
  if (rules.address) add(*rules.address, address);
  if (rules.anonymous && user.empty()) add(*rules.anonymous, address);
  if (rules.user && !user.empty()) add(*rules.user, user);
  if (rules.write && !reads(asking.method)) add(*rules.write, user_or_address);
  if (const auto role = rules.by_role.find(asking.role); role != rules.by_role.end() && !user.empty())
    add(role->second, user);
  if (rules.global) add(*rules.global, everybody, false);
  if (count == 0) return std::nullopt;

  Answer answer{.rule = nullptr, .decision = limiter_.decide(std::span(checks).first(count), clock_.now())};
  answer.rule = rates[answer.decision.tightest];
  if (answer.decision.is_violation)
    logger_.warning("security", "rate limit broken",
                    {{"rule", answer.rule->name},
                     {"client", checks[answer.decision.tightest].client},
                     {"address", asking.address}});
  return answer;
}

bool RateLimits::waits() const noexcept {
  return rules_->enabled && limiter_.waits();
}

namespace {

/// As clients are counted: those of IPv6 by their network.
std::string normal_client(std::string_view client) {
  if (client.starts_with(user_prefix))
    if (const auto user = UserId::parse(client.substr(user_prefix.size())))
      return std::string(user_prefix) + user->text();
  if (client.starts_with(ip_prefix)) {
    std::string_view address = client.substr(ip_prefix.size());
    if (address.ends_with("/64")) address.remove_suffix(3);
    if (IpAddress::parse(address)) return client_of_address(address);
  }
  throw invalid({"path", "key"}, "must be `ip:` and an address, or `user:` and the id of a user", "value_error.client");
}

}  // namespace

std::vector<RateLimitStatus> RateLimits::status(const Principal& who, std::string_view client) {
  require_admin(who);
  const std::string key = normal_client(client);
  const Time now = clock_.now();
  std::vector<RateLimitStatus> result;
  for (const NamedRate& rate : rules_->all()) {
    const auto record = limiter_.find(rate.name, key, now);
    if (!record) continue;
    const RateStanding here = standing(rate.rule, record->state, now);
    const auto blocked = std::max(Time::duration::zero(), record->penalty.blocked_until - now);
    result.push_back({.rule = rate.name,
                      .limit = rate.rule.limit,
                      .window = rate.rule.window.count(),
                      .remaining = here.remaining,
                      .reset_after = std::chrono::ceil<seconds>(here.reset_after).count(),
                      .violations = record->penalty.violations,
                      .blocked_for = std::chrono::ceil<seconds>(blocked).count()});
  }
  return result;
}

void RateLimits::clear(const Principal& who, std::string_view client) {
  require_admin(who);
  const std::string key = normal_client(client);
  std::vector<std::string> names;
  for (NamedRate& rate : rules_->all()) names.push_back(std::move(rate.name));
  if (!limiter_.clear(names, key)) throw not_found("client_not_found", "Nothing is remembered of this client.");
  const auto& admin = who.maybe_user();
  logger_.info("security", "rate limits cleared",
               {{"client", key}, {"user_id", admin ? Value(admin->text()) : Value()}});
}

RateLimitStatistics RateLimits::statistics(const Principal& who) {
  require_admin(who);
  const RateStatistics counted = limiter_.statistics();
  return {.enabled = rules_->enabled,
          .allowed = counted.allowed,
          .refused = counted.refused,
          .keys = counted.keys,
          .evicted = counted.evicted,
          .substituted = counted.substituted};
}

const Schema& RateLimitStatus::schema() {
  using S = RateLimitStatus;
  static const Schema schema =
      define<S>("RateLimitStatus", "Where a client stands under one rule.")
          .field("rule", &S::rule, {.doc = "`default`, `auth`, a path, …", .example = "default"})
          .field("limit", &S::limit, {.doc = "Requests in a window", .example = 100})
          .field("window", &S::window, {.doc = "Seconds", .example = 60})
          .field("remaining", &S::remaining, {.doc = "Requests that it may still make", .example = 42})
          .field("reset_after", &S::reset_after,
                 {.doc = "Seconds until all of the limit is there again", .example = 38})
          .field("violations", &S::violations, {.doc = "Not forgotten yet, whichever rule was broken", .example = 0})
          .field("blocked_for", &S::blocked_for, {.doc = "Seconds that it is still kept out", .example = 0});
  return schema;
}

const Schema& RateLimitStatistics::schema() {
  using S = RateLimitStatistics;
  static const Schema schema =
      define<S>("RateLimitStatistics", "What the limiter has done since the start, and holds.")
          .field("enabled", &S::enabled, {.doc = "Whether anything is limited", .example = true})
          .field("allowed", &S::allowed, {.doc = "Requests let through", .example = 12'034})
          .field("refused", &S::refused, {.doc = "Requests refused", .example = 17})
          .field("keys", &S::keys,
                 {.doc = "Clients under rules that are remembered; null where they are not counted", .example = 96})
          .field("evicted", &S::evicted, {.doc = "Those forgotten early, for want of room", .example = 0})
          .field("substituted", &S::substituted,
                 {.doc = "Requests that this node decided about by itself, for Redis did not answer", .example = 0});
  return schema;
}

}  // namespace lms
