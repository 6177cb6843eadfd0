#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/kept_answers.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "http/pipeline.hpp"
#include "support/health_sources.hpp"

using namespace lms;
using testing::FakeClock;
using testing::LogRecorder;
using testing::SeededRandom;
using testing::StorageWrapper;

namespace {

struct Thing {
  std::string name;

  static const Schema& schema() {
    static const Schema schema =
        define<Thing>("Thing", "A thing.").field("name", &Thing::name, {.required = true, .max_length = 10});
    return schema;
  }
};

/// Stored, and shown by routes that are cached.
struct Note {
  std::string name;
  std::string text;

  static const Schema& schema() {
    static const Schema schema =
        define<Note>("Note", "A note.").table("notes").key("name", &Note::name).field("text", &Note::text);
    return schema;
  }
};

struct Filter {
  std::optional<std::string> q;

  static const Schema& schema() {
    static const Schema schema = define<Filter>("Filter", "Which things.").field("q", &Filter::q);
    return schema;
  }
};

/// Knows the tokens `student` and `admin`; `ended` has a good signature, but its session is over.
class FakeAuthenticator final : public Authenticator {
 public:
  BearerToken verify(std::string_view token) override {
    ++verified;
    if (token != "student" && token != "admin" && token != "ended")
      throw unauthenticated("invalid_token", "The token is not good.");
    TokenClaims claims;
    claims.role = std::string(token);
    return claims;
  }
  Principal admit(const BearerToken& token, const std::string&) override {
    ++admitted;
    const auto& claims = std::get<TokenClaims>(token);
    if (claims.role == "ended") throw unauthenticated("session_ended", "The session is over.");
    return {user, claims.role, std::make_shared<const Roles>()};
  }
  bool waits() const noexcept override { return false; }
  bool use_is_due(const BearerToken&) override { return false; }
  void note_use(const BearerToken&, const std::string&) override {}

  UserId user = *UserId::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40");
  int verified = 0;
  int admitted = 0;
};

class TextSource final : public http::BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<char> buffer) override {
    const std::size_t count = std::min({buffer.size(), text_.size() - position_, std::size_t{3}});
    std::copy_n(text_.data() + position_, count, buffer.data());
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

std::string read_all(http::BodySource& source) {
  std::string all;
  std::array<char, 4> buffer;
  while (const std::size_t count = source.read(buffer)) all.append(buffer.data(), count);
  return all;
}

/// Counts its reads, and says of them what it is told to.
class CountingStorage final : public StorageWrapper {
 public:
  explicit CountingStorage(bool reads_wait) : StorageWrapper(open_memory_storage()), reads_wait_(reads_wait) {}

  bool reads_wait() const noexcept override { return reads_wait_; }

  int reads = 0;

 protected:
  void do_read(const Function& function) override {
    ++reads;
    StorageWrapper::do_read(function);
  }

