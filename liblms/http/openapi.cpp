#include "http/openapi.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <lms/error.hpp>

#include "http/conditional.hpp"
#include "http/envelope.hpp"
#include "http/idempotency.hpp"
#include "http/problem.hpp"

namespace lms {

namespace {

/// A schema looks different to those who read, to those who create and to those who change.
enum class Form { shown, created, changed };

bool has(const Field& field, Form form) {
  switch (field.access) {
    case Access::normal:
      return true;
    case Access::create_only:
      return form != Form::changed;
    case Access::read_only:
      return form == Form::shown;
    case Access::write_only:
      return form != Form::shown;
    case Access::hidden:
      break;
  }
  return false;
}

Object reference(std::string_view kind, const std::string& name) {
  return {{"$ref", "#/components/" + std::string(kind) + '/' + name}};
}

Object json_content(Value schema) {
  return {{"application/json", Object{{"schema", std::move(schema)}}}};
}

// --- what the row says of itself ---

std::vector<std::string> path_parameters(const Route& route) {
  std::vector<std::string> names;
  for (std::size_t open = route.path.find('{'); open != std::string::npos; open = route.path.find('{', open + 1))
    names.push_back(route.path.substr(open + 1, route.path.find('}', open) - open - 1));
  return names;
}

const TextParameter* find_text_parameter(const Route& route, std::string_view name) {
  const auto& texts = route.text_params;
  const auto found =
      std::find_if(texts.begin(), texts.end(), [&](const TextParameter& text) { return text.name == name; });
  return found == texts.end() ? nullptr : &*found;
}

bool is_id(const Route& route, std::string_view parameter) {
  return (parameter == "id" || parameter.ends_with("_id")) && !find_text_parameter(route, parameter);
}

bool takes_body(const Route& route) {
  return route.input_mode != Input::none || route.streams_body;
}

/// The errors that the row names, and those that its key brings.
std::vector<RouteError> errors_of(const Route& route) {
  std::vector<RouteError> errors = route.errors;
  if (!route.takes_idempotency_key) return errors;
  errors.push_back({ErrorCode::conflict, "idempotency_in_progress", "The first request with the key is not over yet."});
  errors.push_back({ErrorCode::conflict, "idempotency_answer_gone",
                    "The request was carried out before, but its answer was not kept."});
  errors.push_back({ErrorCode::invalid, "idempotency_key_reused", "The key came with another request before."});
  return errors;
}

bool changes_one_thing(const Route& route) {
  using enum http::Method;
  return route.method == put || route.method == patch || route.method == del;
}

/// Every status a route may refuse with.
std::set<int> error_statuses(const Route& route, bool is_conditional) {
  std::set<int> statuses{400, 422, 500, 503};
  if (!route.ignores_token) statuses.insert({401, 403});
  if (route.path.find('{') != std::string::npos) statuses.insert(404);
  if (takes_body(route)) statuses.insert({413, 415});
  if (is_conditional) statuses.insert(412);
  if (!route.unlimited) statuses.insert(429);
  for (const RouteError& error : errors_of(route)) statuses.insert(status_of(error.code));
  return statuses;
}

std::string who_may_call(const Route& route) {
  if (const auto* permission = std::get_if<Permission>(&route.allow))
    return "Needs the permission `" + std::string(permission->name) + "`.";
  return std::holds_alternative<SignedIn>(route.allow) ? "For people who are signed in." : "Open to everybody.";
}

std::string access_token_may(const Route& route) {
  if (route.ignores_token) return {};
  const std::string scope = scope_of(route);
  return scope.empty() ? " Not for access tokens." : " An access token needs the scope `" + scope + "`.";
}

std::string description_of(const Route& route) {
  return route.description + (route.description.empty() ? "" : "\n\n") + who_may_call(route) + access_token_may(route);
}

/// The ways to authenticate, each of which is enough.
Array security_of(const Route& route) {
  Array ways;
  if (route.ignores_token) return ways;
  if (std::holds_alternative<Anyone>(route.allow)) ways.emplace_back(Object{});
  ways.emplace_back(Object{{"bearer", Array{}}});
  if (std::string scope = scope_of(route); !scope.empty())
    ways.emplace_back(Object{{"access_token", Array{std::move(scope)}}});
  return ways;
}

// --- schemas ---

void add_limits(Object& schema, const Field& field) {
  const auto number = [&](double limit) {
    return field.type == FieldType::real ? Value(limit) : Value(static_cast<std::int64_t>(limit));
  };
  if (std::isfinite(field.minimum)) schema.append("minimum", number(field.minimum));
  if (std::isfinite(field.maximum)) schema.append("maximum", number(field.maximum));
}

void add_length(Object& schema, std::string_view minimum, std::string_view maximum, const Field& field) {
  if (field.min_length > 0) schema.append(std::string(minimum), static_cast<std::int64_t>(field.min_length));
  schema.append(std::string(maximum), static_cast<std::int64_t>(field.max_length));
}

void add_format(Object& schema, Format format) {
  switch (format) {
    case Format::none:
    case Format::timezone:
      break;
    case Format::name:
      schema.append("pattern", R"(^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$)");
      break;
    case Format::email:
      schema.append("format", "email");
      break;
    case Format::slug:
      schema.append("pattern", "^[a-z0-9]+(-[a-z0-9]+)*$");
      break;
    case Format::url:
      schema.append("format", "uri");
      break;
    case Format::language:
      schema.append("pattern", "^[a-z]{2}(-[A-Z]{2})?$");
      break;
    case Format::currency:
      schema.append("pattern", "^[A-Z]{3}$");
      break;
    case Format::markdown:
      schema.append("contentMediaType", "text/markdown");
      break;
    case Format::password:
      schema.append("format", "password");
      break;
  }
}

/// What a client gets who leaves the field out, unless that is nothing.
void add_default(Object& schema, const Field& field) {
  const Value& initial = field.initial;
  const bool nothing = initial.is_null() || initial == Value("") || field.required || field.type == FieldType::uuid ||
                       field.type == FieldType::time || field.type == FieldType::object;
  if (!nothing) schema.append("default", initial);
}

void allow_null(Object& schema) {
  if (schema.contains("$ref")) {
    const Object target = std::exchange(schema, Object{});
    schema.append("anyOf", Array{target, Object{{"type", "null"}}});
    return;
  }
  const Value* type = schema.find("type");
  if (!type) return;  // any JSON, null included
  schema.set("type", Array{*type, "null"});
  if (const Value* choices = schema.find("enum")) {
    Array with_null = choices->as_array();
    with_null.emplace_back(nullptr);
    schema.set("enum", std::move(with_null));
  }
}

Object object_schema(Object properties, Array required) {
  Object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema.append("required", std::move(required));
  return schema;
}

/// The schemas of components, each written when it is first referred to.
class Components {
 public:
  /// First every use is noted, for a component's name depends on them; then the document is written.
  void note(const Schema& schema, Form form) {
    if (!forms_[&schema].insert(form).second) return;
    for (const Field& field : schema.fields())
      if (field.object && has(field, form)) note(*field.object, nested(form));
  }

