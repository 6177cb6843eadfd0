#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lms/changes.hpp>
#include <lms/export.hpp>
#include <lms/http.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/query.hpp>
#include <lms/schema.hpp>
#include <lms/token.hpp>
#include <lms/value.hpp>

/// Routes: each is one row, and authorization, validation, OpenAPI and the thread it runs on all come from it.
namespace lms {

/// Who may call a route. The service behind it decides the rest.
struct Anyone {};    ///< a token is optional; a bad one is still refused
struct SignedIn {};  ///< any user
using Allow = std::variant<Anyone, SignedIn, Permission>;

/// How much a request costs, which decides where it runs.
enum class Weight {
  none,   ///< touches nothing that could wait, and is answered even while everything else does
  read,   ///< reads storage at most
  write,  ///< commits a little. Its handler calls services and nothing else, for it may run again, and who it calls for
          ///< learns of it only after a commit that it shares with other requests
  wait,   ///< commits much or again and again, or waits for something else than storage
  heavy   ///< hashes a password or the like
};

/// How the body is read against the input schema.
enum class Input {
  none,    ///< a body is refused
  create,  ///< Schema::parse
  change,  ///< Schema::parse_changes
  free,    ///< any JSON; the service checks it
  text     ///< text of the route's `body_type`, as it came; the service checks it
};

/// What an answer carries.
enum class Output {
  nothing,  ///< 204
  one,      ///< one object of the output schema
  page,     ///< `{items, page, page_size, total}`
  items,    ///< `{items}`: all there are
  free      ///< any JSON
};

/// An error a route may answer with beyond those that its row implies (401, 403, 404 of its path, 422 …).
struct RouteError {
  ErrorCode code;
  std::string reason;
  std::string meaning;
};

/// One call of a route: the request, parsed and authorized. Used by one thread.
class LMS_API Call {
 public:
  Call(const http::Request& request, Principal who) : request_(request), who_(std::move(who)) {}

  const Principal& who() const noexcept { return who_; }
  /// What the access token says. @throws Error unauthenticated if the call came without one.
  const TokenClaims& token() const;
  const http::Request& request() const noexcept { return request_; }
  /// Well-formed id of the request (`X-Request-ID` or made).
  const std::string& request_id() const noexcept { return request_id_; }
  /// Address of the client.
  const std::string& client_address() const noexcept { return client_address_; }

  /// The text of a path parameter, percent-decoded.
  const std::string& path(std::string_view name) const;
  /// An id in the path. @throws Error not_found `<entity>_not_found` style reason if it is malformed: such a thing
  /// cannot exist.
  template <class IdType>
  IdType id(std::string_view name) const {
    if (auto id = IdType::parse(path(name))) return *id;
    throw malformed_id(name);
  }

  /// The JSON body as it came. Null when the route takes none.
  const Value& body() const noexcept { return body_; }
  /// The body as it came, for routes that take text.
  const std::string& text() const noexcept { return text_; }
  template <HasSchema T>
  T body() const {
    return parse<T>(body_);
  }
  template <HasSchema T>
  Patch<T> patch() const {
    return Patch<T>(body_);
  }
  /// The query string read against T, which is the route's `query` schema.
  template <HasSchema T>
  T query() const {
    T object{};
    T::schema().parse_texts(&object, query_);
    return object;
  }
  /// The body as a stream, for routes that say `streams_body`.
  http::BodySource& stream() const;

  /// For routes that are `cached`: the answer was made from the record of that key, be it there or not, and is not
  /// given again once that was written.
  template <HasSchema T, class K>
  void shows(const K& key) {
    shown_.push_back(Dependency::on(T::schema(), detail::stored(key)));
  }
  /// The same for the table: a record that comes, changes or goes can change the answer.
  template <HasSchema T>
  void shows() {
    shown_.push_back(Dependency::on(T::schema()));
  }

 private:
  friend class Pipeline;
  static Error malformed_id(std::string_view name);