 private:
  const bool reads_wait_;
};

Settings without_limits(Settings settings) {
  settings.rate_limit_enabled = false;
  return settings;
}

/// A small API and the pipeline before it.
struct Api {
  explicit Api(Settings settings = {}, bool reads_wait = false)
      : storage(reads_wait),
        limits(without_limits(settings), *limiter, clock, logger),
        kept_answers(settings, storage, logger),
        pipeline(router, settings, storage, authenticator, limits, idempotent, kept_answers.cache(), clock, random,
                 logger, nullptr) {
    using enum http::Method;
    const auto add = [&](http::Method method, std::string path, Handler handler, auto change) {
      Route route{.method = method,
                  .path = path,
                  .operation = std::string(http::name(method)) + path,
                  .tag = "things",
                  .summary = "Things",
                  .allow = Anyone{},
                  .output_mode = Output::free};
      route.handler = [this, handler](Call& call) {
        ++handled;
        return handler(call);
      };
      change(route);
      router.add(std::move(route));
    };
    const auto echo_nothing = [](Call&) { return json_response(200, Object{}); };
    add(get, "/things", echo_nothing, [](Route& route) { route.query = &Filter::schema(); });
    add(
        get, "/things/{id}", [](Call& call) { return json_response(200, call.path("id")); }, [](Route&) {});
    add(
        get, "/things/{id}/owner", [](Call& call) { return json_response(200, call.id<UserId>("id").text()); },
        [](Route&) {});
    add(
        post, "/things", [](Call& call) { return ok(call.body<Thing>()); },
        [](Route& route) {
          route.allow = Permission::create_course;
          route.weight = Weight::write;
          route.input_mode = Input::create;
          route.input = &Thing::schema();
          route.max_body = 64;
        });
    add(
        post, "/free", [](Call& call) { return json_response(200, call.body()); },
        [](Route& route) {
          route.input_mode = Input::free;
          route.body_optional = true;
        });
    add(
        get, "/me", [](Call& call) { return json_response(200, call.who().user().text()); },
        [](Route& route) { route.allow = SignedIn{}; });
    add(
        get, "/role", [](Call& call) { return json_response(200, call.token().role); }, [](Route&) {});
    add(post, "/login", echo_nothing, [](Route& route) { route.weight = Weight::heavy; });
    add(
        put, "/file", [](Call& call) { return json_response(200, read_all(call.stream())); },
        [](Route& route) {
          route.streams_body = true;
          route.max_body = 8;
        });
    add(get, "/page", echo_nothing, [](Route& route) { route.ignores_token = true; });
    add(
        get, "/defect", [](Call&) -> http::Response { throw internal("the secret of the house"); }, [](Route&) {});
    add(
        get, "/exception", [](Call&) -> http::Response { throw std::runtime_error("the secret of the house"); },
        [](Route&) {});
    add(
        get, "/strange", [](Call&) -> http::Response { throw 42; }, [](Route&) {});
    add(
        get, "/busy",
        [](Call&) -> http::Response { throw unavailable("database_busy", "Later.", std::chrono::seconds{7}); },
        [](Route&) {});
    add(
        get, "/slow",
        [this](Call&) {
          clock.advance(std::chrono::microseconds{12'340});
          return json_response(200, {});
        },
        [](Route&) {});
    add(
        get, "/own-headers",
        [](Call&) {
          auto response = json_response(200, {});
          response.headers.add("Cache-Control", "max-age=60");
          response.headers.add("X-Extra", "1");
          return response;
        },
        [](Route&) {});
    const auto cached = [](Route& route) { route.cached = std::chrono::seconds{60}; };
    add(
        get, "/notes/{id}",
        [this](Call& call) {
          call.query<Filter>();
          const Note note = storage.read([&](UnitOfWork& uow) { return Repository<Note>(uow).get(call.path("id")); });
          call.shows<Note>(note.name);
          if (meanwhile) std::exchange(meanwhile, nullptr)();
          auto response = json_response(200, note.text);
          response.headers.add("X-Extra", "1");
          return response;
        },
        [=](Route& route) {
          cached(route);
          route.query = &Filter::schema();
        });
    add(
        get, "/notes",
        [this](Call& call) {
          call.shows<Note>();
          const std::size_t count = storage.read([](UnitOfWork& uow) { return Repository<Note>(uow).count({}); });
          return json_response(200, static_cast<std::int64_t>(count));
        },
        cached);
    add(get, "/cached/shows-nothing", echo_nothing, cached);
    add(
        get, "/cached/status",
        [](Call& call) {
          call.shows<Note>();
          return json_response(206, {});
        },
        cached);
    add(
        get, "/cached/stream",
        [](Call& call) {
          call.shows<Note>();
          return http::Response{200, {}, std::make_unique<TextSource>("streamed")};
        },
        cached);
    add(
        get, "/client",
        [](Call& call) {
          return json_response(200, Array{call.client_address(), call.request_id()});
        },
        [](Route&) {});
  }

  static http::Request request(http::Method method, std::string target, http::Headers headers = {},
                               std::string body = {}) {
    return {.method = method,
            .target = target.starts_with('/') && !target.starts_with("/api") ? "/api" + target : target,
            .headers = std::move(headers),
            .body = std::move(body),
            .peer = "203.0.113.1"};
  }
  http::Response get(std::string target, http::Headers headers = {}) {
    return pipeline.handle(request(http::Method::get, std::move(target), std::move(headers)));
  }
  http::Response post(std::string target, std::string body,
                      http::Headers headers = {{"Authorization", "Bearer admin"}}) {
    return pipeline.handle(request(http::Method::post, std::move(target), std::move(headers), std::move(body)));
  }

  void write(const std::string& name, const std::string& text) {
    storage.write([&](UnitOfWork& uow) { Repository<Note>(uow).upsert({name, text}, {"name"}); });
  }
  /// What the pipeline says of the note, and whether it asked the handler.
  std::string note(const std::string& name, http::Headers headers = {}) {
    const int before = handled;
    const auto response = get("/notes/" + name, std::move(headers));
    if (response.status != 200) return std::to_string(response.status);
    return parse_json(std::get<std::string>(response.body)).as_string() + (handled == before ? " kept" : "");
  }

  FakeClock clock;
  SeededRandom random;
  LogRecorder log;
  Logger logger{log, clock};
  FakeAuthenticator authenticator;
  Router router{"/api"};
  int handled = 0;
  std::function<void()> meanwhile;  ///< happens once, between what a note's handler reads and what it answers
  CountingStorage storage;
  IdempotentAnswers idempotent{storage, clock, random, "a key of the school", std::chrono::hours{24}};
  std::unique_ptr<RateLimiter> limiter = open_memory_rate_limiter();
  RateLimits limits;
  KeptAnswers kept_answers;
  Pipeline pipeline;
};

Value body_of(const http::Response& response) {
  return parse_json(std::get<std::string>(response.body));
}
std::string code_of(const http::Response& response) {
  return body_of(response)["code"].as_string();
}
std::string header(const http::Response& response, std::string_view name) {
  const std::string* value = response.headers.find(name);
  return value ? *value : "";
}
std::string first_fault(const http::Response& response) {
  return body_of(response)["detail"].as_array().at(0)["type"].as_string();
}

}  // namespace

TEST_CASE("a request gets its handler's answer") {
  Api api;
  const auto response = api.get("/things/17");
  CHECK(response.status == 200);
  CHECK(body_of(response) == Value("17"));
}

TEST_CASE("every answer carries the security headers, refusals too") {
  Api api;
  for (const auto& response : {api.get("/things"), api.get("/nothing"), api.get("/defect"), api.get("/me"),
                               api.pipeline.refuse(431, "headers_too_large", "Too long.")}) {
    CAPTURE(response.status);
    CHECK(header(response, "Server") == "LMS");
    CHECK(header(response, "X-Content-Type-Options") == "nosniff");
    CHECK(header(response, "X-Frame-Options") == "DENY");
    CHECK(header(response, "Referrer-Policy") == "no-referrer");
    CHECK(header(response, "Permissions-Policy") == "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
    CHECK(header(response, "Content-Security-Policy") ==
          "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    CHECK(header(response, "X-Permitted-Cross-Domain-Policies") == "none");
    CHECK(header(response, "Cache-Control") == "no-store");
    CHECK_FALSE(header(response, "X-Request-ID").empty());
    CHECK(header(response, "Strict-Transport-Security").empty());
  }
}

TEST_CASE("a handler's own headers replace the common ones and stand once") {
  Api api;
  const auto response = api.get("/own-headers");
  CHECK(header(response, "Cache-Control") == "max-age=60");
  CHECK(response.headers.count("Cache-Control") == 1);
  CHECK(header(response, "X-Extra") == "1");
}

TEST_CASE("HSTS says what the settings say") {
  Settings settings;
  settings.environment = Environment::production;
  settings.secure_hsts_preload = true;
  CHECK(header(Api(settings).get("/things"), "Strict-Transport-Security") ==
        "max-age=31536000; includeSubDomains; preload");
  settings.secure_hsts_max_age = std::chrono::seconds(60);
  settings.secure_hsts_preload = settings.secure_hsts_include_subdomains = false;
  CHECK(header(Api(settings).get("/things"), "Strict-Transport-Security") == "max-age=60");
  settings.secure_hsts_max_age = std::chrono::seconds(0);
  CHECK(header(Api(settings).get("/things"), "Strict-Transport-Security").empty());
}

TEST_CASE("plain HTTP is sent on to https where the settings say so, but for probes") {
  Settings settings;
  settings.secure_ssl_redirect = true;
  settings.trusted_proxies = {"203.0.113.1"};
  Api api(settings);
  add_health_routes(api.router, test::health_sources(api.clock));
  const http::Headers host{{"Host", "school.example:8000"}};
  const auto sent_on = api.get("/things?x=1", host);
  CHECK(sent_on.status == 301);
  CHECK(code_of(sent_on) == "https_required");
  CHECK(header(sent_on, "Location") == "https://school.example/api/things?x=1");
  CHECK(api.post("/things", "{}", host).status == 308);
  CHECK(api.get("/ready", host).status == 200);
  CHECK(code_of(api.get("/things")) == "invalid_host");
  CHECK(code_of(api.get("/things", {{"Host", "a/b@evil.example"}})) == "invalid_host");
  CHECK(api.get("/things", {{"X-Forwarded-Proto", "https"}}).status == 200);
  settings.public_url = "https://learn.example.org";
  CHECK(header(Api(settings).get("/things"), "Location") == "https://learn.example.org/api/things");
}

TEST_CASE("the trace of a request stands in its line of the log") {
  Api api;
  api.get("/things", {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
  CHECK(api.log.lines().back().fields.find("trace_id")->as_string() == "4bf92f3577b34da6a3ce929d0e0e4736");
  api.get("/things", {{"traceparent", "00-x"}});
  CHECK(api.log.lines().back().fields.find("trace_id")->is_null());
}

TEST_CASE("HSTS is sent in production and over TLS") {
  Settings production;
  production.environment = Environment::production;
  CHECK(header(Api(production).get("/things"), "Strict-Transport-Security") == "max-age=31536000; includeSubDomains");

  Settings proxied;
  proxied.trusted_proxies = {"203.0.113.1"};
  Api api(proxied);
  CHECK(header(api.get("/things", {{"X-Forwarded-Proto", "https"}}), "Strict-Transport-Security") != "");
  CHECK(header(api.get("/things", {{"X-Forwarded-Proto", "http"}}), "Strict-Transport-Security") == "");
}

TEST_CASE("a well-formed request id is kept, any other is replaced") {
  Api api;
  CHECK(header(api.get("/things", {{"X-Request-ID", "Client_1.a-b"}}), "X-Request-ID") == "Client_1.a-b");
  CHECK(header(api.get("/things", {{"X-Request-ID", std::string(64, 'x')}}), "X-Request-ID") == std::string(64, 'x'));
  for (const std::string& hostile : {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a\r\nX: y"),
                                     std::string("<script>"), std::string("a\0b", 3), std::string("ü")}) {
    CAPTURE(hostile);
    const auto response = api.get("/things", {{"X-Request-ID", hostile}});
    CHECK(Uuid::parse(header(response, "X-Request-ID")).has_value());
  }
  CHECK(header(api.get("/things"), "X-Request-ID") != header(api.get("/things"), "X-Request-ID"));
}

TEST_CASE("the answer tells how long it took") {
  Api api;
  CHECK(header(api.get("/slow"), "X-Response-Time") == "12.34ms");
  CHECK(header(api.get("/things"), "X-Response-Time") == "0.00ms");
}

TEST_CASE("unknown paths, unknown methods and malformed URLs are refused") {
  Api api;
  CHECK(code_of(api.get("/nothing")) == "not_found");
  CHECK(api.get("/nothing").status == 404);

  const auto wrong_method = api.pipeline.handle(Api::request(http::Method::del, "/things"));
  CHECK(wrong_method.status == 405);
  CHECK(header(wrong_method, "Allow") == "GET, HEAD, POST, OPTIONS");

  const auto alien_method = api.pipeline.handle(Api::request(http::Method::other, "/things"));
  CHECK(alien_method.status == 405);
  CHECK(header(alien_method, "Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(api.pipeline.handle(Api::request(http::Method::other, "/nothing")).status == 404);
  CHECK(*api.log.lines().back().fields.find("method") == Value("other"));

  for (const char* target :
       {"/things/%zz", "/things/%00", "/things/%FF", "/things?q=%zz", "/things?q=%FF", "things", ""}) {
    CAPTURE(target);
    CHECK(api.get(target).status == 400);
  }
  CHECK(api.get("/things?q=" + std::string(8200, 'x')).status == 414);
  CHECK(api.handled == 0);
}

TEST_CASE("OPTIONS tells the methods of a path without asking who wants to know") {
  Api api;
  const auto response = api.pipeline.handle(Api::request(http::Method::options, "/me"));
  CHECK(response.status == 204);
  CHECK(header(response, "Allow") == "GET, HEAD, OPTIONS");
  CHECK(api.pipeline.handle(Api::request(http::Method::options, "/nothing")).status == 404);
}

TEST_CASE("HEAD gets what GET gets, body included, for the transport to count") {
  Api api;
  const auto response = api.pipeline.handle(Api::request(http::Method::head, "/things/17"));
  CHECK(response.status == 200);
  CHECK(std::get<std::string>(response.body) == "\"17\"");
}

TEST_CASE("only allowed hosts are answered") {
  Settings settings;
  settings.allowed_hosts = {"school.example"};
  Api api(settings);
  add_health_routes(api.router, test::health_sources(api.clock));
  CHECK(api.get("/things", {{"Host", "school.example:8000"}}).status == 200);
  CHECK(code_of(api.get("/things", {{"Host", "evil.example"}})) == "invalid_host");
  CHECK(api.get("/health", {{"Host", "10.0.0.7"}}).status == 200);
  CHECK(api.get("/ready", {{"Host", "10.0.0.7"}}).status == 200);
  CHECK(api.get("/things").status == 400);
  CHECK(api.get("/things", {{"Host", "school.example"}, {"Host", "school.example"}}).status == 400);
  CHECK(api.handled == 1);
}

TEST_CASE("the steps refuse in their order") {
  Settings settings;
  settings.allowed_hosts = {"school.example"};
  Api api(settings);
  const std::string bad_body = "{";
  const auto status = [&](http::Method method, std::string target, http::Headers headers) {
    return api.pipeline.handle(Api::request(method, std::move(target), std::move(headers), bad_body)).status;
  };
  using enum http::Method;
  // Each line mends the first fault of the line before.
  CHECK(status(del, "/nothing?x=%zz", {{"Host", "evil"}, {"Authorization", "Bearer bad"}}) == 400);
  CHECK(api.authenticator.verified == 0);
  CHECK(status(del, "/nothing?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer bad"}}) == 404);
  CHECK(status(del, "/things?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer bad"}}) == 405);
  CHECK(api.authenticator.verified == 0);
  CHECK(status(post, "/things?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer bad"}}) == 401);
  CHECK(api.authenticator.admitted == 0);
  CHECK(status(post, "/things?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer ended"}}) == 401);
  CHECK(status(post, "/things?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer student"}}) == 403);
  CHECK(status(post, "/things?x=%zz", {{"Host", "school.example"}, {"Authorization", "Bearer admin"}}) == 400);
  CHECK(status(post, "/things?x=1", {{"Host", "school.example"}, {"Authorization", "Bearer admin"}}) == 422);
  CHECK(status(post, "/things", {{"Host", "school.example"}, {"Authorization", "Bearer admin"}}) == 400);
  CHECK(api.handled == 0);
}