  Object refer(const Schema& schema, Form form) {
    const std::string name = name_of(schema, form);
    const auto [place, is_new] = owners_.emplace(name, &schema);
    if (place->second != &schema) throw internal("two schemas are called " + name);
    if (is_new) {
      Object component = describe(schema, form);
      schemas_.emplace(name, std::move(component));
    }
    return reference("schemas", name);
  }

  Object describe(const Field& field, Form form) {
    Object schema = describe(field.type, field, form);
    if (field.nullable) allow_null(schema);
    if (!field.doc.empty()) schema.append("description", field.doc);
    if (form == Form::created) add_default(schema, field);
    if (!field.example.is_null()) schema.append("examples", Array{field.example});
    return schema;
  }

  void add(std::string name, Object schema) { schemas_.emplace(std::move(name), std::move(schema)); }

  Object take() {
    Object all;
    for (auto& [name, schema] : schemas_) all.append(name, std::move(schema));
    return all;
  }

 private:
  static Form nested(Form form) { return form == Form::shown ? Form::shown : Form::created; }

  std::string name_of(const Schema& schema, Form form) const {
    const bool alone = schema.table().empty() && forms_.at(&schema).size() == 1;
    if (alone || form == Form::shown) return schema.name();
    return schema.name() + (form == Form::created ? "Create" : "Update");
  }

