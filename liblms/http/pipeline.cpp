#include "http/pipeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include <lms/error.hpp>

#include "base/encoding.hpp"
#include "base/utf8.hpp"
#include "http/conditional.hpp"
#include "http/envelope.hpp"
#include "http/header_text.hpp"
#include "http/host.hpp"
#include "http/trace_context.hpp"

namespace lms {

namespace {

constexpr std::size_t longest_target = 8192;
constexpr std::size_t longest_kept_target = 512;
constexpr std::size_t most_query_parameters = 100;
constexpr std::size_t longest_logged_text = 256;

/// A body that came whole, for a handler that wants it in pieces.
class WholeBody final : public http::BodySource {
 public:
  explicit WholeBody(std::string_view text) : rest_(text), size_(text.size()) {}

  std::size_t read(std::span<char> buffer) override {
    const std::size_t count = std::min(buffer.size(), rest_.size());
    std::memcpy(buffer.data(), rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  std::string_view rest_;
  std::uint64_t size_;
};

std::string_view path_of(std::string_view target) noexcept {
  return target.substr(0, target.find('?'));
}

std::string_view query_of(std::string_view target) noexcept {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Problem malformed_target() {
  return {.status = 400, .reason = "malformed_url", .message = "The URL is not percent-encoded UTF-8."};
}

/// `[A-Za-z0-9._-]{1,64}`: safe in logs, headers and shells.
bool is_request_id(std::string_view text) noexcept {
  constexpr std::size_t longest = 64;
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

/// What a client sent, fit for a log: visible ASCII, not endless.
std::string loggable(std::string_view text) {
  std::string result(text.substr(0, longest_logged_text));
  for (char& c : result)
    if (c < ' ' || c > '~') c = '?';
  return result;
}

/// `GET, HEAD, OPTIONS`
std::string allow_text(const std::vector<http::Method>& methods) {
  std::string text;
  for (const http::Method method : methods) {
    text.append(http::name(method)).append(", ");
    if (method == http::Method::get) text += "HEAD, ";
  }
  return text + "OPTIONS";
}

std::optional<std::string_view> only_bearer_token(const http::Headers& headers) {
  if (headers.count("Authorization") > 1)
    throw Problem{
        .status = 400, .reason = "duplicate_header", .message = "Send one Authorization header, not several."};
  return bearer_token(headers);
}

/// As RFC 6750 has it.
Problem insufficient_scope(const std::string& scope) {
  Problem problem{.status = 403, .reason = "insufficient_scope"};
  std::string challenge = "Bearer error=\"insufficient_scope\"";
  if (scope.empty()) {
    problem.message = "No access token may do this: sign in.";
  } else {
    problem.message = "The access token was not made for this: it needs the scope " + scope + '.';
    challenge += ", scope=\"" + scope + '"';
  }
  problem.headers.add("WWW-Authenticate", std::move(challenge));
  return problem;
}

std::optional<std::string> decode(std::string_view text) {
  auto decoded = percent_decode(text, PlusSign::space);
  if (decoded && find_malformed_utf8(*decoded)) return std::nullopt;
  return decoded;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) throw malformed_target();
    if (parameters.size() == most_query_parameters)
      throw invalid({"query"}, "must have at most " + std::to_string(most_query_parameters) + " parameters",
                    "value_error.list.max_items");
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

void refuse_parameters(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::vector<Fault> faults;
  for (const auto& [name, value] : parameters)
    faults.push_back({{"query", name}, "this operation takes no query parameters", "value_error.extra"});
  if (!faults.empty()) throw invalid(std::move(faults));
}

Problem body_too_large(std::size_t most) {
  return {.status = 413,
          .reason = "body_too_large",
          .message = "The body may have at most " + std::to_string(most) + " bytes."};
}

/// The whole body, whichever way it comes.
std::string collect(http::Body& body, std::size_t most) {
  if (auto* text = std::get_if<std::string>(&body)) {
    if (text->size() > most) throw body_too_large(most);
    return std::move(*text);
  }
  auto& source = std::get<std::unique_ptr<http::BodySource>>(body);
  std::string text;
  std::array<char, 8192> buffer;
  while (const std::size_t count = source ? source->read(buffer) : 0) {
    if (count > most - text.size()) throw body_too_large(most);
    text.append(buffer.data(), count);
  }
  return text;
}

/// Whether a body of that type can be JSON in UTF-8. A type that is not told may be.
bool may_be_json(const http::Headers& headers) {
  const std::string* type = headers.find("Content-Type");
  if (!type) return true;
  const std::string_view media_type = without_parameters(*type);
  constexpr std::string_view application = "application/", suffix = "+json";
  const bool is_json = same_token(media_type, "application/json") ||
                       (media_type.size() > application.size() + suffix.size() &&
                        same_token(media_type.substr(0, application.size()), application) &&
                        same_token(media_type.substr(media_type.size() - suffix.size()), suffix));
  return is_json && same_token(parameter(*type, "charset").value_or("utf-8"), "utf-8");
}

void check_content(const http::Headers& headers, const std::string& body_type) {
  for (const std::string& coding : list_elements(headers, "Content-Encoding"))
    if (!same_token(coding, "identity"))
      throw Problem{.status = 415,
                    .reason = "unsupported_content_encoding",
                    .message = "Send the body as it is, without Content-Encoding.",
                    .headers = {{"Accept-Encoding", "identity"}}};
  if (!body_type.empty()) {
    const std::string* type = headers.find("Content-Type");
    if (!type || !same_token(without_parameters(*type), body_type) ||
        !same_token(parameter(*type, "charset").value_or("utf-8"), "utf-8"))
      throw Problem{.status = 415,
                    .reason = "unsupported_media_type",
                    .message = "Send the body in UTF-8, with Content-Type: " + body_type + ".",
                    .headers = {{"Accept", body_type}}};
  } else if (!may_be_json(headers))
    throw Problem{.status = 415,
                  .reason = "unsupported_media_type",
                  .message = "Send the body as JSON in UTF-8, with Content-Type: application/json.",
                  .headers = {{"Accept", "application/json"}}};
}

Problem precondition_failed(std::string message) {
  return {.status = 412, .reason = "precondition_failed", .message = std::move(message)};
}

/// `12.34ms`
std::string response_time(double milliseconds) {
  const auto hundredths = std::llround(milliseconds * 100);
  const auto rest = hundredths % 100;
  return std::to_string(hundredths / 100) + (rest < 10 ? ".0" : ".") + std::to_string(rest) + "ms";
}

Problem invalid_host() {
  return {.status = 400, .reason = "invalid_host", .message = "This school is not known by that host name."};
}

/// Those of everybody's limiters, and those that the IETF drafts: the rule that binds most, and what is left under it.
void add_rate_headers(http::Headers& headers, const RateLimits::Answer& answer, Time now) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  const RateRule& rule = answer.rule->rule;
  const RateStanding& here = answer.decision.standing;
  const std::string limit = std::to_string(rule.limit);
  const std::string window = std::to_string(rule.window.count());
  const std::string remaining = std::to_string(answer.decision.allowed ? here.remaining : 0);
  const auto until_reset = ceil<seconds>(std::max(here.reset_after, here.retry_after));
  const auto reset = ceil<seconds>(now.time_since_epoch()) + until_reset;
  headers.add("X-RateLimit-Limit", limit);
  headers.add("X-RateLimit-Remaining", remaining);
  headers.add("X-RateLimit-Reset", std::to_string(reset.count()));
  headers.add("X-RateLimit-Window", window);
  const std::string name = '"' + answer.rule->name + '"';
  headers.add("RateLimit-Policy", name + ";q=" + limit + ";w=" + window);
  headers.add("RateLimit", name + ";r=" + remaining + ";t=" + std::to_string(until_reset.count()));
}

/// Empty: it is not sent.
std::string hsts_text(const Settings& settings) {
  const auto seconds = settings.secure_hsts_max_age.count();
  if (seconds == 0) return {};
  std::string text = "max-age=" + std::to_string(seconds);
  if (settings.secure_hsts_include_subdomains) text += "; includeSubDomains";
  if (settings.secure_hsts_preload) text += "; preload";
  return text;
}

/// The usual ones, as the settings change them.
http::Headers make_common_headers(const Settings& settings, const std::string& hsts) {
  const http::Headers usual{
      {"Server", "LMS"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
      {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
      {"X-Permitted-Cross-Domain-Policies", "none"},
      {"Cache-Control", "no-store"}};
  http::Headers headers;
  for (const auto& [name, value] : usual) {
    const auto is_it = [&name = name](const HeaderSetting& setting) { return setting.name == name; };
    if (std::none_of(settings.security_headers.begin(), settings.security_headers.end(), is_it))
      headers.add(name, value);
  }
  for (const HeaderSetting& setting : settings.security_headers)
    if (setting.value) headers.add(setting.name, *setting.value);
  if (!hsts.empty()) headers.add("Strict-Transport-Security", hsts);
  return headers;
}

}  // namespace

/// One request on its way.
struct Pipeline::Exchange {
  http::Request& request;
  Time started;
  std::string request_id;
  std::string trace_id;
  std::string client_address;
  bool secure = false;
  std::string_view path;
  Router::Match match = {};
  std::optional<BearerToken> token = {};
  bool token_refused = false;
  Principal who = Principal::anonymous();
  std::optional<WholeBody> whole_body = {};
  std::optional<Call> call = {};
  std::optional<KeyedRequest> keyed = {};
  std::exception_ptr refusal = {};  ///< of the head
  std::optional<http::Response> kept = {};
  std::exception_ptr fault = {};  ///< of the input
  std::optional<RateLimits::Answer> limited = {};
  std::string forbidden = {};  ///< the reason, if it is not allowed

  const Route& route() const noexcept { return *match.route; }
};

/// One that is answered later.
struct Pipeline::Pending {
  Pending(const Pipeline& pipeline, http::Request its_request, http::Answer its_answer)
      : request(std::move(its_request)), answer(std::move(its_answer)), exchange(pipeline.begin(request)) {}

  http::Request request;
  http::Answer answer;
  Exchange exchange;
  http::Response response;
};

Pipeline::Pipeline(const Router& router, const Settings& settings, Storage& storage, Authenticator& authenticator,
                   RateLimits& limits, IdempotentAnswers& idempotent, AnswerCache* answers, const Clock& clock,
                   Random& random, const Logger& logger, Metrics* metrics)
    : router_(router),
      storage_(storage),
      authenticator_(authenticator),
      limits_(limits),
      idempotent_(idempotent),
      clock_(clock),
      random_(random),
      logger_(logger),
      metrics_(metrics ? std::make_unique<RequestMetrics>(*metrics) : nullptr),
      answers_(answers),
      longest_kept_(settings.cache_max_stale),
      proxies_(settings.trusted_proxies),
      cors_(settings),
      admin_networks_(settings.admin_allowed_ips, "ADMIN_ALLOWED_IPS"),
      allowed_hosts_(settings.allowed_hosts),
      error_format_(settings.error_format),
      default_max_body_(static_cast<std::size_t>(settings.max_body_kb) * 1024),
      reveals_defects_(settings.debug && settings.environment != Environment::production),
      envelops_(settings.response_envelope),
      common_headers_(
          make_common_headers(settings, settings.environment == Environment::production ? hsts_text(settings) : "")),
      secure_common_headers_(make_common_headers(settings, hsts_text(settings))),
      redirects_to_https_(settings.secure_ssl_redirect),
      public_url_(settings.public_url) {}

/// The order of the steps is part of the API: what comes first is refused first. Nothing before `admit` does I/O, so a
/// caller that must not wait gets refusals, too. A request that comes again, to wait, is counted only then.
std::optional<http::Response> Pipeline::run(Exchange& exchange, bool may_wait) const {
  if (!may_wait && asks_others(exchange.match.route)) return std::nullopt;
  look_at_head(exchange);
  if (!may_wait && must_wait(exchange)) return std::nullopt;
  if (auto early = answer_early(exchange)) return early;
  return answer_fully(exchange);
}

/// What comes of that, a refusal or an answer, is told only to those whom the limits let through.
void Pipeline::look_at_head(Exchange& exchange) const {
  try {
    check_head(exchange);
    if (exchange.match.route && may_be_kept(exchange)) exchange.kept = kept_answer(exchange);
  } catch (...) {
    exchange.refusal = std::current_exception();
  }
}

bool Pipeline::must_wait(const Exchange& exchange) const {
  if (exchange.refusal || exchange.kept || !exchange.match.route) return false;
  return lane(exchange.route()) != http::Lane::here ||
         (exchange.token && (authenticator_.waits() || authenticator_.use_is_due(*exchange.token)));
}

/// Whether the head alone takes other machines than the storage's: to count, or to know what other nodes have written.
bool Pipeline::asks_others(const Route* route) const noexcept {
  if (!route) return limits_.waits();
  return (limits_.waits() && !route->unlimited) ||
         (answers_ && route->cached.count() > 0 && storage_.changes().shared());
}

/// What the head alone settles; none if the rest has to be looked at.
std::optional<http::Response> Pipeline::answer_early(Exchange& exchange) const {
  if (!exchange.refusal && !exchange.match.route && cors_.is_preflight(exchange.request))
    return cors_.answer_preflight(exchange.request, exchange.match.allowed);
  limit(exchange);
  if (exchange.refusal) std::rethrow_exception(exchange.refusal);
  const Router::Match& match = exchange.match;
  if (!match.route) return http::Response{.status = 204, .headers = {{"Allow", allow_text(match.allowed)}}, .body = {}};
  return std::move(exchange.kept);
}

http::Response Pipeline::answer_fully(Exchange& exchange) const {
  const bool keeps = may_be_kept(exchange);
  receive(exchange);
  http::Response response = keeps ? answer_to_keep(exchange) : answer(exchange);
  const bool is_known = response.status == 200 && has_been_seen(exchange, response.headers);
  return is_known ? not_modified(response.headers) : std::move(response);
}

void Pipeline::check_head(Exchange& exchange) const {
  check_target(exchange);
  check_host(exchange);
  check_transport(exchange);
  const Router::Match& match = exchange.match;
  if (match.malformed) throw malformed_target();
  if (!match.route && match.allowed.empty())
    throw Problem{.status = 404, .reason = "not_found", .message = "There is nothing at this path."};
  if (!match.route && exchange.request.method != http::Method::options)
    throw Problem{.status = 405,
                  .reason = "method_not_allowed",
                  .message = "This path does not answer to that method.",
                  .headers = {{"Allow", allow_text(match.allowed)}}};
  if (!match.route) return;
  check_address(exchange);
  verify_token(exchange);
}

/// None for an access token of a program, too, which says nothing by itself.
std::optional<TokenClaims> Pipeline::claims_of(const Exchange& exchange) {
  if (!exchange.token) return std::nullopt;
  const auto* claims = std::get_if<TokenClaims>(&*exchange.token);
  return claims ? std::optional(*claims) : std::nullopt;
}

/// Takes the input. What is wrong with it is told to those only who may send it.
void Pipeline::receive(Exchange& exchange) const {
  Call& call = exchange.call.emplace(exchange.request, exchange.who);
  call.token_ = claims_of(exchange);
  call.request_id_ = exchange.request_id;
  call.client_address_ = exchange.client_address;
  call.path_ = exchange.match.params;
  try {
    read_key(exchange);
    read_query(exchange, call);
    if (exchange.route().streams_body)
      open_stream(exchange, call);
    else
      read_body(exchange, call);
  } catch (...) {
    exchange.fault = std::current_exception();
  }
}

/// What the step returns, or the answer that tells what it threw.
template <class Step>
auto Pipeline::explained(Exchange& exchange, Step&& step) const {
  using Result = std::invoke_result_t<Step>;
  try {
    return step();
  } catch (const Problem& problem) {
    if (problem.status == 403) exchange.forbidden = problem.reason;
    return Result(explain(exchange, problem));
  } catch (const Error& error) {
    const Problem problem = describe(error, reveals_defects_);
    if (problem.status >= 500) log_failure(exchange, error.what());
    if (error.code() == ErrorCode::forbidden) exchange.forbidden = error.reason();
    return Result(explain(exchange, problem));
  } catch (const std::exception& defect) {
    return Result(explain_defect(exchange, defect.what()));
  } catch (...) {
    return Result(explain_defect(exchange, "an exception of unknown type"));
  }
}

/// Whether the answer depends on the target and on what is stored alone. Inside a transaction, that may be another
/// state than outside.
bool Pipeline::may_be_kept(const Exchange& exchange) const {
  if (!answers_ || exchange.route().cached.count() <= 0 || exchange.token) return false;
  const auto* body = std::get_if<std::string>(&exchange.request.body);
  return body && body->empty() && exchange.request.target.size() <= longest_kept_target &&
         !storage_.inside_transaction();
}

std::optional<http::Response> Pipeline::kept_answer(const Exchange& exchange) const {
  storage_.changes().catch_up();
  const auto kept = answers_->find(exchange.request.target, exchange.started);
  if (!kept) return std::nullopt;
  if (has_been_seen(exchange, kept->headers)) return not_modified(kept->headers);
  return http::Response{.status = 200, .headers = kept->headers, .body = kept->body};
}

http::Response Pipeline::answer_to_keep(Exchange& exchange) const {
  const Changes::Moment moment = storage_.changes().now();  // before the handler reads
  http::Response response = answer(exchange);
  std::vector<Dependency>& shown = exchange.call->shown_;
  const auto* body = std::get_if<std::string>(&response.body);
  const bool is_whole = exchange.request.method == http::Method::get && response.status == 200 && body;
  if (is_whole && !shown.empty())
    answers_->keep(exchange.request.target,
                   {.headers = response.headers,
                    .body = *body,
                    .shows = std::move(shown),
                    .moment = moment,
                    .made = exchange.started,
                    .expires = exchange.started + std::min(exchange.route().cached, longest_kept_)});
  return response;
}

http::Response Pipeline::answer(Exchange& exchange) const {
  http::Response response = answer_untagged(exchange);
  const auto* body = std::get_if<std::string>(&response.body);
  if (response.status == 200 && body && has_entity_tag(exchange.route()))
    response.headers.add("ETag", entity_tag(*body));
  return response;
}

/// Whether the client has the answer with these headers. @throws Problem 412 if it wants another one.
bool Pipeline::has_been_seen(const Exchange& exchange, const http::Headers& headers) const {
  if (!has_entity_tag(exchange.route()) || !has_preconditions(exchange.request.headers)) return false;
  const std::string* tag = headers.find("ETag");
  if (!tag) return false;
  if (!meets_if_match(exchange.request.headers, *tag))
    throw precondition_failed("What is here is not what If-Match names.");
  return is_in_if_none_match(exchange.request.headers, *tag);
}

/// Who asks and what is read or written belong to one state, and cost one transaction.
http::Response Pipeline::answer_untagged(Exchange& exchange) const {
  const Route& route = exchange.route();
  const bool may_run_again = !route.streams_body;
  http::Response response;
  if (may_run_again && route.weight == Weight::write) {
    storage_.together([&] { response = serve_noted(exchange); });
  } else if (may_run_again && route.weight == Weight::read && exchange.token) {
    response = explained(exchange, [&] { return storage_.read([&](UnitOfWork&) { return serve(exchange); }); });
    note_use(exchange);
  } else {
    response = serve_noted(exchange);
  }
  return response;
}

/// Serves, and writes down that the token was used, outside of transactions that read.
http::Response Pipeline::serve_noted(Exchange& exchange) const {
  http::Response response = explained(exchange, [&] { return serve(exchange); });
  note_use(exchange);
  return response;
}

void Pipeline::note_use(const Exchange& exchange) const {
  if (exchange.who.access_token()) authenticator_.note_use(*exchange.token, exchange.client_address);
}

/// The part of the way that may touch storage. It may run again.
http::Response Pipeline::serve(Exchange& exchange) const {
  admit(exchange);
  authorize(exchange.who, exchange.route());
  if (exchange.fault) std::rethrow_exception(exchange.fault);
  exchange.call->who_ = exchange.who;
  http::Response response = exchange.keyed ? act_once(exchange) : act(exchange, {});
  envelop(exchange.route(), response);
  return response;
}

/// What is stored is the plain answer, so that it can be given again after the setting has changed.
http::Response Pipeline::act_once(Exchange& exchange) const {
  return idempotent_.once(exchange.who.user(), *exchange.keyed, [&](const Storage::Function& first) {
    return explained(exchange, [&] { return act(exchange, first); });
  });
}

void Pipeline::envelop(const Route& route, http::Response& response) const {
  if (envelops_ && can_have_envelope(route)) put_in_envelope(response);
}

/// What the request presupposes is looked at in the very transaction that changes it, which begins with `first`.
http::Response Pipeline::act(Exchange& exchange, const Storage::Function& first) const {
  const auto handle = [&] { return exchange.route().handler(*exchange.call); };
  const bool reads = exchange.route().weight == Weight::read || exchange.route().weight == Weight::none;
  Router::Match shown;  // what a GET would be answered by
  if (!reads && has_preconditions(exchange.request.headers)) shown = router_.match(http::Method::get, exchange.path);
  const bool is_conditional = shown.route && has_entity_tag(*shown.route);
  if (!reads && !is_conditional && !meets_if_match(exchange.request.headers, {}))
    throw precondition_failed("Nothing at this path has an ETag that If-Match could name.");
  if (!is_conditional && !first) return handle();
  http::Response response;
  storage_.provided(
      [&](UnitOfWork& uow) {
        if (first) first(uow);
        if (is_conditional) check_preconditions(exchange, shown);
      },
      [&] { response = handle(); });
  return response;
}

void Pipeline::check_preconditions(const Exchange& exchange, const Router::Match& shown) const {
  const http::Headers& headers = exchange.request.headers;
  std::string tag;
  try {
    tag = current_tag(exchange, shown);
  } catch (const Error& error) {
    const bool may_be_absent = error.code() == ErrorCode::not_found && is_met_by_absence(headers);
    if (!may_be_absent) throw;
    return;
  }
  if (!meets_if_match(headers, tag))
    throw precondition_failed("It has been changed since you read it, or you saw another view of it. Read it again.");
  if (is_in_if_none_match(headers, tag)) throw precondition_failed("It is what If-None-Match excludes.");
}

/// The entity tag that a GET of this caller would get now. @throws what it would throw.
std::string Pipeline::current_tag(const Exchange& exchange, const Router::Match& shown) const {
  authorize(exchange.who, *shown.route);
  Call call(exchange.request, exchange.who);
  call.token_ = claims_of(exchange);
  call.request_id_ = exchange.request_id;
  call.client_address_ = exchange.client_address;
  call.path_ = shown.params;
  http::Response response = shown.route->handler(call);
  envelop(*shown.route, response);
  const auto* body = std::get_if<std::string>(&response.body);
  return response.status == 200 && body ? entity_tag(*body) : std::string();
}

Pipeline::Exchange Pipeline::begin(http::Request& request) const {
  Exchange exchange{.request = request,
                    .started = clock_.now(),
                    .request_id = {},
                    .trace_id = trace_id_of(request.headers),
                    .client_address = proxies_.client_address(request),
                    .secure = proxies_.is_secure(request),
                    .path = path_of(request.target)};
  exchange.who = exchange.who.from(exchange.client_address);
  const std::string* given = request.headers.find("X-Request-ID");
  exchange.request_id = given && is_request_id(*given) ? *given : random_.uuid(exchange.started).text();
  if (request.target.size() <= longest_target) exchange.match = router_.match(request.method, exchange.path);
  return exchange;
}

void Pipeline::check_target(const Exchange& exchange) const {
  const std::string& target = exchange.request.target;
  if (target.size() > longest_target)
    throw Problem{.status = 414,
                  .reason = "url_too_long",
                  .message = "The URL may have at most " + std::to_string(longest_target) + " bytes."};
  if (!target.starts_with('/')) throw malformed_target();
}

void Pipeline::check_host(const Exchange& exchange) const {
  if (exchange.match.route && exchange.route().any_host) return;
  const auto& headers = exchange.request.headers;
  const std::string* host = headers.find("Host");
  if (headers.count("Host") > 1 || !is_allowed_host(host ? *host : "", allowed_hosts_)) throw invalid_host();
}

/// Probes come from nearby, without TLS.
void Pipeline::check_transport(const Exchange& exchange) const {
  const bool is_probe = exchange.match.route && exchange.route().any_host;
  if (!redirects_to_https_ || exchange.secure || is_probe) return;
  std::string school = public_url_;
  if (!school.starts_with("https://")) {
    const std::string* field = exchange.request.headers.find("Host");
    const auto name = field ? host_name(*field) : std::nullopt;
    if (!name) throw invalid_host();
    school = "https://" + std::string(*name);
  }
  const bool reads = exchange.request.method == http::Method::get || exchange.request.method == http::Method::head;
  throw Problem{.status = reads ? 301 : 308,
                .reason = "https_required",
                .message = "Ask by https.",
                .headers = {{"Location", school + exchange.request.target}}};
}

void Pipeline::check_address(const Exchange& exchange) const {
  if (admin_networks_.empty() || exchange.route().tag != "admin") return;
  if (!admin_networks_.contains(exchange.client_address))
    throw Problem{
        .status = 403, .reason = "address_not_allowed", .message = "This may not be called from your address."};
}

/// Only what a signature vouches for is counted as a user's: whoever makes up tokens is counted by address.
void Pipeline::limit(Exchange& exchange) const {
  const Route* route = exchange.match.route;
  if (route && route->unlimited) return;
  const auto* claims = exchange.token ? std::get_if<TokenClaims>(&*exchange.token) : nullptr;
  const std::string user = claims ? claims->subject.text() : std::string();
  exchange.limited = limits_.decide({.address = exchange.client_address,
                                     .user = user,
                                     .role = claims ? std::string_view(claims->role) : std::string_view(),
                                     .path = route ? std::string_view(route->path) : exchange.path,
                                     .method = exchange.request.method});
  if (!exchange.limited || exchange.limited->decision.allowed) return;
  if (metrics_) metrics_->count_limited(exchange.limited->rule->name);
  const auto wait = std::chrono::ceil<std::chrono::seconds>(exchange.limited->decision.standing.retry_after).count();
  const std::string seconds = std::to_string(std::max<std::int64_t>(1, wait));
  throw Problem{.status = 429,
                .reason = "rate_limit_exceeded",
                .message = "Too many requests. Try again in " + seconds + (seconds == "1" ? " second." : " seconds."),
                .headers = {{"Retry-After", seconds}}};
}

void Pipeline::verify_token(Exchange& exchange) const {
  const Route& route = exchange.route();
  if (route.ignores_token) return;
  const auto token = only_bearer_token(exchange.request.headers);
  if (!token) {
    if (!std::holds_alternative<Anyone>(route.allow)) require_user(exchange.who);
    return;
  }
  exchange.token_refused = true;  // until it has been admitted
  exchange.token = authenticator_.verify(*token);
}

void Pipeline::admit(Exchange& exchange) const {
  if (!exchange.token) return;
  exchange.token_refused = true;
  exchange.who = authenticator_.admit(*exchange.token, exchange.client_address).from(exchange.client_address);
  exchange.token_refused = false;
}

void Pipeline::authorize(const Principal& who, const Route& route) const {
  if (who.access_token()) {
    const std::string scope = scope_of(route);
    if (scope.empty() || !who.has_scope(scope)) throw insufficient_scope(scope);
  }
  if (const auto* permission = std::get_if<Permission>(&route.allow)) require(who, *permission);
  if (std::holds_alternative<SignedIn>(route.allow)) require_user(who);
}

void Pipeline::read_key(Exchange& exchange) const {
  if (!exchange.route().takes_idempotency_key) return;
  if (auto key = IdempotentAnswers::key_in(exchange.request.headers)) exchange.keyed = {{*std::move(key), {}}};
}

void Pipeline::read_query(Exchange& exchange, Call& call) const {
  call.query_ = parse_query(query_of(exchange.request.target));
  if (!exchange.route().query) refuse_parameters(call.query_);
}

void Pipeline::read_body(Exchange& exchange, Call& call) const {
  const Route& route = exchange.route();
  std::string text = collect(exchange.request.body, max_body(route));
  if (exchange.keyed) exchange.keyed->fingerprint = idempotent_.fingerprint(exchange.request, text);
  if (route.input_mode == Input::none) {
    if (!text.empty()) throw invalid({"body"}, "this operation takes no body", "value_error.extra");
    return;
  }
  if (text.empty()) {
    if (!route.body_optional)
      throw invalid({"body"}, (route.body_type.empty() ? "a JSON" : "a") + std::string(" body is required"),
                    "value_error.missing");
    return;
  }
  check_content(exchange.request.headers, route.body_type);
  if (route.input_mode == Input::text)
    call.text_ = std::move(text);
  else
    call.body_ = parse_json(text);
}

void Pipeline::open_stream(Exchange& exchange, Call& call) const {
  if (const auto* text = std::get_if<std::string>(&exchange.request.body)) {
    if (text->size() > max_body(exchange.route())) throw body_too_large(max_body(exchange.route()));
    call.stream_ = &exchange.whole_body.emplace(*text);
  } else {
    call.stream_ = std::get<std::unique_ptr<http::BodySource>>(exchange.request.body).get();
  }
}

http::Response Pipeline::explain(const Exchange& exchange, const Problem& problem) const {
  if (metrics_) metrics_->count_error(category_of(problem));
  http::Response response = render(problem, error_format_,
                                   {.request_id = exchange.request_id,
                                    .time = exchange.started,
                                    .as_problem_json = prefers_problem_json(exchange.request.headers)});
  if (problem.status == 401 && exchange.token_refused) {
    response.headers.set("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    if (metrics_) metrics_->count_refused_token(problem.reason);
    log_refused_token(exchange, problem.reason);
  }
  return response;
}

http::Response Pipeline::explain_defect(const Exchange& exchange, std::string_view what) const {
  log_failure(exchange, what);
  return explain(exchange, describe_defect(what, reveals_defects_));
}

void Pipeline::finish(const Exchange& exchange, http::Response& response) const {
  // A clock that was set back must not lower what only goes up.
  const auto elapsed = std::max(Time::duration::zero(), clock_.now() - exchange.started);
  if (metrics_) metrics_->count(exchange.request.method, exchange.match.route, response.status, elapsed);
  const double milliseconds = std::chrono::duration<double, std::milli>(elapsed).count();
  add_common_headers(response, exchange.secure);
  response.headers.add("X-Request-ID", exchange.request_id);
  response.headers.add("X-Response-Time", response_time(milliseconds));
  cors_.add_headers(exchange.request, response.headers);
  if (exchange.limited) add_rate_headers(response.headers, *exchange.limited, exchange.started);
  if (response.status == 403) log_refusal(exchange);
  log_end(exchange, response.status, milliseconds);
}

std::optional<http::Response> Pipeline::respond(http::Request& request, bool may_wait) {
  Exchange exchange = begin(request);
  if (may_wait || !exchange.match.route || lane(exchange.route()) == http::Lane::here) log_start(exchange);
  std::optional<http::Response> response = explained(exchange, [&] { return run(exchange, may_wait); });
  if (response) finish(exchange, *response);
  return response;
}

std::optional<http::Response> Pipeline::try_handle(http::Request& request) noexcept {
  try {
    return respond(request, false);
  } catch (...) {  // no memory for even an error's text
    return http::Response{.status = 500, .headers = {}, .body = {}};
  }
}

http::Response Pipeline::handle(http::Request request) noexcept {
  try {
    return *respond(request, true);
  } catch (...) {
    return {.status = 500, .headers = {}, .body = {}};
  }
}

void Pipeline::handle(http::Request request, http::Answer answer, const Executor& executor) noexcept {
  try {
    const auto pending = std::make_shared<Pending>(*this, std::move(request), answer);
    log_start(pending->exchange);
    begin(pending, executor, false);
  } catch (...) {
    answer({.status = 500, .headers = {}, .body = {}});
  }
}

/// Answers at once, or sees to it that others do.
void Pipeline::begin(const std::shared_ptr<Pending>& pending, const Executor& executor, bool may_wait) {
  auto response = explained(pending->exchange, [&] { return begin_waiting(pending, executor, may_wait); });
  if (!response) return;
  finish(pending->exchange, *response);
  pending->answer(*std::move(response));
}

void Pipeline::begin_later(const std::shared_ptr<Pending>& pending, const Executor& executor) noexcept {
  try {
    begin(pending, executor, true);
  } catch (...) {  // no memory for even an error's text
    pending->answer({.status = 500, .headers = {}, .body = {}});
  }
}

/// Sends what the step returns, or why there is no more.
template <class Step>
void Pipeline::complete(Pending& pending, Step&& step) const noexcept {
  http::Response response;
  try {
    response = explained(pending.exchange, std::forward<Step>(step));
    finish(pending.exchange, response);
  } catch (...) {  // no memory for even an error's text
    response = {.status = 500, .headers = {}, .body = {}};
  }
  pending.answer(std::move(response));
}

/// None if the answer comes later.
std::optional<http::Response> Pipeline::begin_waiting(const std::shared_ptr<Pending>& pending, const Executor& executor,
                                                      bool may_wait) {
  constexpr std::size_t quickly_read = 64UL * 1024;  // bytes of JSON
  Exchange& exchange = pending->exchange;
  if (!may_wait && asks_others(exchange.match.route)) {
    executor([this, pending, &executor] { begin_later(pending, executor); });
    return std::nullopt;
  }
  look_at_head(exchange);
  if (auto early = answer_early(exchange)) return early;
  const auto* body = std::get_if<std::string>(&pending->request.body);
  const bool is_quick = body && body->size() <= quickly_read;
  const bool tells_others = storage_.changes().shared();  // each of its own writes, for which it waits
  if (!is_quick || exchange.route().weight != Weight::write || tells_others) {
    if (may_wait) return answer_fully(exchange);
    executor([this, pending] { complete(*pending, [&] { return answer_fully(pending->exchange); }); });
    return std::nullopt;
  }
  receive(exchange);
  const auto work = [this, pending] { pending->response = serve_noted(pending->exchange); };
  const auto done = [this, pending](const std::exception_ptr& error) {
    complete(*pending, [&] {
      if (error) std::rethrow_exception(error);
      return std::move(pending->response);
    });
  };
  storage_.together_later(work, done, executor);
  return std::nullopt;
}

http::Response Pipeline::refuse(int status, std::string_view reason, std::string_view message) const {
  const Time now = clock_.now();
  const std::string id = random_.uuid(now).text();
  const Problem problem{.status = status, .reason = std::string(reason), .message = std::string(message)};
  if (metrics_) metrics_->count_error(category_of(problem));
  http::Response response = render(problem, error_format_, {.request_id = id, .time = now});
  add_common_headers(response, false);
  response.headers.add("X-Request-ID", id);
  return response;
}

http::Plan Pipeline::plan(const http::Request& head) const noexcept {
  try {
    if (const Route* route = router_.match(head.method, path_of(head.target)).route)
      return {.lane = lane(*route), .streams = route->streams_body, .max_body = max_body(*route)};
  } catch (...) {  // no memory for the path's parameters: handling it will say so
  }
  return {.lane = http::Lane::here, .streams = false, .max_body = default_max_body_};
}

http::Lane Pipeline::lane(const Route& route) const noexcept {
  if (route.weight == Weight::heavy) return http::Lane::heavy;
  if (asks_others(&route)) return http::Lane::waiting;
  if (route.weight == Weight::none) return http::Lane::here;
  const bool waits = route.weight != Weight::read || route.streams_body || storage_.reads_wait();
  return waits ? http::Lane::waiting : http::Lane::here;
}

std::size_t Pipeline::max_body(const Route& route) const noexcept {
  return route.max_body > 0 ? route.max_body : default_max_body_;
}

void Pipeline::add_common_headers(http::Response& response, bool secure) const {
  http::Headers headers = secure ? secure_common_headers_ : common_headers_;
  for (const auto& [name, value] : response.headers) {
    if (common_headers_.find(name))
      headers.set(name, value);
    else
      headers.add(name, value);
  }
  response.headers = std::move(headers);
}

/// The path as it came; where any text may stand in it, a mail address for one, the route's own.
std::string Pipeline::shown_path(const Exchange& exchange) {
  const Route* route = exchange.match.route;
  return route && !route->text_params.empty() ? route->path : loggable(exchange.path);
}

Value Pipeline::shown_trace(const Exchange& exchange) {
  return exchange.trace_id.empty() ? Value() : Value(exchange.trace_id);
}

void Pipeline::log_start(const Exchange& exchange) const {
  if (!logger_.wants(LogLevel::debug)) return;
  logger_.debug("api.access", "request started",
                {{"request_id", exchange.request_id},
                 {"trace_id", shown_trace(exchange)},
                 {"method", http::name(exchange.request.method)},
                 {"path", shown_path(exchange)},
                 {"client_ip", exchange.client_address}});
}

void Pipeline::log_end(const Exchange& exchange, int status, double milliseconds) const {
  if (!logger_.wants(LogLevel::info)) return;
  const std::string* agent = exchange.request.headers.find("User-Agent");
  const auto& user = exchange.who.maybe_user();
  const auto& token = exchange.who.access_token();
  logger_.info("api.access", "request completed",
               {{"request_id", exchange.request_id},
                {"trace_id", shown_trace(exchange)},
                {"method", http::name(exchange.request.method)},
                {"path", shown_path(exchange)},
                {"route", exchange.match.route ? Value(exchange.route().path) : Value()},
                {"status_code", status},
                {"duration_ms", std::round(milliseconds * 100) / 100},
                {"user_id", user ? Value(user->text()) : Value()},
                {"access_token_id", token ? Value(token->text()) : Value()},
                {"client_ip", exchange.client_address},
                {"user_agent", agent ? Value(loggable(*agent)) : Value()}});
}

/// Somebody whom the school knows has tried what they may not do.
void Pipeline::log_refusal(const Exchange& exchange) const {
  const auto& user = exchange.who.maybe_user();
  const auto& token = exchange.who.access_token();
  if (!user || !logger_.wants(LogLevel::warning)) return;
  logger_.warning("security", "call refused",
                  {{"request_id", exchange.request_id},
                   {"trace_id", shown_trace(exchange)},
                   {"method", http::name(exchange.request.method)},
                   {"route", exchange.route().path},
                   {"reason", exchange.forbidden},
                   {"user_id", user->text()},
                   {"role", exchange.who.role()},
                   {"access_token_id", token ? Value(token->text()) : Value()},
                   {"address", exchange.client_address}});
}

/// One that was good once is daily business.
void Pipeline::log_refused_token(const Exchange& exchange, std::string_view reason) const {
  const Object fields{{"request_id", exchange.request_id},
                      {"route", exchange.route().path},
                      {"reason", reason},
                      {"address", exchange.client_address}};
  if (reason == "token_expired" || reason == "session_ended")
    logger_.info("security", "token refused", fields);
  else
    logger_.warning("security", "token refused", fields);
}

void Pipeline::log_failure(const Exchange& exchange, std::string_view what) const {
  logger_.error("app", "request failed",
                {{"request_id", exchange.request_id},
                 {"trace_id", shown_trace(exchange)},
                 {"method", http::name(exchange.request.method)},
                 {"route", exchange.match.route ? Value(exchange.route().path) : Value()},
                 {"error", what}});
}

}  // namespace lms