TEST_CASE("a route that wants somebody refuses nobody, and a bad token is refused everywhere") {
  Api api;
  auto response = api.get("/me");
  CHECK(response.status == 401);
  CHECK(header(response, "WWW-Authenticate") == "Bearer");

  CHECK(body_of(api.get("/me", {{"Authorization", "Bearer student"}})) == Value(api.authenticator.user.text()));
  CHECK(body_of(api.get("/me", {{"Authorization", "bearer   student "}})) == Value(api.authenticator.user.text()));
  CHECK(body_of(api.get("/role", {{"Authorization", "Bearer student"}})) == Value("student"));
  CHECK(api.get("/role").status == 401);

  for (const char* credentials : {"Bearer", "Bearer ", "Bearer forged", "Bearer student x", "Bearer ended"}) {
    CAPTURE(credentials);
    for (const char* target : {"/me", "/things"}) {
      response = api.get(target, {{"Authorization", credentials}});
      CHECK(response.status == 401);
      CHECK(header(response, "WWW-Authenticate") == "Bearer error=\"invalid_token\"");
    }
  }
  CHECK(header(api.get("/me", {{"Authorization", "Basic dXNlcg=="}}), "WWW-Authenticate") == "Bearer");
  CHECK(api.get("/things", {{"Authorization", "Basic dXNlcg=="}}).status == 200);
  CHECK(api.get("/me", {{"Authorization", "Bearer student"}, {"Authorization", "Bearer admin"}}).status == 400);
}