  Object describe(const Schema& schema, Form form) {
    Object properties;
    Array required;
    for (const Field& field : schema.fields()) {
      if (!has(field, form)) continue;
      properties.append(field.name, describe(field, form));
      if (form == Form::shown || (form == Form::created && field.required)) required.emplace_back(field.name);
    }
    Object component = object_schema(std::move(properties), std::move(required));
    if (form != Form::shown) component.append("additionalProperties", false);
    if (!schema.doc().empty()) component.append("description", schema.doc());
    return component;
  }

  /// Limits bind those who send; those who read can do without them.
  Object describe(FieldType type, const Field& field, Form form) {
    const bool sent = form != Form::shown;
    Object schema;
    switch (type) {
      case FieldType::boolean:
        return {{"type", "boolean"}};
      case FieldType::uuid:
        return {{"type", "string"}, {"format", "uuid"}};
      case FieldType::time:
        return {{"type", "string"}, {"format", "date-time"}};
      case FieldType::object:
        return field.object ? refer(*field.object, nested(form)) : schema;
      case FieldType::integer:
        schema = {{"type", "integer"}, {"format", "int64"}};
        if (sent) add_limits(schema, field);
        return schema;
      case FieldType::real:
        schema = {{"type", "number"}, {"format", "double"}};
        if (sent) add_limits(schema, field);
        return schema;
      case FieldType::list:
        schema = {{"type", "array"}, {"items", describe(field.element, field, form)}};
        if (sent) add_length(schema, "minItems", "maxItems", field);
        return schema;
      case FieldType::text:
        break;
    }
    schema.append("type", "string");
    if (!field.choices.empty()) {
      Array names;
      for (const std::string& choice : field.choices) names.emplace_back(choice);
      schema.append("enum", std::move(names));
    } else if (sent) {
      if (field.type == FieldType::text) add_length(schema, "minLength", "maxLength", field);
      if (field.type == FieldType::list && field.format == Format::name) schema.append("minLength", 1);
      add_format(schema, field.format);
    }
    return schema;
  }

