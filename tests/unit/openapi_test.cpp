#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "http/documentation.hpp"
#include "http/openapi.hpp"

using namespace lms;

namespace {

enum class Colour { red, green };
constexpr auto names_of(Colour) {
  return std::array<std::string_view, 2>{"red", "green"};
}

struct Leaf {
  std::string text;

  static const Schema& schema() {
    static const Schema schema = define<Leaf>("Leaf", "A leaf.").field("text", &Leaf::text, {.required = true});
    return schema;
  }
};

struct Tree {
  Id<Tree> id;
  std::string name;
  std::string secret;
  std::string internal_note;
  std::string species;
  std::optional<Colour> colour;
  std::optional<std::int64_t> age;
  std::vector<std::string> tags;
  std::vector<Leaf> leaves;
  double height = 1.5;
  Colour habit = Colour::green;
  Time planted_at;

  static const Schema& schema() {
    static const Schema schema =
        define<Tree>("Tree", "A tree.")
            .table("trees")
            .key("id", &Tree::id)
            .field("name", &Tree::name,
                   {.doc = "What it is called.", .required = true, .min_length = 1, .example = "Oak"})
            .field("secret", &Tree::secret, {.access = Access::write_only})
            .field("internal_note", &Tree::internal_note, {.access = Access::hidden})
            .field("species", &Tree::species, {.access = Access::create_only})
            .field("colour", &Tree::colour)
            .field("age", &Tree::age, {.minimum = 0, .maximum = 5000})
            .field("tags", &Tree::tags, {.max_length = 10})
            .field("leaves", &Tree::leaves)
            .field("height", &Tree::height)
            .field("habit", &Tree::habit)
            .field("planted_at", &Tree::planted_at, {.access = Access::read_only});
    return schema;
  }
};

struct TreeFilter {
  std::optional<std::string> q;
  std::vector<std::string> tags;
  PageRequest page;

  static const Schema& schema() {
    static const Schema schema = define<TreeFilter>("TreeFilter", "Which trees.")
                                     .field("q", &TreeFilter::q, {.doc = "Words of the name."})
                                     .field("tags", &TreeFilter::tags)
                                     .flatten(&TreeFilter::page);
    return schema;
  }
};

struct Watering {
  double litres = 0;

  static const Schema& schema() {
    static const Schema schema = define<Watering>("Watering", "Some water.")
                                     .field("litres", &Watering::litres, {.required = true, .minimum = 0.5});
    return schema;
  }
};

const EventType tree_planted{"tree.planted", "A tree was planted.", Tree::schema};

http::Response nothing(Call&) {
  return no_content();
}

Router garden() {
  using enum http::Method;
  Router router("/api/v1");
  router.describe_tag("trees", "What grows here.");
  router.add({.method = get,
              .path = "/trees",
              .operation = "listTrees",
              .tag = "trees",
              .summary = "All trees",
              .allow = Anyone{},
              .query = &TreeFilter::schema(),
              .output_mode = Output::page,
              .output = &Tree::schema(),
              .handler = nothing});
  router.add({.method = post,
              .path = "/trees",
              .operation = "plantTree",
              .tag = "trees",
              .summary = "Plant a tree",
              .allow = Permission::create_course,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Tree::schema(),
              .input_example = Object{{"name", "Oak"}},
              .output = &Tree::schema(),
              .status = 201,
              .errors = {{ErrorCode::conflict, "garden_full", "There is no room left."},
                         {ErrorCode::conflict, "wrong_season", "It is winter."}},
              .takes_idempotency_key = true,
              .handler = nothing});
  router.add({.method = patch,
              .path = "/trees/{id}",
              .operation = "changeTree",
              .tag = "trees",
              .summary = "Change a tree",
              .input_mode = Input::change,
              .input = &Tree::schema(),
              .output = &Tree::schema(),
              .handler = nothing});
  router.add({.method = get,
              .path = "/trees/{id}",
              .operation = "getTree",
              .tag = "trees",
              .summary = "A tree, by id or name",
              .output = &Tree::schema(),
              .text_params = {{"id", "Its id or name."}},
              .handler = nothing});
  router.add({.method = post,
              .path = "/trees/{id}/water",
              .operation = "waterTree",
              .tag = "trees",
              .summary = "Water a tree",
              .input_mode = Input::create,
              .input = &Watering::schema(),
              .output_mode = Output::nothing,
              .handler = nothing});
  router.add({.method = get,
              .path = "/secret",
              .operation = "secret",
              .output_mode = Output::free,
              .hidden = true,
              .handler = nothing});
  return router;
}

Value document(ErrorFormat format = ErrorFormat::detail) {
  return openapi_document(
      garden(), {.title = "Garden", .version = "1.2.3", .server = "/", .max_body = 1000, .error_format = format},
      {&tree_planted});
}

Value operation(std::string_view path, std::string_view method) {
  return document()["paths"][path][method];
}
Value component(std::string_view name) {
  return document()["components"]["schemas"][name];
}

std::vector<std::string> keys(const Value& object) {
  std::vector<std::string> result;
  for (const auto& [key, member] : object.as_object()) result.push_back(key);
  return result;
}

/// Every `$ref` within, wherever it stands.
void collect_references(const Value& value, std::vector<std::string>& references) {
  if (value.is_array())
    for (const Value& element : value.as_array()) collect_references(element, references);
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.as_object()) {
    if (key == "$ref") references.push_back(member.as_string());
    collect_references(member, references);
  }
}

}  // namespace