TEST_CASE("who asks and what is read are one state") {
  Api api;
  api.get("/me", {{"Authorization", "Bearer student"}});
  CHECK(api.storage.reads == 1);
  api.get("/things");
  CHECK(api.storage.reads == 1);
}

TEST_CASE("a page or probe does not look at tokens") {
  Api api;
  CHECK(api.get("/page", {{"Authorization", "Bearer forged"}}).status == 200);
  CHECK(api.authenticator.verified == 0);
}

TEST_CASE("a body is read as JSON against its schema") {
  Api api;
  CHECK(body_of(api.post("/things", R"({"name": "x"})")) == parse_json(R"({"name": "x"})"));
  CHECK(first_fault(api.post("/things", "")) == "value_error.missing");
  CHECK(body_of(api.post("/things", "")) ==
        parse_json(R"({"detail": [{"loc": ["body"], "msg": "a JSON body is required", "type": "value_error.missing"}],
                       "code": "validation_error"})"));
  CHECK(api.post("/things", "{").status == 400);
  CHECK(code_of(api.post("/things", "{")) == "malformed_json");
  CHECK(api.post("/things", "{\"name\": \"\xFF\"}").status == 400);
  CHECK(api.post("/things", R"({"name": 1})").status == 422);
  CHECK(api.post("/things", R"({"name": "x", "nane": "y"})").status == 422);
  CHECK(api.post("/things", "null").status == 422);
  CHECK(api.post("/things", R"({"name": ")" + std::string(64, 'x') + "\"}").status == 413);
}