  const http::Request& request_;
  Principal who_;
  std::optional<TokenClaims> token_;
  std::string request_id_;
  std::string client_address_;
  Value body_;
  std::string text_;
  std::vector<std::pair<std::string, std::string>> path_;
  std::vector<std::pair<std::string, std::string>> query_;
  http::BodySource* stream_ = nullptr;
  std::vector<Dependency> shown_;
};

using Handler = std::function<http::Response(Call&)>;

/// A parameter in a path that is any text.
struct TextParameter {
  std::string name;
  std::string doc = {};
};

struct Route {
  http::Method method = http::Method::get;
  std::string path;       ///< below the API's prefix: `/courses/{id}/publish`
  std::string operation;  ///< OpenAPI operationId
  std::string tag;
  std::string summary;
  std::string description = {};
  Allow allow = SignedIn{};
  Weight weight = Weight::read;
  /// How long an answer without a token may be given again while all that the handler said it `shows` stays as it is;
  /// never longer than the setting `cache_max_stale`.
  /// Such an answer depends on the target and on that, nothing else. 0: never; so is one that shows nothing.
  std::chrono::seconds cached{0};
  const Schema* query = nullptr;
  Input input_mode = Input::none;
  const Schema* input = nullptr;
  Value input_example = {};
  std::string body_type = {};  ///< with `Input::text`: its media type, `text/csv`
  Output output_mode = Output::one;
  const Schema* output = nullptr;
  const Schema* other_output = nullptr;  ///< what it may be instead, with `Output::one`
  int status = 200;
  std::vector<RouteError> errors = {};
  /// A POST of somebody signed in that is sent again with the header `Idempotency-Key` it had before is given the
  /// answer of the first and does nothing. Answers are stored for that: not for one that carries a secret.
  bool takes_idempotency_key = false;
  bool streams_body = false;
  bool absolute = false;       ///< `path` is not below the API's prefix
  bool hidden = false;         ///< not in OpenAPI
  bool ignores_token = false;  ///< `Authorization` is not looked at: for pages and probes; needs Anyone
  bool unlimited = false;      ///< no rate limit counts it: for probes
  bool any_host = false;       ///< also under names that the school is not known by: for probes, which ask by address
  bool is_file = false;        ///< the answer is a file to keep, and never put in an envelope
  /// Path parameters that are text; others named `id` or `…_id` are UUIDs.
  std::vector<TextParameter> text_params = {};
  std::size_t max_body = 0;  ///< bytes; 0: the setting's
  bool body_optional = false;
  Handler handler;
};

/// What an access token has to be made for to call the route: `courses:read` for one of the tag `courses` that reads,
/// `courses:write` for another. Empty: no access token may, as for those of the tag `auth` and for those without a tag.
LMS_API std::string scope_of(const Route& route);

/// The routes of the API, in the order they were added. Set up once; read-only and thread-safe from then on.
class LMS_API Router {
 public:
  /// `prefix` stands before every path that is not absolute.
  explicit Router(std::string prefix = "/api/v1");
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  /// @throws Error internal if the operation id or the method and path exist, or the row contradicts itself.
  void add(Route route);
  /// What the operations of a tag have in common, for OpenAPI.
  void describe_tag(std::string tag, std::string description);

  struct Match {
    const Route* route = nullptr;                             ///< null: no such path, or not with that method
    std::vector<std::pair<std::string, std::string>> params;  ///< percent-decoded
    std::vector<http::Method> allowed;                        ///< when the path exists with other methods
    bool malformed = false;                                   ///< the path is no percent-encoded UTF-8, or has a NUL
  };
  /// A fixed segment wins over a parameter; a trailing slash makes no difference; HEAD is answered by GET's route.
  /// Takes time in proportion to the path's length at most.
  Match match(http::Method method, std::string_view path) const;

  const std::vector<std::unique_ptr<const Route>>& routes() const noexcept;
  const std::vector<std::pair<std::string, std::string>>& tags() const noexcept { return tags_; }
  const std::string& prefix() const noexcept { return prefix_; }
  /// Every scope that a route has, in alphabetical order.
  std::vector<std::string> scopes() const;

 private:
  struct Tree;
  std::string prefix_;
  std::vector<std::unique_ptr<const Route>> routes_;
  std::vector<std::pair<std::string, std::string>> tags_;
  std::unique_ptr<Tree> tree_;
};

// --- answers of handlers ---

LMS_API http::Response json_response(int status, const Value& body);
/// For a body that is JSON already.
LMS_API http::Response json_text_response(int status, std::string body);

/// 200 with the object as its schema shows it.
template <HasSchema T>
http::Response ok(const T& object) {
  std::string body;
  Codec<T>::show(body, object);
  return json_text_response(200, std::move(body));
}
/// 201 with `Location`, relative to the server's root.
template <HasSchema T>
http::Response created(const T& object, std::string location) {
  auto response = ok(object);
  response.status = 201;
  response.headers.add("Location", std::move(location));
  return response;
}
/// 200 with one page of a list.
template <HasSchema T>
http::Response ok(const Page<T>& page) {
  std::string body = R"({"items":)";
  Codec<std::vector<T>>::show(body, page.items);
  append_json_number(body += R"(,"page":)", page.page);
  append_json_number(body += R"(,"page_size":)", page.page_size);
  append_json_number(body += R"(,"total":)", page.total);
  body += page.total_is_more ? R"(,"total_is_more":true})" : "}";
  return json_text_response(200, std::move(body));
}
/// 200 with all there are.
template <HasSchema T>
http::Response ok(const std::vector<T>& all) {
  std::string body = R"({"items":)";
  Codec<std::vector<T>>::show(body, all);
  body += '}';
  return json_text_response(200, std::move(body));
}
inline http::Response no_content() {
  return {.status = 204, .headers = {}, .body = {}};
}

}  // namespace lms