TEST_CASE("the document names the API, its version and its server") {
  const Value api = document();
  CHECK(api["openapi"] == Value("3.1.0"));
  CHECK(api["info"]["version"] == Value("1.2.3"));
  CHECK(api["servers"] == parse_json(R"([{"url": "/"}])"));
  CHECK(api["tags"].as_array().at(0) == parse_json(R"({"name": "trees", "description": "What grows here."})"));
}

TEST_CASE("every route that is not hidden is an operation") {
  CHECK(keys(document()["paths"]) ==
        std::vector<std::string>{"/api/v1/trees", "/api/v1/trees/{id}", "/api/v1/trees/{id}/water"});
  CHECK(operation("/api/v1/trees", "post")["operationId"] == Value("plantTree"));
  CHECK(operation("/api/v1/trees/{id}", "patch")["operationId"] == Value("changeTree"));
}

TEST_CASE("every reference leads somewhere") {
  const Value api = document();
  std::vector<std::string> references;
  collect_references(api, references);
  CHECK(references.size() > 20);
  for (const std::string& reference : references) {
    CAPTURE(reference);
    REQUIRE(reference.starts_with("#/components/"));
    const std::size_t slash = reference.rfind('/');
    CHECK_FALSE(api["components"][reference.substr(13, slash - 13)][reference.substr(slash + 1)].is_null());
  }
}

TEST_CASE("a schema shows each reader and writer what they may see and send") {
  CHECK(keys(component("Tree")["properties"]) == std::vector<std::string>{"id", "name", "species", "colour", "age",
                                                                          "tags", "leaves", "height", "habit",
                                                                          "planted_at"});
  CHECK(keys(component("TreeCreate")["properties"]) ==
        std::vector<std::string>{"name", "secret", "species", "colour", "age", "tags", "leaves", "height", "habit"});
  CHECK(keys(component("TreeUpdate")["properties"]) ==
        std::vector<std::string>{"name", "secret", "colour", "age", "tags", "leaves", "height", "habit"});
  CHECK(component("TreeCreate")["required"] == parse_json(R"(["name"])"));
  CHECK(component("TreeUpdate")["required"].is_null());
  CHECK(component("TreeCreate")["additionalProperties"] == Value(false));
  CHECK(component("Tree")["additionalProperties"].is_null());
}

TEST_CASE("a schema that is used in one way keeps its plain name") {
  CHECK_FALSE(component("Watering").is_null());
  CHECK(component("WateringCreate").is_null());
  CHECK_FALSE(component("LeafCreate").is_null());
}