TEST_CASE("only JSON in UTF-8, not compressed, is read") {
  Api api;
  const auto status = [&](http::Headers headers) { return api.post("/free", "{}", std::move(headers)).status; };
  CHECK(status({}) == 200);
  CHECK(status({{"Content-Type", "application/json"}}) == 200);
  CHECK(status({{"Content-Type", "Application/JSON; charset=\"UTF-8\""}}) == 200);
  CHECK(status({{"Content-Type", "application/merge-patch+json"}}) == 200);
  CHECK(status({{"Content-Encoding", "identity"}}) == 200);
  CHECK(status({{"Content-Type", "application/json; charset=iso-8859-1"}}) == 415);
  CHECK(status({{"Content-Type", "text/plain"}}) == 415);
  CHECK(status({{"Content-Type", "application/x-www-form-urlencoded"}}) == 415);
  CHECK(status({{"Content-Type", "application/+json"}}) == 415);
  CHECK(status({{"Content-Type", ""}}) == 415);
  CHECK(status({{"Content-Encoding", "gzip"}}) == 415);
  CHECK(status({{"Content-Encoding", "identity, br"}}) == 415);
}

TEST_CASE("an optional body may be missing, and one that nobody reads is refused") {
  Api api;
  CHECK(body_of(api.post("/free", "")).is_null());
  CHECK(first_fault(api.post("/login", "{}")) == "value_error.extra");
  CHECK(api.post("/login", "").status == 200);
}

