#include "http/idempotency.hpp"

#include <algorithm>
#include <utility>

#include <lms/error.hpp>
#include <lms/repository.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/removal.hpp"
#include "http/header_text.hpp"
#include "http/problem.hpp"

namespace lms {

namespace {

constexpr std::string_view header_name = "Idempotency-Key";

using Answers = Repository<IdempotentAnswer>;

Problem bad_key(std::string message) {
  return {.status = 400, .reason = "invalid_idempotency_key", .message = std::move(message)};
}

Problem key_reused() {
  return {.status = 422,
          .reason = "idempotency_key_reused",
          .message = "This Idempotency-Key came with another request before. Make a new key for each new request."};
}

Problem in_progress() {
  return {.status = 409,
          .reason = "idempotency_in_progress",
          .message = "The first request with this Idempotency-Key is still being carried out.",
          .headers = {{"Retry-After", "1"}}};
}

Problem answer_gone() {
  return {.status = 409,
          .reason = "idempotency_answer_gone",
          .message =
              "A request with this Idempotency-Key was carried out before, at least in part, but its answer "
              "was not kept. See what is there before you send it with a new key."};
}

/// The text of a quoted string of RFC 8941; none if it is not one.
std::optional<std::string> unquoted(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.back() != '"') return std::nullopt;
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '"') return std::nullopt;
    if (inside[i] == '\\') {
      ++i;
      if (i == inside.size() || (inside[i] != '"' && inside[i] != '\\')) return std::nullopt;
    }
    text += inside[i];
  }
  return text;
}

/// Whether the key may be used again as if the request had never come: input that was not valid can be mended, and the
/// rest can be otherwise next time.
bool invites_another_try(int status) noexcept {
  return status >= 500 || status == 400 || status == 412 || status == 422 || status == 429;
}

/// The text to be kept; null if that answer is not.
const std::string* kept_text(const http::Response& response) {
  const auto* text = std::get_if<std::string>(&response.body);
  if (!text || text->size() > IdempotentAnswers::largest_answer || response.headers.find("Set-Cookie")) return nullptr;
  return text;
}

Value stored(const http::Headers& headers) {
  Array fields;
  for (const auto& [name, value] : headers) fields.emplace_back(Array{name, value});
  return fields;
}

http::Response replayed(const IdempotentAnswer& answer) {
  http::Response response{
      .status = static_cast<int>(*answer.status), .headers = {}, .body = answer.body.value_or(std::string())};
  for (const Value& field : answer.headers.as_array())
    response.headers.add(field.as_array().at(0).as_string(), field.as_array().at(1).as_string());
  response.headers.add("Idempotent-Replayed", "true");
  return response;
}

}  // namespace

const Schema& IdempotentAnswer::schema() {
  static const Schema schema = define<IdempotentAnswer>("IdempotentAnswer", "The answer to a request with a key.")
                                   .table("idempotent_answers")
                                   .key("id", &IdempotentAnswer::id)
                                   .field("fingerprint", &IdempotentAnswer::fingerprint)
                                   .field("claim", &IdempotentAnswer::claim)
                                   .field("state", &IdempotentAnswer::state)
                                   .field("held_until", &IdempotentAnswer::held_until)
                                   .field("expires_at", &IdempotentAnswer::expires_at)
                                   .field("status", &IdempotentAnswer::status)
                                   .field("headers", &IdempotentAnswer::headers)
                                   .field("body", &IdempotentAnswer::body)
                                   .index({"expires_at"});
  return schema;
}

/// The key of tokens is not used for anything else: from it comes one of our own.
IdempotentAnswers::IdempotentAnswers(Storage& storage, const Clock& clock, Random& random, std::string_view secret,
                                     std::chrono::hours kept_for)
    : storage_(storage),
      clock_(clock),
      random_(random),
      secret_(as_text(hmac_sha256(secret, "idempotent answers"))),
      kept_for_(kept_for) {}

