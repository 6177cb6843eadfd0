#include <lms/router.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/encoding.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

/// Takes the first segment, with the slash before it, off the path.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

/// nullopt where the segment is no percent-encoded UTF-8 or holds a NUL.
std::optional<std::string> decode(std::string_view segment) {
  auto text = percent_decode(segment);
  if (text && (text->find('\0') != std::string::npos || find_malformed_utf8(*text))) return std::nullopt;
  return text;
}

bool reads(Weight weight) noexcept {
  return weight == Weight::none || weight == Weight::read;
}

bool only_reads(const Route& route) {
  return route.method == http::Method::get || route.method == http::Method::head;
}

/// What is wrong with a row, or nothing.
std::string contradiction(const Route& route) {
  const bool takes_body = route.input_mode != Input::none;
  const bool wants_schema = route.input_mode == Input::create || route.input_mode == Input::change;
  const bool shows_schema = route.output_mode != Output::nothing && route.output_mode != Output::free;
  if (!route.handler) return "it has no handler";
  if (route.method == http::Method::other) return "its method is none";
  if (route.operation.empty()) return "it has no operation id";
  if (!route.hidden && (route.tag.empty() || route.summary.empty())) return "it has no tag or no summary";
  if (route.path.empty() || route.path.front() != '/') return "its path does not start with a slash";
  if (route.path.size() > 1 && route.path.back() == '/') return "its path ends with a slash";
  if (wants_schema != (route.input != nullptr)) return "its input schema does not fit its input mode";
  if (shows_schema != (route.output != nullptr)) return "its output schema does not fit its output mode";
  if (route.other_output && route.output_mode != Output::one) return "another output needs the mode one";
  if (takes_body && route.streams_body) return "a body cannot both stream and be read whole";
  if ((route.input_mode == Input::text) == route.body_type.empty()) return "its body type does not fit its input mode";
  if (only_reads(route) && (takes_body || route.streams_body)) return "a read takes no body";
  if (route.ignores_token && !std::holds_alternative<Anyone>(route.allow)) return "it ignores the token it needs";
  if (route.weight == Weight::none && (!route.ignores_token || route.streams_body))
    return "its weight is none, but a token or a streaming body may have to be waited for";
  const bool can_be_keyed = route.method == http::Method::post && !route.streams_body && !reads(route.weight) &&
                            !std::holds_alternative<Anyone>(route.allow);
  if (route.takes_idempotency_key && !can_be_keyed)
    return "it takes an idempotency key, but is no POST of somebody known that writes and has a whole body";
  const bool open_read =
      route.method == http::Method::get && route.weight == Weight::read && std::holds_alternative<Anyone>(route.allow);
  if (route.cached.count() > 0 && !open_read) return "it is cached, but is no read that is open to anyone";
  return {};
}

}  // namespace

struct Router::Tree {
  std::map<std::string, Tree, std::less<>> fixed;
  std::unique_ptr<Tree> parameter;
  std::string parameter_name;
  std::map<http::Method, const Route*> routes;

  const Route* find(http::Method method) const {
    auto found = routes.find(method);
    if (found == routes.end() && method == http::Method::head) found = routes.find(http::Method::get);
    return found == routes.end() ? nullptr : found->second;
  }

  /// The node that the rest of a path leads to, or null. Notes the parameters on the way there.
  const Tree* descend(std::string_view path, Match& match) const {
    if (path.empty()) return routes.empty() ? nullptr : this;
    const std::string_view raw = take_segment(path);
    if (raw.empty()) return nullptr;
    auto segment = decode(raw);
    if (!segment) {
      match.malformed = true;
      return nullptr;
    }
    if (const auto child = fixed.find(*segment); child != fixed.end())
      if (const Tree* node = child->second.descend(path, match)) return node;
    if (!parameter || match.malformed) return nullptr;
    match.params.emplace_back(parameter_name, *std::move(segment));
    const Tree* node = parameter->descend(path, match);
    if (!node) match.params.pop_back();
    return node;
  }
};

Router::Router(std::string prefix) : prefix_(std::move(prefix)), tree_(std::make_unique<Tree>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(Route route) {
  if (!route.absolute) route.path.insert(0, prefix_);
  const std::string title = std::string(http::name(route.method)) + ' ' + route.path;
  const auto refuse = [&](const std::string& why) {
    throw internal("the route " + title + " cannot be added: " + why);
  };
  if (const std::string why = contradiction(route); !why.empty()) refuse(why);
  for (const auto& other : routes_)
    if (other->operation == route.operation) refuse("there is an operation " + route.operation + " already");

  Tree* node = tree_.get();
  std::string_view rest = route.path;
  while (rest.size() > 1) {
    const std::string_view segment = take_segment(rest);
    if (segment.empty()) refuse("its path has an empty segment");
    if (!is_parameter(segment)) {
      node = &node->fixed[std::string(segment)];
      continue;
    }
    const std::string_view name = segment.substr(1, segment.size() - 2);
    if (!node->parameter) {
      node->parameter = std::make_unique<Tree>();
      node->parameter_name = name;
    }
    if (node->parameter_name != name) refuse("another route calls its parameter {" + node->parameter_name + "} there");
    node = node->parameter.get();
  }
  const auto [place, is_new] = node->routes.emplace(route.method, nullptr);
  if (!is_new) refuse("it exists already");
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  place->second = routes_.back().get();
}

void Router::describe_tag(std::string tag, std::string description) {
  tags_.emplace_back(std::move(tag), std::move(description));
}

Router::Match Router::match(http::Method method, std::string_view path) const {
  Match match;
  if (path.empty() || path.front() != '/') return match;
  if (path.back() == '/') path.remove_suffix(1);
  const Tree* node = tree_->descend(path, match);
  if (!node) return match;
  match.route = node->find(method);
  if (!match.route)
    for (const auto& [allowed, route] : node->routes) match.allowed.push_back(allowed);
  return match;
}

const std::vector<std::unique_ptr<const Route>>& Router::routes() const noexcept {
  return routes_;
}

std::vector<std::string> Router::scopes() const {
  std::set<std::string> scopes;
  for (const auto& route : routes_)
    if (std::string scope = scope_of(*route); !scope.empty()) scopes.insert(std::move(scope));
  return {scopes.begin(), scopes.end()};
}

std::string scope_of(const Route& route) {
  if (route.tag.empty() || route.tag == "auth" || route.ignores_token) return {};
  std::string scope = route.tag;
  // RFC 6750 separates scopes by blanks and quotes them.
  std::replace_if(
      scope.begin(), scope.end(), [](char c) { return c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ':'; }, '-');
  return scope + (only_reads(route) ? ":read" : ":write");
}

http::Response json_response(int status, const Value& body) {
  return json_text_response(status, to_json(body));
}

http::Response json_text_response(int status, std::string body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

}  // namespace lms