  std::map<const Schema*, std::set<Form>> forms_;
  std::map<std::string, const Schema*> owners_;
  std::map<std::string, Object> schemas_;
};

// --- errors ---

constexpr std::string_view validation_error = "validation_error";

struct ErrorResponse {
  int status;
  std::string_view name, meaning;
  std::string_view reason, message;  ///< of the example
};

constexpr std::array<ErrorResponse, 11> error_responses{{
    {400, "BadRequest", "The request is malformed: its JSON (the message says where), URL or headers.", "malformed_url",
     "The URL is not percent-encoded UTF-8."},
    {401, "Unauthorized", "There is no access token, or it is no longer good.", "not_authenticated", "Sign in first."},
    {403, "Forbidden", "The caller may not do this, or the access token not with its scopes.", "permission_denied",
     "You may not do this."},
    {404, "NotFound", "There is no such thing, or the caller may not know of it.", "not_found", "Not found."},
    {412, "PreconditionFailed", "It is not, or no longer, in the state that `If-Match` or `If-None-Match` asks for.",
     "precondition_failed", "It has been changed since you read it."},
    {413, "ContentTooLarge", "The body is too large.", "body_too_large", "The body is too large."},
    {415, "UnsupportedMediaType", "The body is not of the type that the operation takes, not in UTF-8, or compressed.",
     "unsupported_media_type", "Send the body as JSON in UTF-8."},
    {422, "UnprocessableContent", "The input breaks a stated rule; each fault is listed.", validation_error, ""},
    {429, "TooManyRequests",
     "Too many requests: try again after `Retry-After` seconds. `RateLimit-Policy` names the rule.",
     "rate_limit_exceeded", "Too many requests. Try again in 12 seconds."},
    {500, "InternalServerError", "A defect of the server; it has been logged under the request's id.", "internal_error",
     "Something went wrong here. It has been logged."},
    {503, "ServiceUnavailable", "Not now: try again after `Retry-After` seconds.", "unavailable", "Try again later."},
}};

const ErrorResponse* find_error_response(int status) {
  const auto found = std::find_if(error_responses.begin(), error_responses.end(),
                                  [&](const ErrorResponse& response) { return response.status == status; });
  return found == error_responses.end() ? nullptr : &*found;
}

Object text_schema(std::string_view description = {}) {
  Object schema{{"type", "string"}};
  if (!description.empty()) schema.append("description", description);
  return schema;
}

Object described(Object schema, std::string_view description) {
  schema.append("description", description);
  return schema;
}

Object list_of(Value items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

/// How errors look in the format that the API has been set to.
class Errors {
 public:
  explicit Errors(ErrorFormat format) : format_(format) {}

  void add_schemas(Components& components) const {
    add_problem_schemas(components);
    if (format_ == ErrorFormat::detail) add_detail_schemas(components);
    if (format_ == ErrorFormat::flat) add_flat_schemas(components);
    if (format_ == ErrorFormat::rich) add_rich_schemas(components);
  }

  /// The answers that routes share.
  Object components(std::size_t max_body) const {
    Object responses;
    for (const ErrorResponse& response : error_responses) {
      std::string meaning = meaning_of(response);
      if (response.status == 413)
        meaning += " Unless an operation says otherwise, it may have " + std::to_string(max_body) + " bytes.";
      Object examples = named_example(response.status, response.reason, response.message);
      responses.append(std::string(response.name),
                       Object{{"description", meaning}, {"content", content(response.status, std::move(examples))}});
    }
    const std::string refused =
        "What any path may answer: 405 to a method it does not know, 408 to a request that came too slowly, 414 and "
        "431 to too long a URL or header.";
    Object examples = named_example(405, "method_not_allowed", "This path has no such method.");
    responses.append("Refused", Object{{"description", refused}, {"content", content(405, std::move(examples))}});
    return responses;
  }

  /// The answer of one status, with the reasons that the row gives for it.
  Object response(const Route& route, int status) const {
    const ErrorResponse* common = find_error_response(status);
    std::string description = common ? meaning_of(*common) : std::string(http::reason_phrase(status));
    if (status == 401 && route.ignores_token) description = "What was sent does not show who it is.";
    Object examples;
    for (const RouteError& error : errors_of(route)) {
      const int own = status_of(error.code);
      if (own != status && status_in(format_, own) != status) continue;
      const Object body = example(status, error.reason, error.meaning);
      description += "\n- `" + code_in(body) + "`: " + error.meaning;
      examples.set(error.reason, Object{{"value", body}});
    }
    if (status == 413 && route.max_body > 0) {
      description += " It may have " + std::to_string(route.max_body) + " bytes.";
    } else if (examples.empty() && common) {
      return reference("responses", std::string(common->name));
    }
    return {{"description", std::move(description)}, {"content", content(status, std::move(examples))}};
  }

 private:
  static constexpr int of_faults = 422;

  /// Whether answers in the API's own format have this status; `application/problem+json` knows them all.
  bool is_used(int status) const { return status_in(format_, status) == status; }

  std::string meaning_of(const ErrorResponse& response) const {
    std::string meaning(response.meaning);
    const int elsewhere = status_in(format_, response.status);
    if (elsewhere != response.status)
      meaning += " For clients that accept `application/problem+json`; others get " + std::to_string(elsewhere) + '.';
    if (response.status != of_faults && response.status == status_in(format_, of_faults))
      meaning += " Or the input breaks a stated rule; each fault is listed.";
    return meaning;
  }

  /// An answer as it would be sent.
  Object example(int status, std::string_view reason, std::string_view message) const {
    Problem problem{.status = status, .reason = std::string(reason), .message = std::string(message)};
    if (reason == validation_error) problem.faults = {{{"body", "email"}, "field required", "value_error.missing"}};
    const ProblemContext context{.request_id = "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40",
                                 .time = Time(std::chrono::sys_days{std::chrono::year{2026} / 1 / 15})};
    return parse_json(std::get<std::string>(render(problem, format_, context).body)).as_object();
  }

  Object named_example(int status, std::string_view reason, std::string_view message) const {
    return {{std::string(reason), Object{{"value", example(status, reason, message)}}}};
  }

  std::string code_in(const Object& body) const {
    return body.find(format_ == ErrorFormat::rich ? "error_code" : "code")->as_string();
  }

  Object content(int status, Object examples) const {
    Object content;
    if (is_used(status)) {
      const Object one = reference("schemas", "Error");
      const bool either = format_ == ErrorFormat::detail && (status == 400 || status == of_faults);
      Object media{{"schema", either ? Object{{"anyOf", Array{one, reference("schemas", "ValidationError")}}} : one}};
      if (status == status_in(format_, of_faults))
        examples.set(validation_error, Object{{"value", example(status, validation_error, "")}});
      if (!examples.empty()) media.append("examples", std::move(examples));
      content.append("application/json", std::move(media));
    }
    content.append("application/problem+json", Object{{"schema", reference("schemas", "Problem")}});
    return content;
  }

  static Object code_schema() { return text_schema("Stable, for machines."); }

  static void add_problem_schemas(Components& components) {
    const Object step{{"type", Array{"string", "integer"}}};
    const Object loc = described(list_of(step), "Where: `body`, `query` or `path`, then field names and indices.");
    components.add("Fault", described(object_schema({{"loc", loc}, {"msg", text_schema()}, {"type", text_schema()}},
                                                    {"loc", "msg", "type"}),
                                      "One thing wrong with an input."));
    components.add("Problem",
                   described(object_schema({{"type", Object{{"type", "string"}, {"format", "uri"}}},
                                            {"title", text_schema()},
                                            {"status", Object{{"type", "integer"}}},
                                            {"detail", text_schema()},
                                            {"code", code_schema()},
                                            {"request_id", text_schema()},
                                            {"errors", list_of(reference("schemas", "Fault"))}},
                                           {"type", "title", "status", "detail", "code", "request_id"}),
                             "An error as RFC 9457 has it, for clients that accept `application/problem+json`."));
  }

  static void add_detail_schemas(Components& components) {
    components.add("Error", described(object_schema({{"detail", text_schema("For people.")}, {"code", code_schema()}},
                                                    {"detail", "code"}),
                                      "Why there is no better answer."));
    components.add(
        "ValidationError",
        described(object_schema({{"detail", list_of(reference("schemas", "Fault"))}, {"code", code_schema()}},
                                {"detail", "code"}),
                  "Everything that is wrong with an input."));
  }

  static void add_flat_schemas(Components& components) {
    const Object details{{"type", "object"},
                         {"additionalProperties", list_of(text_schema())},
                         {"description", "Of an input that is not valid: what is wrong, by field."}};
    components.add("Error",
                   described(object_schema({{"error", text_schema("For people.")},
                                            {"code", code_schema()},
                                            {"status", Object{{"type", "integer"}}},
                                            {"timestamp", Object{{"type", "string"}, {"format", "date-time"}}},
                                            {"details", details},
                                            {"retry_after", described({{"type", "integer"}}, "Of 429: seconds.")}},
                                           {"error", "code", "status", "timestamp"}),
                             "Why there is no better answer."));
  }

  static void add_rich_schemas(Components& components) {
    components.add(
        "FieldError",
        described(object_schema({{"field", text_schema("`questions.0.text`, or `body` for the whole of it.")},
                                 {"message", text_schema()},
                                 {"code", text_schema()}},
                                {"field", "message", "code"}),
                  "One thing wrong with an input."));
    components.add("Error",
                   described(object_schema({{"error", Object{{"type", "boolean"}, {"const", true}}},
                                            {"error_code", code_schema()},
                                            {"message", text_schema("For people.")},
                                            {"details", described(list_of(reference("schemas", "FieldError")),
                                                                  "Of an input that is not valid: each fault.")},
                                            {"timestamp", Object{{"type", "string"}, {"format", "date-time"}}},
                                            {"request_id", text_schema()},
                                            {"severity", text_schema("`low`, `medium`, `high` or `critical`.")},
                                            {"category", text_schema()}},
                                           {"error", "error_code", "message", "details", "timestamp", "request_id",
                                            "severity", "category"}),
                             "Why there is no better answer."));
  }

  ErrorFormat format_;
};

// --- the document ---

class Document {
 public:
  Document(const Router& router, const ApiInfo& info, const std::vector<const EventType*>& events)
      : router_(router), info_(info), events_(events), errors_(info.error_format) {}

  Object write() {
    note_uses();
    Object paths = write_paths();
    Object webhooks = write_webhooks();
    errors_.add_schemas(components_);
    Object document{{"openapi", "3.1.0"},
                    {"info", write_info()},
                    {"servers", Array{Object{{"url", info_.server}}}},
                    {"tags", write_tags()},
                    {"security", Array{Object{{"bearer", Array{}}}}},
                    {"paths", std::move(paths)}};
    if (!webhooks.empty()) document.append("webhooks", std::move(webhooks));
    document.append(
        "components",
        Object{{"schemas", components_.take()},
               {"responses", errors_.components(info_.max_body)},
               {"securitySchemes",
                Object{{"bearer", Object{{"type", "http"},
                                         {"scheme", "bearer"},
                                         {"bearerFormat", "JWT"},
                                         {"description", "The access token that a login gives out."}}},
                       {"access_token", Object{{"type", "http"},
                                               {"scheme", "bearer"},
                                               {"bearerFormat", "lmspat_…"},
                                               {"description",
                                                "A personal access token, as `POST /auth/tokens` makes them, with the "
                                                "scope that the operation names; `…:write` holds `…:read`."}}}}}});
    return document;
  }

 private:
  void note_uses() {
    for (const auto& route : router_.routes()) {
      if (route->hidden) continue;
      if (route->output) components_.note(*route->output, Form::shown);
      if (route->other_output) components_.note(*route->other_output, Form::shown);
      if (route->input) components_.note(*route->input, input_form(*route));
    }
    for (const EventType* event : events_) components_.note(event->data(), Form::shown);
  }

  static Form input_form(const Route& route) {
    return route.input_mode == Input::change ? Form::changed : Form::created;
  }

  Object write_info() const {
    return {
        {"title", info_.title},
        {"version", info_.version},
        {"description",
         "A school: people, courses, enrolments, quizzes and certificates.\n\nTimes are UTC in ISO 8601, ids are "
         "UUIDs. Every answer carries `X-Request-ID`; send one of your own (letters, digits, `.`, `_`, `-`, at most "
         "64) to find a request again in the logs."},
        {"contact", Object{{"name", info_.title}}},
        {"license", Object{{"name", "Apache License 2.0"}, {"identifier", "Apache-2.0"}}}};
  }

  Array write_tags() const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto& route : router_.routes())
      if (!route->hidden) add(route->tag);
    if (!events_.empty()) add("webhooks");
    Array tags;
    for (const std::string& name : names) {
      Object tag{{"name", name}};
      for (const auto& [described, description] : router_.tags())
        if (described == name) tag.append("description", description);
      if (name == "webhooks" && !tag.contains("description"))
        tag.append("description", "What the school tells those who asked to be told.");
      tags.emplace_back(std::move(tag));
    }
    return tags;
  }