TEST_CASE("a body that streams in is collected up to the limit") {
  Api api;
  const auto send = [&](std::string text) {
    auto request = Api::request(http::Method::post, "/things", {{"Authorization", "Bearer admin"}});
    request.body = std::make_unique<TextSource>(std::move(text));
    return api.pipeline.handle(std::move(request));
  };
  CHECK(send(R"({"name": "x"})").status == 200);
  CHECK(send(R"({"name": ")" + std::string(100, 'x')).status == 413);
}

TEST_CASE("a route that streams gets its body in pieces, however it came") {
  Api api;
  auto whole = Api::request(http::Method::put, "/file", {}, "12345678");
  CHECK(body_of(api.pipeline.handle(std::move(whole))) == Value("12345678"));
  CHECK(api.pipeline.handle(Api::request(http::Method::put, "/file", {}, "123456789")).status == 413);
  auto streamed = Api::request(http::Method::put, "/file");
  streamed.body = std::make_unique<TextSource>("streamed");
  CHECK(body_of(api.pipeline.handle(std::move(streamed))) == Value("streamed"));
}

TEST_CASE("query parameters are read by the route's schema") {
  Api api;
  CHECK(api.get("/things?q=a+b%2B").status == 200);
  CHECK(api.get("/things?").status == 200);
  CHECK(api.get("/things?&&q=a&").status == 200);
  const auto extra = api.get("/things/1?debug=1");
  CHECK(extra.status == 422);
  CHECK(body_of(extra)["detail"].as_array().at(0)["loc"] == parse_json(R"(["query", "debug"])"));
  CHECK(first_fault(extra) == "value_error.extra");
  std::string many = "/things?";
  for (int i = 0; i < 101; ++i) many += "q" + std::to_string(i) + "&";
  CHECK(api.get(many).status == 422);
}

TEST_CASE("a malformed id names a thing that cannot exist") {
  Api api;
  CHECK(api.get("/things/17/owner").status == 404);
  CHECK(api.get("/things/0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40/owner").status == 200);
}

TEST_CASE("a defect is logged in full and told in general") {
  Api api;
  for (const char* target : {"/defect", "/exception"}) {
    CAPTURE(target);
    const auto response = api.get(target, {{"X-Request-ID", "find-me"}});
    CHECK(response.status == 500);
    CHECK(std::get<std::string>(response.body).find("secret") == std::string::npos);
    CHECK(code_of(response) == "internal_error");
    const auto lines = api.log.lines();
    const auto failure =
        std::find_if(lines.rbegin(), lines.rend(), [](const auto& line) { return line.category == "app"; });
    REQUIRE(failure != lines.rend());
    CHECK(failure->level == LogLevel::error);
    CHECK(*failure->fields.find("request_id") == Value("find-me"));
    CHECK(*failure->fields.find("error") == Value("the secret of the house"));
  }
  CHECK(api.get("/strange").status == 500);
}

TEST_CASE("debug shows a defect in development, never in production") {
  Settings settings;
  settings.debug = true;
  CHECK(body_of(Api(settings).get("/defect"))["detail"] == Value("the secret of the house"));
  settings.environment = Environment::production;
  CHECK(body_of(Api(settings).get("/defect"))["detail"] != Value("the secret of the house"));
}

TEST_CASE("503 says when to come back") {
  Api api;
  const auto response = api.get("/busy");
  CHECK(response.status == 503);
  CHECK(header(response, "Retry-After") == "7");
  CHECK(code_of(response) == "database_busy");
}

TEST_CASE("errors follow the settings, and problem+json is for those who ask") {
  Settings settings;
  settings.error_format = ErrorFormat::rich;
  Api api(settings);
  CHECK(body_of(api.get("/nothing"))["error_code"] == Value("NOT_FOUND"));
  const auto problem = api.get("/nothing", {{"Accept", "application/problem+json"}, {"X-Request-ID", "r1"}});
  CHECK(header(problem, "Content-Type") == "application/problem+json");
  CHECK(body_of(problem)["type"] == Value("urn:lms:error:not_found"));
  CHECK(body_of(problem)["request_id"] == Value("r1"));
  CHECK(header(api.get("/things", {{"Accept", "text/html"}}), "Content-Type") == "application/json");
}

TEST_CASE("one access line ends each request, without query and bodies") {
  Api api;
  api.clock.set(Time(std::chrono::seconds{1'000'000}));
  api.get("/things/17?token=hidden", {{"X-Request-ID", "r1"}, {"User-Agent", "curl/8\x1b[31m"}});
  api.get("/slow", {{"Authorization", "Bearer student"}});
  std::vector<LogRecorder::Line> ends;
  for (const auto& line : api.log.lines())
    if (line.category == "api.access" && line.level == LogLevel::info) ends.push_back(line);
  REQUIRE(ends.size() == 2);
  CHECK(Value(ends[0].fields) == parse_json(R"({"request_id": "r1", "trace_id": null, "method": "GET",
      "path": "/api/things/17",
      "route": "/api/things/{id}", "status_code": 422, "duration_ms": 0.0, "user_id": null, "access_token_id": null,
      "client_ip": "203.0.113.1", "user_agent": "curl/8?[31m"})"));
  CHECK(*ends[1].fields.find("duration_ms") == Value(12.34));
  CHECK(*ends[1].fields.find("user_id") == Value(api.authenticator.user.text()));
  CHECK(api.log.has(LogLevel::debug, "request started"));
  for (const auto& line : api.log.lines()) CHECK(to_json(line.fields).find("hidden") == std::string::npos);
}

TEST_CASE("the client's address is found behind a trusted proxy") {
  Settings settings;
  settings.trusted_proxies = {"203.0.113.0/24"};
  Api api(settings);
  const auto response = api.get("/client", {{"X-Forwarded-For", "198.51.100.7"}, {"X-Request-ID", "r1"}});
  CHECK(body_of(response) == parse_json(R"(["198.51.100.7", "r1"])"));
}

TEST_CASE("a plan tells lane and limits before the body has come") {
  Api api;
  const auto plan = [&](http::Method method, std::string target) {
    return api.pipeline.plan(Api::request(method, std::move(target)));
  };
  using enum http::Method;
  CHECK(plan(get, "/things").lane == http::Lane::here);
  CHECK(plan(get, "/things").max_body == 1024 * 1024);
  CHECK(plan(post, "/things?x=y").lane == http::Lane::waiting);
  CHECK(plan(post, "/things").max_body == 64);
  CHECK(plan(post, "/login").lane == http::Lane::heavy);
  CHECK(plan(put, "/file").streams);
  CHECK(plan(put, "/file").lane == http::Lane::waiting);
  CHECK(plan(get, "/nothing").lane == http::Lane::here);
  CHECK(plan(get, "/nothing").max_body == 1024 * 1024);
}

TEST_CASE("security headers are as the settings change them") {
  Settings settings;
  settings.security_headers = {{"X-Frame-Options", "SAMEORIGIN"},
                               {"Referrer-Policy", std::nullopt},
                               {"Cross-Origin-Opener-Policy", "same-origin"}};
  Api api(settings);
  const auto response = api.get("/things");
  const auto value = [&](std::string_view name) {
    const std::string* found = response.headers.find(name);
    return found ? *found : "-";
  };
  CHECK(value("X-Frame-Options") == "SAMEORIGIN");
  CHECK(response.headers.count("X-Frame-Options") == 1);
  CHECK(value("Referrer-Policy") == "-");
  CHECK(value("Cross-Origin-Opener-Policy") == "same-origin");
  CHECK(value("X-Content-Type-Options") == "nosniff");
}

TEST_CASE("whether the server lives is answered on the spot even where every read waits") {
  Api api({}, true);
  add_health_routes(api.router, test::health_sources(api.clock));
  const auto attempt = [&](std::string target) {
    auto request = Api::request(http::Method::get, std::move(target));
    CHECK(api.pipeline.plan(request).lane ==
          (request.target.ends_with("/health") ? http::Lane::here : http::Lane::waiting));
    return api.pipeline.try_handle(request);
  };
  REQUIRE(attempt("/health"));
  CHECK(attempt("/health")->status == 200);
  CHECK_FALSE(attempt("/ready"));
  CHECK_FALSE(attempt("/things"));
}

TEST_CASE("what needs no waiting is answered on the spot, the rest not begun") {
  Api api;
  const auto attempt = [&](http::Method method, std::string target, http::Headers headers = {}) {
    auto request = Api::request(method, std::move(target), std::move(headers));
    return api.pipeline.try_handle(request);
  };
  using enum http::Method;
  CHECK(attempt(get, "/things")->status == 200);
  CHECK(attempt(get, "/nothing")->status == 404);
  CHECK(attempt(post, "/things")->status == 401);
  CHECK(attempt(post, "/things", {{"Authorization", "Bearer forged"}})->status == 401);
  const auto lines_before = api.log.lines().size();
  CHECK_FALSE(attempt(post, "/things", {{"Authorization", "Bearer admin"}}).has_value());
  CHECK_FALSE(attempt(post, "/login").has_value());
  CHECK(api.authenticator.admitted == 0);
  CHECK(api.handled == 1);
  CHECK(api.log.lines().size() == lines_before);
}

TEST_CASE("a transport's refusal looks like every other error") {
  Api api;
  const auto response = api.pipeline.refuse(413, "body_too_large", "Too large.");
  CHECK(response.status == 413);
  CHECK(body_of(response) == parse_json(R"({"detail": "Too large.", "code": "body_too_large"})"));
  CHECK(Uuid::parse(header(response, "X-Request-ID")).has_value());
}

TEST_CASE("who must not wait is answered later") {
  Api api;
  std::vector<std::function<void()>> tasks;
  const Executor executor = [&](std::function<void()> task) { tasks.push_back(std::move(task)); };
  std::vector<http::Response> answers;
  const auto ask = [&](http::Request request) {
    api.pipeline.handle(
        std::move(request), [&](http::Response response) { answers.push_back(std::move(response)); }, executor);
  };
  const http::Headers admin{{"Authorization", "Bearer admin"}};

  SUBCASE("but a refusal that needs no storage comes at once") {
    ask(Api::request(http::Method::get, "/nothing"));
    CHECK(tasks.empty());
    CHECK(answers.at(0).status == 404);
  }
  SUBCASE("when a write has been committed") {
    ask(Api::request(http::Method::post, "/things", admin, R"({"name":"Ada"})"));
    CHECK(answers.empty());
    for (const auto& task : tasks) task();
    CHECK(answers.at(0).status == 200);
    CHECK(api.authenticator.admitted == 1);
    CHECK(api.handled == 1);
    CHECK(header(answers.at(0), "X-Request-ID").size() == 36);
  }
  SUBCASE("when a thread has read") {
    ask(Api::request(http::Method::get, "/me", admin));
    CHECK(answers.empty());
    for (const auto& task : tasks) task();
    CHECK(answers.at(0).status == 200);
  }
  SUBCASE("and is told of faults, those of the body too") {
    ask(Api::request(http::Method::post, "/things", admin, "{"));
    for (const auto& task : tasks) task();
    CHECK(answers.at(0).status == 400);
    CHECK(api.handled == 0);
  }
  CHECK(answers.size() == 1);
}

TEST_CASE("a request for which there is no thread gets 503") {
  Api api;
  const Executor executor = [](const std::function<void()>&) { throw unavailable("overloaded", "Later."); };
  for (const std::string target : {"/me", "/things"}) {
    CAPTURE(target);
    std::vector<http::Response> answers;
    const auto method = target == "/me" ? http::Method::get : http::Method::post;
    api.pipeline.handle(
        Api::request(method, target, {{"Authorization", "Bearer admin"}}, method == http::Method::post ? "{}" : ""),
        [&](http::Response response) { answers.push_back(std::move(response)); }, executor);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 503);
    CHECK(code_of(answers[0]) == "overloaded");
    CHECK(header(answers[0], "Retry-After") == "1");
  }
}

