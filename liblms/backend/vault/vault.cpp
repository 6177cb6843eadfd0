#include <lms/backends/vault.hpp>

#include <algorithm>
#include <utility>

#include <lms/error.hpp>
#include <lms/value.hpp>

namespace lms {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_answer = 1024 * 1024;
constexpr auto usual_retry = 60s;
constexpr auto soonest_retry = 1s;

Error bad_answer(const std::string& fault) {
  return invalid({"vault"}, fault, "value_error.vault");
}

std::string cause_of(const Error& error) {
  return error.faults().empty() ? error.what() : error.faults().front().message;
}

/// What Vault answers with 2xx. Its words are not repeated: nobody knows what stands in them.
Value ask(HttpClient& client, const VaultOptions& options, const char* method, const std::string& path,
          const std::stop_token& stop) {
  HttpRequest request{.method = method, .url = options.url + "/v1/" + path};
  request.headers = {{"X-Vault-Token", options.token}, {"X-Vault-Request", "true"}, {"Accept", "application/json"}};
  if (!options.name_space.empty()) request.headers.emplace_back("X-Vault-Namespace", options.name_space);
  request.timeout = options.timeout;
  request.max_response = largest_answer;
  request.stop = stop;
  const HttpResponse response = client.send(request);
  const int status = response.status;
  if (status == 403)
    throw forbidden("vault_refused",
                    "Vault refuses " + path + ": the token is not good, or no policy of it allows that");
  if (status == 404) throw not_found("vault_secret_missing", "Vault has no " + path);
  if (status >= 300 && status < 400)
    throw unavailable("vault_unavailable", "Vault sends elsewhere (status " + std::to_string(status) +
                                               "), where the token is not sent: give the address of its active node");
  if (status == 503) throw unavailable("vault_unavailable", "Vault is sealed or under maintenance (status 503)");
  if (status == 412 || status == 429 || status >= 500)
    throw unavailable("vault_unavailable", "Vault cannot answer now (status " + std::to_string(status) + ")");
  if (status < 200 || status >= 300)
    throw forbidden("vault_refused", "Vault refuses " + path + " (status " + std::to_string(status) + ")");
  try {
    return parse_json(response.body);
  } catch (const Error&) {
    throw bad_answer("what answers there is no Vault: " + path + " is not JSON");
  }
}

std::string text_of(const std::string& key, const Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_number() || value.is_bool() || value.is_array()) return to_json(value);
  throw bad_answer(key + " in Vault is " + (value.is_null() ? "null" : "an object") + "; it must be a text");
}

std::string in_words(Time time) {
  return to_iso8601(std::chrono::floor<std::chrono::seconds>(time));
}

/// A lease in seconds, 0 for none; a Vault that says something odd is not believed to have given one.
std::chrono::seconds seconds_of(const Value& value) {
  constexpr std::int64_t longest = 100LL * 365 * 24 * 60 * 60;
  return std::chrono::seconds(value.is_integer() ? std::clamp<std::int64_t>(value.as_integer(), 0, longest) : 0);
}

}  // namespace

std::map<std::string, std::string, std::less<>> read_vault_secret(HttpClient& client, const VaultOptions& options) {
  const std::string place = options.mount + "/data/" + options.path;
  const Value answer = ask(client, options, "GET", place, {});
  const Value& data = answer["data"]["data"];
  if (!data.is_object())
    throw bad_answer("what Vault has at " + place + " is no secret of a key-value engine of version 2");
  std::map<std::string, std::string, std::less<>> values;
  for (const auto& [key, value] : data.as_object()) values.emplace(key, text_of(key, value));
  return values;
}

VaultTokenLease::VaultTokenLease(HttpClient& client, VaultOptions options, const Clock& clock, LogSink& log)
    : client_(client), options_(std::move(options)), clock_(clock), log_(log, clock) {}

std::optional<Time> VaultTokenLease::keep(const std::stop_token& stop) {
  if (due_ && clock_.now() < *due_) return due_;
  try {
    return due_ ? renew(stop) : learn(stop);
  } catch (const Error& error) {
    if (stop.stop_requested()) return std::nullopt;
    const bool has_ended = ends_ && *ends_ <= clock_.now();
    if (error.code() == ErrorCode::unavailable && !has_ended) return next_try(error.what());
    log_.error("security", "the Vault token can no longer be renewed", {{"cause", cause_of(error)}});
    return std::nullopt;
  }
}

std::optional<Time> VaultTokenLease::learn(const std::stop_token& stop) {
  const Value answer = ask(client_, options_, "GET", "auth/token/lookup-self", stop);
  tell_recovery();
  const Value& token = answer["data"];
  const auto lease = seconds_of(token["ttl"]);
  if (lease == 0s) return std::nullopt;
  ends_ = clock_.now() + lease;
  if (token["renewable"] == Value(true)) return next_renewal(lease);
  log_.warning("security", "the Vault token cannot be renewed", {{"ends_at", in_words(*ends_)}});
  return std::nullopt;
}

std::optional<Time> VaultTokenLease::renew(const std::stop_token& stop) {
  const Value answer = ask(client_, options_, "POST", "auth/token/renew-self", stop);
  tell_recovery();
  const auto lease = seconds_of(answer["auth"]["lease_duration"]);
  if (lease == 0s) return std::nullopt;
  const Time before = ends_.value();
  ends_ = clock_.now() + lease;
  if (answer["auth"]["renewable"] == Value(true) && *ends_ >= before + 1s) return next_renewal(lease);
  log_.warning("security", "renewing the Vault token no longer prolongs it", {{"ends_at", in_words(*ends_)}});
  return std::nullopt;
}

std::optional<Time> VaultTokenLease::next_renewal(std::chrono::seconds lease) {
  due_ = clock_.now() + std::max<std::chrono::seconds>(lease / 3, soonest_retry);
  return due_;
}

Time VaultTokenLease::next_try(const std::string& why) {
  const Time now = clock_.now();
  if (!std::exchange(failing_, true)) log_.warning("security", "the Vault token was not renewed", {{"cause", why}});
  std::chrono::seconds wait = usual_retry;
  if (ends_) wait = std::clamp(std::chrono::floor<std::chrono::seconds>(*ends_ - now) / 10, soonest_retry, wait);
  if (due_) due_ = now + wait;
  return now + wait;
}

void VaultTokenLease::tell_recovery() {
  if (std::exchange(failing_, false)) log_.info("security", "Vault answers again");
}

}  // namespace lms