TEST_CASE("fields carry type, limits, choices, documentation and example") {
  const Value created = component("TreeCreate")["properties"];
  CHECK(created["name"] == parse_json(R"({"type": "string", "minLength": 1, "maxLength": 255,
                                          "description": "What it is called.", "examples": ["Oak"]})"));
  CHECK(created["colour"] == parse_json(R"({"type": ["string", "null"], "enum": ["red", "green", null]})"));
  CHECK(created["age"] ==
        parse_json(R"({"type": ["integer", "null"], "format": "int64", "minimum": 0, "maximum": 5000})"));
  CHECK(created["tags"] ==
        parse_json(R"({"type": "array", "items": {"type": "string"}, "maxItems": 10, "default": []})"));
  CHECK(created["leaves"]["items"] == parse_json(R"({"$ref": "#/components/schemas/LeafCreate"})"));
  CHECK(component("Watering")["properties"]["litres"] ==
        parse_json(R"({"type": "number", "format": "double", "minimum": 0.5})"));
  CHECK(component("Tree")["properties"]["planted_at"] == parse_json(R"({"type": "string", "format": "date-time"})"));
}

TEST_CASE("parameters come from the path and the query schema") {
  const Value parameters = operation("/api/v1/trees", "get")["parameters"];
  CHECK(parameters.as_array().at(0) == parse_json(R"({"name": "q", "in": "query", "description": "Words of the name.",
                                                      "schema": {"type": ["string", "null"], "maxLength": 255}})"));
  CHECK(parameters.as_array().at(1)["explode"] == Value(false));
  CHECK(parameters.as_array().at(3)["schema"]["maximum"] == Value(100));
  CHECK(
      operation("/api/v1/trees/{id}", "patch")["parameters"].as_array().at(0) ==
      parse_json(R"({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}})"));
  CHECK(operation("/api/v1/trees/{id}", "get")["parameters"].as_array().at(0) ==
        parse_json(R"({"name": "id", "in": "path", "required": true, "description": "Its id or name.",
                        "schema": {"type": "string"}})"));
}

TEST_CASE("entity tags and idempotency keys are told where they are heeded") {
  const auto headers_of = [](const Value& described) {
    std::vector<std::string> names;
    if (described["parameters"].is_null()) return names;
    for (const Value& parameter : described["parameters"].as_array())
      if (parameter["in"] == Value("header")) names.push_back(parameter["name"].as_string());
    return names;
  };
  using Names = std::vector<std::string>;
  const Value reading = operation("/api/v1/trees/{id}", "get");
  CHECK(headers_of(reading) == Names{"If-None-Match"});
  CHECK(reading["responses"]["200"]["headers"]["ETag"].is_object());
  CHECK(reading["responses"]["304"].is_object());
  CHECK(reading["responses"]["412"].is_object());
  const Value changing = operation("/api/v1/trees/{id}", "patch");
  CHECK(headers_of(changing) == Names{"If-Match"});
  CHECK(changing["responses"]["412"].is_object());
  CHECK(changing["responses"]["304"].is_null());
  CHECK(headers_of(operation("/api/v1/trees", "get")) == Names{});
  const Value planting = operation("/api/v1/trees", "post");
  CHECK(headers_of(planting) == Names{"Idempotency-Key"});
  CHECK(planting["responses"]["201"]["headers"]["Idempotent-Replayed"].is_object());
  CHECK(planting["responses"]["412"].is_null());
  for (const char* reason : {"idempotency_in_progress", "idempotency_answer_gone"})
    CHECK(planting["responses"]["409"]["content"]["application/json"]["examples"][reason].is_object());
  CHECK(planting["responses"]["422"]["content"]["application/json"]["examples"]["idempotency_key_reused"].is_object());
  CHECK(headers_of(operation("/api/v1/trees/{id}/water", "post")) == Names{});
}

TEST_CASE("who may call is told by security, permission and statuses") {
  CHECK(operation("/api/v1/trees", "get")["security"] ==
        parse_json(R"([{}, {"bearer": []}, {"access_token": ["trees:read"]}])"));
  CHECK(operation("/api/v1/trees", "post")["security"] ==
        parse_json(R"([{"bearer": []}, {"access_token": ["trees:write"]}])"));
  CHECK(operation("/api/v1/trees", "post")["description"] ==
        Value("Needs the permission `create_course`. An access token needs the scope `trees:write`."));
  CHECK(keys(operation("/api/v1/trees", "get")["responses"]) ==
        std::vector<std::string>{"200", "400", "401", "403", "422", "429", "500", "503", "default"});
  CHECK(
      keys(operation("/api/v1/trees", "post")["responses"]) ==
      std::vector<std::string>{"201", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503", "default"});
  CHECK(
      keys(operation("/api/v1/trees/{id}/water", "post")["responses"]) ==
      std::vector<std::string>{"204", "400", "401", "403", "404", "413", "415", "422", "429", "500", "503", "default"});
}

TEST_CASE("the reasons of an error stand in its description and examples") {
  const Value conflict = operation("/api/v1/trees", "post")["responses"]["409"];
  CHECK(conflict["description"].as_string().find("`garden_full`: There is no room left.") != std::string::npos);
  CHECK(conflict["content"]["application/json"]["examples"]["wrong_season"]["value"] ==
        parse_json(R"({"detail": "It is winter.", "code": "wrong_season"})"));
}

TEST_CASE("what is left out of a body or a query has the default that the document names") {
  const Value parameters = operation("/api/v1/trees", "get")["parameters"];
  CHECK(parameters.as_array().at(0)["schema"]["default"].is_null());
  CHECK(parameters.as_array().at(2)["schema"]["default"] == Value(PageRequest{}.page));
  CHECK(parameters.as_array().at(3)["schema"]["default"] == Value(PageRequest{}.page_size));
  const Value created = component("TreeCreate")["properties"];
  CHECK(created["height"]["default"] == Value(Tree{}.height));
  CHECK(created["habit"]["default"] == Value("green"));
  for (const char* name : {"name", "secret", "colour", "age"}) CHECK(created[name]["default"].is_null());
  for (const char* form : {"Tree", "TreeUpdate"}) CHECK(component(form)["properties"]["height"]["default"].is_null());
}

TEST_CASE("errors are described in the format that is set") {
  struct Expectation {
    ErrorFormat format;
    std::vector<std::string> members, schemas;
    std::string code_member, code;
  };
  const std::vector<Expectation> expectations{
      {ErrorFormat::detail,
       {"detail", "code"},
       {"Error", "Fault", "Problem", "ValidationError"},
       "code",
       "garden_full"},
      {ErrorFormat::flat,
       {"error", "code", "status", "timestamp", "details", "retry_after"},
       {"Error", "Fault", "Problem"},
       "code",
       "garden_full"},
      {ErrorFormat::rich,
       {"error", "error_code", "message", "details", "timestamp", "request_id", "severity", "category"},
       {"Error", "Fault", "FieldError", "Problem"},
       "error_code",
       "GARDEN_FULL"}};
  for (const Expectation& expected : expectations) {
    CAPTURE(name_of(expected.format));
    const Value api = document(expected.format);
    const Value& schemas = api["components"]["schemas"];
    CHECK(keys(schemas["Error"]["properties"]) == expected.members);
    for (const char* name : {"Error", "Fault", "FieldError", "Problem", "ValidationError"}) {
      CAPTURE(name);
      const bool wanted = std::find(expected.schemas.begin(), expected.schemas.end(), name) != expected.schemas.end();
      CHECK(schemas.as_object().contains(name) == wanted);
    }
    const Value conflict = api["paths"]["/api/v1/trees"]["post"]["responses"]["409"];
    CHECK(conflict["description"].as_string().find('`' + expected.code + '`') != std::string::npos);
    const Value& example = conflict["content"]["application/json"]["examples"]["garden_full"]["value"];
    CHECK(example[expected.code_member] == Value(expected.code));

    // What is not valid is told with the status that the format gives it.
    const bool flat = expected.format == ErrorFormat::flat;
    const Value& responses = api["components"]["responses"];
    const Value& of_faults = responses[flat ? "BadRequest" : "UnprocessableContent"]["content"]["application/json"];
    const Value& faulty = of_faults["examples"]["validation_error"]["value"];
    for (const std::string& name : keys(faulty)) {
      CAPTURE(name);
      CHECK(std::find(expected.members.begin(), expected.members.end(), name) != expected.members.end());
    }
    CHECK(to_json(faulty).find("field required") != std::string::npos);
    const Value& unprocessable = responses["UnprocessableContent"]["content"];
    CHECK(unprocessable.as_object().contains("application/json") == !flat);
    CHECK(unprocessable.as_object().contains("application/problem+json"));

    std::vector<std::string> references;
    collect_references(api, references);
    for (const std::string& reference : references) {
      CAPTURE(reference);
      const std::size_t slash = reference.rfind('/');
      CHECK_FALSE(api["components"][reference.substr(13, slash - 13)][reference.substr(slash + 1)].is_null());
    }
  }
}

TEST_CASE("lists are pages of items") {
  const Value list = operation("/api/v1/trees", "get")["responses"]["200"]["content"]["application/json"]["schema"];
  CHECK(list["properties"]["items"]["items"] == parse_json(R"({"$ref": "#/components/schemas/Tree"})"));
  CHECK(list["required"] == parse_json(R"(["items", "page", "page_size", "total"])"));
  CHECK(operation("/api/v1/trees", "post")["requestBody"]["content"]["application/json"]["example"] ==
        parse_json(R"({"name": "Oak"})"));
}

TEST_CASE("events are webhooks with their payload") {
  const Value payload =
      document()["webhooks"]["tree.planted"]["post"]["requestBody"]["content"]["application/json"]["schema"];
  CHECK(payload["required"] == parse_json(R"(["id", "event", "timestamp", "version", "data"])"));
  CHECK(payload["properties"]["event"]["const"] == Value("tree.planted"));
  CHECK(payload["properties"]["data"] == parse_json(R"({"$ref": "#/components/schemas/Tree"})"));
}

namespace {

http::Response ask(const Router& router, std::string_view path, http::Headers headers = {}) {
  const auto match = router.match(http::Method::get, path);
  REQUIRE(match.route);
  const http::Request request{
      .method = http::Method::get, .target = std::string(path), .headers = std::move(headers), .body = {}};
  Call call(request, Principal::anonymous());
  return match.route->handler(call);
}

const std::string& text_of(const http::Response& response) {
  return std::get<std::string>(response.body);
}

}  // namespace

TEST_CASE("the documentation is served under all its names, from here alone") {
  Router router("/api/v1");
  int asked = 0;
  add_documentation_routes(router, {.version = "9.9.9", .openapi = [&] {
                                      ++asked;
                                      return std::string("{}");
                                    }});
  CHECK(asked == 0);
  for (const char* path : {"/openapi.json", "/docs/openapi.json", "/api/schema/"}) {
    const auto response = ask(router, path);
    CHECK(text_of(response) == "{}");
    CHECK(*response.headers.find("Cache-Control") == "public, max-age=3600");
  }
  CHECK(asked == 1);
  for (const char* path :
       {"/docs", "/docs/", "/api/docs/", "/redoc", "/docs/redoc", "/api/redoc/", "/docs/changelog"}) {
    CAPTURE(path);
    const auto response = ask(router, path);
    CHECK(*response.headers.find("Content-Type") == "text/html; charset=utf-8");
    const std::string& policy = *response.headers.find("Content-Security-Policy");
    CHECK(policy.find("script-src 'self';") != std::string::npos);
    CHECK(policy.find("unsafe-eval") == std::string::npos);
    for (const char* attribute : {"src=\"", "href=\""})
      for (std::size_t at = text_of(response).find(attribute); at != std::string::npos;
           at = text_of(response).find(attribute, at + 1)) {
        const std::size_t begin = text_of(response).find('"', at) + 1;
        const std::string target = text_of(response).substr(begin, text_of(response).find('"', begin) - begin);
        if (target.starts_with('/')) CHECK(ask(router, target).status == 200);
      }
  }
  CHECK(parse_json(text_of(ask(router, "/docs/versions")))["versions"].as_array().at(0) ==
        parse_json(R"({"version": "v1", "path": "/api/v1", "status": "current", "release": "9.9.9"})"));
  CHECK(text_of(ask(router, "/docs/changelog")).find("<h1>Changelog</h1>") != std::string::npos);
}

TEST_CASE("the bare address leads to the documentation") {
  Router router("/api/v1");
  add_documentation_routes(router, {.version = "1", .openapi = [] { return std::string("{}"); }});
  const auto response = ask(router, "/");
  CHECK(response.status == 302);
  CHECK(ask(router, *response.headers.find("Location")).status == 200);
  REQUIRE(router.match(http::Method::head, "/").route);
  CHECK(router.match(http::Method::head, "/").route->ignores_token);
  CHECK(router.match(http::Method::post, "/").route == nullptr);
}

TEST_CASE("a page that has not changed is not sent again") {
  Router router("/api/v1");
  add_documentation_routes(router, {.version = "1", .openapi = [] { return std::string("{}"); }});
  const std::string etag = *ask(router, "/docs").headers.find("ETag");
  const auto again = ask(router, "/docs", {{"If-None-Match", "\"other\", " + etag}});
  CHECK(again.status == 304);
  CHECK(text_of(again).empty());
  CHECK(*again.headers.find("ETag") == etag);
  CHECK(ask(router, "/docs", {{"If-None-Match", "\"other\""}}).status == 200);
  CHECK(*ask(router, "/redoc").headers.find("ETag") != etag);
}