TEST_CASE("an answer of a cached route is given again until what it shows has changed") {
  Api api;
  api.write("a", "one");
  api.write("b", "two");
  CHECK(api.note("a") == "one");
  CHECK(api.note("a") == "one kept");
  CHECK(api.note("b") == "two");
  const auto count = [&] { return body_of(api.get("/notes")).as_integer(); };
  CHECK(count() == 2);

  api.write("a", "three");
  CHECK(api.note("a") == "three");
  CHECK(api.note("a") == "three kept");
  CHECK(api.note("b") == "two kept");
  api.write("c", "four");
  CHECK(count() == 3);
  CHECK(api.note("a") == "three kept");
}

TEST_CASE("a kept answer looks like every other") {
  Api api;
  api.write("a", "one");
  const auto first = api.get("/notes/a");
  api.clock.advance(std::chrono::seconds{1});
  const auto lines_before = api.log.lines().size();
  const auto second = api.get("/notes/a", {{"X-Request-ID", "r2"}});
  CHECK(api.handled == 1);
  CHECK(std::get<std::string>(second.body) == std::get<std::string>(first.body));
  for (const auto& [name, value] : first.headers)
    if (name != "X-Request-ID") CHECK(header(second, name) == value);
  CHECK(header(second, "X-Request-ID") == "r2");
  const auto lines = api.log.lines();
  REQUIRE(lines.size() > lines_before);
  CHECK(*lines.back().fields.find("route") == Value("/api/notes/{id}"));
  CHECK(*lines.back().fields.find("status_code") == Value(200));

  CHECK(std::get<std::string>(api.pipeline.handle(Api::request(http::Method::head, "/notes/a")).body) == "\"one\"");
  CHECK(api.handled == 1);
}