std::optional<std::string> IdempotentAnswers::key_in(const http::Headers& headers) {
  if (headers.count(header_name) > 1) throw bad_key("Send one Idempotency-Key header, not several.");
  const std::string* field = headers.find(header_name);
  if (!field) return std::nullopt;
  std::string key(trimmed(*field));
  if (key.starts_with('"')) {
    auto text = unquoted(key);
    if (!text) throw bad_key("The Idempotency-Key begins with a quote, but is no quoted string.");
    key = *std::move(text);
  }
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (key.empty() || key.size() > longest_key || !std::all_of(key.begin(), key.end(), is_printable))
    throw bad_key("An Idempotency-Key has 1 to " + std::to_string(longest_key) + " printable ASCII characters.");
  return key;
}

std::string IdempotentAnswers::fingerprint(const http::Request& request, std::string_view body) const {
  std::string text;
  text.append(http::name(request.method)).append(" ").append(request.target).append("\n").append(body);
  return to_hex(hmac_sha256(secret_, text));
}

std::string IdempotentAnswers::id_of(UserId caller, std::string_view key) const {
  return to_hex(hmac_sha256(secret_, caller.text() + ' ' + std::string(key)));
}

http::Response IdempotentAnswers::once(UserId caller, const KeyedRequest& request, const Act& act) {
  const Claim claim{id_of(caller, request.key), random_.token(12)};
  if (auto answer = take(claim, request.fingerprint)) return *std::move(answer);
  http::Response response = act([&](UnitOfWork& uow) {
    const Condition is_ours = all_of({equal("id", claim.id), equal("claim", claim.token)});
    if (Answers(uow).update_all(is_ours, {set("state", IdempotentState::acted)}) == 0) throw in_progress();
  });
  settle(claim, response);
  return response;
}

/// Makes the key this try's own, or returns what there is to answer.
std::optional<http::Response> IdempotentAnswers::take(const Claim& claim, const std::string& fingerprint) {
  return storage_.write([&](UnitOfWork& uow) -> std::optional<http::Response> {
    const Time now = clock_.now();
    Answers answers(uow);
    if (const auto known = answers.find(claim.id); known && now < known->expires_at) {
      if (known->fingerprint != fingerprint) throw key_reused();
      if (known->status) return replayed(*known);
      const bool is_held = known->state != IdempotentState::ended && now < known->held_until;
      if (is_held) throw in_progress();
      if (known->state != IdempotentState::running) throw answer_gone();
    }
    IdempotentAnswer answer;
    answer.id = claim.id;
    answer.fingerprint = fingerprint;
    answer.claim = claim.token;
    answer.held_until = now + longest_try;
    answer.expires_at = now + kept_for_;
    answers.upsert(answer, {"id"});
    return std::nullopt;
  });
}

/// Stores the answer, or frees the key if nothing was changed. Should that fail, the answer is given all the same, and
/// the key tells those who ask again that it is gone.
void IdempotentAnswers::settle(const Claim& claim, const http::Response& response) {
  const Condition is_ours = all_of({equal("id", claim.id), equal("claim", claim.token)});
  const bool may_try_again = invites_another_try(response.status);
  const std::string* text = may_try_again ? nullptr : kept_text(response);
  try {
    storage_.write([&](UnitOfWork& uow) {
      Answers answers(uow);
      const Condition is_untouched = all_of({is_ours, equal("state", IdempotentState::running)});
      if (may_try_again && answers.remove_where(is_untouched) > 0) return;
      std::vector<Assignment> assignments{set("state", IdempotentState::ended)};
      if (text) {
        assignments.push_back(set("status", std::int64_t{response.status}));
        assignments.push_back(set("headers", stored(response.headers)));
        assignments.push_back(set("body", *text));
      }
      answers.update_all(is_ours, assignments);
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
  }
}

std::string IdempotentAnswers::forget(UnitOfWork& uow, UserId person, const std::string& after) {
  constexpr std::size_t at_once = 50;
  const std::string id = person.text();
  Answers answers(uow);
  const auto found = answers.select({.where = greater("id", after), .limit = at_once});
  for (const IdempotentAnswer& answer : found) {
    if (!answer.body || answer.body->find(id) == std::string::npos) continue;
    answers.update_all(equal("id", answer.id), {set("status", Value()), set("headers", Value()), set("body", Value())});
  }
  return found.size() == at_once ? found.back().id : std::string();
}

std::size_t IdempotentAnswers::purge() {
  return remove_in_batches<IdempotentAnswer>(storage_, less("expires_at", clock_.now()));
}

}  // namespace lms