  Object write_paths() {
    Object paths;
    for (const auto& route : router_.routes()) {
      if (route->hidden) continue;
      const Value* known = paths.find(route->path);
      Object path = known ? known->as_object() : Object{};
      path.append(method_key(route->method), write_operation(*route));
      paths.set(route->path, std::move(path));
    }
    return paths;
  }

  static std::string method_key(http::Method method) {
    std::string key(http::name(method));
    std::transform(key.begin(), key.end(), key.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    return key;
  }

  Object write_operation(const Route& route) {
    Object operation{{"operationId", route.operation},
                     {"tags", Array{route.tag}},
                     {"summary", route.summary},
                     {"description", description_of(route)},
                     {"security", security_of(route)}};
    if (Array parameters = write_parameters(route); !parameters.empty())
      operation.append("parameters", std::move(parameters));
    if (takes_body(route)) operation.append("requestBody", write_request_body(route));
    operation.append("responses", write_responses(route));
    return operation;
  }

  Array write_parameters(const Route& route) {
    Array parameters;
    for (const std::string& name : path_parameters(route)) {
      Object schema{{"type", "string"}};
      if (is_id(route, name)) schema.append("format", "uuid");
      Object parameter{{"name", name}, {"in", "path"}, {"required", true}};
      if (const TextParameter* text = find_text_parameter(route, name); text && !text->doc.empty())
        parameter.append("description", text->doc);
      parameter.append("schema", std::move(schema));
      parameters.emplace_back(std::move(parameter));
    }
    for (Object& header : header_parameters(route)) parameters.emplace_back(std::move(header));
    if (!route.query) return parameters;
    for (const Field& field : route.query->fields()) {
      if (!has(field, Form::created)) continue;
      Object parameter{{"name", field.name}, {"in", "query"}};
      if (field.required) parameter.append("required", true);
      if (field.type == FieldType::list) parameter.append("explode", false);
      Object schema = components_.describe(field, Form::created);
      if (const Value* doc = schema.find("description")) {
        parameter.append("description", *doc);
        schema.erase("description");
      }
      parameter.append("schema", std::move(schema));
      parameters.emplace_back(std::move(parameter));
    }
    return parameters;
  }

  std::vector<Object> header_parameters(const Route& route) const {
    std::vector<Object> parameters;
    const auto add = [&](std::string_view name, std::string_view description, Object schema) {
      parameters.push_back({{"name", name}, {"in", "header"}, {"description", description}, {"schema", schema}});
    };
    if (has_entity_tag(route))
      add("If-None-Match", "The `ETag` of an answer that you have: if it is still the same, you get 304 and no body.",
          text_schema());
    if (is_conditional(route) && changes_one_thing(route))
      add("If-Match", "The `ETag` that a GET of this path gave: if it is no longer the same, nothing happens but 412.",
          text_schema());
    if (route.takes_idempotency_key)
      add("Idempotency-Key",
          "Any text that you send with this request alone, such as a UUID. When you send the request with it again, "
          "nothing is done a second time: the first answer is given, with `Idempotent-Replayed: true`.",
          {{"type", "string"},
           {"minLength", 1},
           {"maxLength", static_cast<std::int64_t>(IdempotentAnswers::longest_key)},
           {"pattern", "^[ -~]+$"}});
    return parameters;
  }

  /// Whether the route heeds an entity tag that a client has.
  bool is_conditional(const Route& route) const {
    if (has_entity_tag(route)) return true;
    const auto shows_it = [&](const auto& other) { return other->path == route.path && has_entity_tag(*other); };
    return changes_one_thing(route) && std::any_of(router_.routes().begin(), router_.routes().end(), shows_it);
  }

  Object write_request_body(const Route& route) {
    if (route.streams_body) {
      const Object bytes{{"schema", Object{{"type", "string"}, {"format", "binary"}}}};
      return {{"required", true}, {"content", Object{{"application/octet-stream", bytes}}}};
    }
    if (route.input_mode == Input::text) {
      Object media{{"schema", Object{{"type", "string"}}}};
      if (!route.input_example.is_null()) media.append("example", route.input_example);
      return {{"required", !route.body_optional}, {"content", Object{{route.body_type, std::move(media)}}}};
    }
    Object media{{"schema", route.input ? components_.refer(*route.input, input_form(route)) : Object{}}};
    if (!route.input_example.is_null()) media.append("example", route.input_example);
    return {{"required", !route.body_optional}, {"content", Object{{"application/json", std::move(media)}}}};
  }

  Object write_responses(const Route& route) {
    Object responses;
    const int status = route.output_mode == Output::nothing && route.status == 200 ? 204 : route.status;
    responses.append(std::to_string(status), write_success(route, status));
    if (has_entity_tag(route)) responses.append("304", Object{{"description", "It is what `If-None-Match` names."}});
    for (const int error : error_statuses(route, is_conditional(route)))
      responses.append(std::to_string(error), errors_.response(route, error));
    responses.append("default", reference("responses", "Refused"));
    return responses;
  }

  Object write_success(const Route& route, int status) {
    Object response{{"description", http::reason_phrase(status)}};
    Object headers;
    if (status == 201)
      headers.append("Location", Object{{"description", "Where the new thing is."},
                                        {"schema", Object{{"type", "string"}, {"format", "uri-reference"}}}});
    if (has_entity_tag(route))
      headers.append("ETag", Object{{"description", "Changes whenever the answer does."}, {"schema", text_schema()}});
    if (route.takes_idempotency_key)
      headers.append("Idempotent-Replayed",
                     Object{{"description", "The answer was given before to a request with this `Idempotency-Key`."},
                            {"schema", Object{{"type", "string"}, {"enum", Array{"true"}}}}});
    if (!headers.empty()) response.append("headers", std::move(headers));
    if (route.output_mode != Output::nothing) response.append("content", json_content(body_schema(route, status)));
    return response;
  }

  Object body_schema(const Route& route, int status) {
    Object data = output_schema(route);
    if (!info_.envelope || !can_have_envelope(route)) return data;
    Object meta = object_schema({{"status_code", Object{{"type", "integer"}, {"const", status}}}}, {"status_code"});
    return object_schema({{"success", Object{{"type", "boolean"}, {"const", true}}},
                          {"data", std::move(data)},
                          {"meta", std::move(meta)}},
                         {"success", "data", "meta"});
  }

  Object output_schema(const Route& route) {
    if (!route.output) return {};
    Object item = components_.refer(*route.output, Form::shown);
    if (route.output_mode == Output::one && route.other_output)
      return {{"oneOf", Array{item, components_.refer(*route.other_output, Form::shown)}}};
    if (route.output_mode == Output::one) return item;
    Object properties{{"items", Object{{"type", "array"}, {"items", item}}}};
    if (route.output_mode == Output::items) return object_schema(std::move(properties), {"items"});
    const Object number{{"type", "integer"}, {"format", "int64"}};
    properties.append("page", number);
    properties.append("page_size", number);
    properties.append("total", number);
    properties.append("total_is_more", Object{{"type", "boolean"}, {"description", "There are more than `total`."}});
    return object_schema(std::move(properties), {"items", "page", "page_size", "total"});
  }

  Object write_webhooks() {
    Object webhooks;
    for (const EventType* event : events_) webhooks.append(std::string(event->name), Object{{"post", webhook(*event)}});
    return webhooks;
  }

  Object webhook(const EventType& event) {
    Object payload = object_schema({{"id", Object{{"type", "string"}, {"format", "uuid"}}},
                                    {"event", Object{{"type", "string"}, {"const", event.name}}},
                                    {"timestamp", Object{{"type", "string"}, {"format", "date-time"}}},
                                    {"version", Object{{"type", "string"}, {"const", "1.0"}}},
                                    {"data", components_.refer(event.data(), Form::shown)}},
                                   {"id", "event", "timestamp", "version", "data"});
    return {{"operationId", std::string(event.name)},
            {"tags", Array{"webhooks"}},
            {"summary", event.meaning},
            {"security", Array{}},
            {"requestBody", Object{{"required", true}, {"content", json_content(std::move(payload))}}},
            {"responses", Object{{"2XX", Object{{"description", "The receiver has it."}}},
                                 {"4XX", Object{{"description", "The receiver does not want it."}}}}}};
  }

  const Router& router_;
  const ApiInfo& info_;
  const std::vector<const EventType*>& events_;
  const Errors errors_;
  Components components_;
};

}  // namespace

Value openapi_document(const Router& router, const ApiInfo& info, const std::vector<const EventType*>& events) {
  return Document(router, info, events).write();
}

}  // namespace lms