TEST_CASE("HEAD is given what is kept, and leaves nothing to be kept") {
  Api api;
  api.write("a", "one");
  api.pipeline.handle(Api::request(http::Method::head, "/notes/a"));
  CHECK(api.handled == 1);
  api.get("/notes/a");
  CHECK(api.handled == 2);
}

TEST_CASE("an answer is kept for its row's time, and for what the settings allow at most") {
  const auto kept_for = [](std::int64_t max_stale) {
    Settings settings;
    settings.cache_max_stale = std::chrono::seconds{max_stale};
    Api api(settings);
    api.write("a", "one");
    api.note("a");
    int seconds = 0;
    for (; api.note("a") == "one kept"; ++seconds) api.clock.advance(std::chrono::seconds{1});
    return seconds;
  };
  CHECK(kept_for(5) == 5);
  CHECK(kept_for(3'600) == 60);
  CHECK(kept_for(0) == 0);
}

TEST_CASE("nothing is kept where caching is off") {
  Settings settings;
  settings.cache_enabled = false;
  Api api(settings);
  api.write("a", "one");
  CHECK(api.note("a") == "one");
  CHECK(api.note("a") == "one");
}

TEST_CASE("what is written while an answer is made is seen by the next") {
  Api api;
  api.write("a", "old");
  api.meanwhile = [&] { api.write("a", "new"); };
  CHECK(api.note("a") == "old");
  CHECK(api.note("a") == "new");
  CHECK(api.note("a") == "new kept");
}

TEST_CASE("who signs in neither gets nor leaves a kept answer, and the checks before it stay") {
  Api api;
  const auto with = [](std::string credentials) { return http::Headers{{"Authorization", std::move(credentials)}}; };
  api.write("a", "one");
  CHECK(api.note("a", with("Bearer student")) == "one");
  CHECK(api.note("a") == "one");
  CHECK(api.note("a", with("Bearer student")) == "one");
  CHECK(api.note("a", with("Bearer forged")) == "401");
  CHECK(api.note("a", with("Bearer ended")) == "401");
  CHECK(api.note("a", with("Basic dXNlcg==")) == "one kept");

  Settings settings;
  settings.allowed_hosts = {"school.example"};
  Api strict(settings);
  strict.write("a", "one");
  CHECK(strict.note("a", {{"Host", "school.example"}}) == "one");
  CHECK(strict.note("a", {{"Host", "school.example"}}) == "one kept");
  CHECK(strict.note("a", {{"Host", "evil.example"}}) == "400");
}

TEST_CASE("only whole answers that are well are kept, each for what was asked") {
  Api api;
  CHECK(api.note("a") == "404");
  api.write("a", "one");
  CHECK(api.note("a") == "one");
  CHECK(api.note("a?q=1") == "one");
  CHECK(api.note("a?q=1") == "one kept");
  CHECK(api.note("a?r=1") == "422");
  CHECK(api.note("a?r=1") == "422");
  const std::string long_query = "a?q=1" + std::string(600, '&');
  CHECK(api.note(long_query) == "one");
  CHECK(api.note(long_query) == "one");

  for (const char* target : {"/cached/shows-nothing", "/cached/status", "/cached/stream"}) {
    CAPTURE(target);
    const int before = api.handled;
    api.get(target);
    api.get(target);
    CHECK(api.handled == before + 2);
  }
}

TEST_CASE("a body that a cached route does not take is refused as ever") {
  Api api;
  api.write("a", "one");
  CHECK(api.note("a") == "one");
  CHECK(api.pipeline.handle(Api::request(http::Method::get, "/notes/a", {}, "{}")).status == 422);
  auto request = Api::request(http::Method::get, "/notes/a");
  request.body = std::make_unique<TextSource>("{}");
  CHECK(api.pipeline.handle(std::move(request)).status == 422);
}

TEST_CASE("inside a transaction answers are neither kept nor given again") {
  Api api;
  api.write("a", "one");
  api.storage.read([&](UnitOfWork&) {
    CHECK(api.note("a") == "one");
    CHECK(api.note("a") == "one");
  });
  CHECK(api.note("a") == "one");
  CHECK(api.note("a") == "one kept");
}

TEST_CASE("a kept answer needs no waiting, even where every read waits") {
  Api api({}, true);
  api.write("a", "one");
  auto request = Api::request(http::Method::get, "/notes/a");
  CHECK_FALSE(api.pipeline.try_handle(request));
  CHECK(api.note("a") == "one");
  REQUIRE(api.pipeline.try_handle(request));
  CHECK(api.handled == 1);

  std::optional<http::Response> answer;
  const Executor nobody = [](const std::function<void()>&) { FAIL("nothing has to wait"); };
  api.pipeline.handle(
      std::move(request), [&](http::Response response) { answer = std::move(response); }, nobody);
  REQUIRE(answer);
  CHECK(body_of(*answer) == Value("one"));
}
